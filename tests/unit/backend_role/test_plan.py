"""What a roll-out decides from the containers that it sees."""

import pytest
from ansible_collections.stanchion.stack.plugins.filter.backend_rollout import (
    failure_text,
    leftovers,
    plan,
    steps_text,
    url_with_password,
    variables,
)

STACK = "shop"


AS_DECLARED = {
    "config": "c0ffee",
    "secrets": "5ec2e7",
    "image": "sha256:1",
    "memory": 512 << 20,
    "memory_swap": 512 << 20,
    "nano_cpus": 1_000_000_000,
    "pids": 256,
    "restart": "unless-stopped",
}
WANTED = {**AS_DECLARED, "app_network": "app", "edge_network": "edge", "first_port": 5000}


def container(suffix, state="running", health="healthy", port=None, **changed):
    return {
        "name": f"{STACK}-{suffix}",
        "state": state,
        "health": health,
        "port": port,
        "networks": {"app": ["0123456789ab", suffix], "edge": []},
        **AS_DECLARED,
        **changed,
    }


def planned(containers, replicas=2, companions=(), **changed):
    members = [*range(1, replicas + 1), *companions]
    return plan(containers, STACK, members, {**WANTED, **changed})


def test_nothing_to_do_when_every_replica_is_as_declared():
    todo = planned([container("backend-1", port=5000), container("backend-2", port=5001)])
    assert not any(todo.values())
    assert steps_text(todo) == ""


def test_a_fresh_host_gets_every_replica_without_a_candidate():
    todo = planned([])
    assert todo["missing"] == [1, 2]
    assert steps_text(todo) == "run the migration, create replicas 1, 2"


def test_a_changed_definition_is_tried_on_a_candidate_first():
    todo = planned([container("backend-1"), container("backend-2")], image="sha256:2")
    assert todo["replace"] == [1, 2]
    assert steps_text(todo) == (
        "run the migration, try the new definition (changed: image) on a candidate, replace replicas 1, 2"
    )


@pytest.mark.parametrize("name", AS_DECLARED)
def test_each_difference_replaces_the_replica_that_has_it_and_no_other(name):
    todo = planned([container("backend-1", **{name: "other"}), container("backend-2")])
    assert (todo["replace"], todo["different"], todo["missing"]) == ([1], [name], [])


@pytest.mark.parametrize(
    "networks",
    [
        {"app": ["backend-1"]},
        {"edge": []},
        {"app": ["backend-1"], "edge": [], "bridge": []},
        {"app": ["0123456789ab"], "edge": []},
        {},
    ],
    ids=["no edge", "no app", "one too many", "alias lost", "none"],
)
def test_a_network_changed_by_hand_replaces_the_replica(networks):
    todo = planned([container("backend-1", networks=networks), container("backend-2")])
    assert (todo["replace"], todo["different"]) == ([1], ["networks"])


def test_scaling_down_removes_the_highest_first():
    todo = planned([container(f"backend-{n}") for n in (1, 2, 3, 10)], replicas=1)
    assert todo["surplus"] == [10, 3, 2]
    assert steps_text(todo) == "remove replicas 10, 3, 2"


def test_scaling_up_adds_what_is_missing_and_leaves_the_rest():
    todo = planned([container("backend-1")], replicas=3)
    assert (todo["missing"], todo["replace"], todo["unsettled"]) == ([2, 3], [], [])


def test_companions_come_after_the_replicas_and_go_when_they_are_declared_no_more():
    todo = planned([], companions=["worker", "beat"])
    assert todo["missing"] == [1, 2, "worker", "beat"]
    assert steps_text(todo) == "run the migration, create replicas 1, 2, worker, beat"
    there = [container(f"backend-{name}") for name in ("1", "2", "worker", "beat")]
    assert not any(planned(there, companions=["worker", "beat"]).values())
    todo = planned(there, companions=["worker"], config="new")
    assert (todo["replace"], todo["surplus"]) == ([1, 2, "worker"], ["beat"])
    assert steps_text(planned(there, companions=["worker"])) == "remove beat"


def test_variables_arrive_under_the_images_names():
    names = {"DB_POOL_SIZE": "MAX_CONNS", "DB_MAX_OVERFLOW": ""}
    contract = {"DB_POOL_SIZE": "5", "DB_MAX_OVERFLOW": "0", "PORT": "80"}
    assert variables(contract, names) == {"MAX_CONNS": "5", "PORT": "80"}


@pytest.mark.parametrize("state", ["created", "exited", "dead"])
def test_a_stopped_replica_is_started_not_replaced(state):
    todo = planned([container("backend-1", state), container("backend-2")])
    assert (todo["start"], todo["unsettled"], todo["replace"]) == ([1], [1], [])
    assert steps_text(todo) == "start replica 1"


@pytest.mark.parametrize(
    ("state", "health"), [("running", "unhealthy"), ("running", "starting"), ("restarting", "unhealthy")]
)
def test_a_sick_replica_of_the_declared_definition_is_waited_for_not_replaced(state, health):
    todo = planned([container("backend-1", state, health), container("backend-2")])
    assert (todo["unsettled"], todo["replace"], todo["start"]) == ([1], [], [])


def test_a_paused_replica_is_named_and_nothing_else_is_planned_for_it():
    todo = planned([container("backend-1", "paused"), container("backend-2")])
    assert todo.pop("paused") == ["shop-backend-1"]
    assert not any(todo.values())


def test_a_paused_surplus_replica_is_named_too():
    assert planned([container("backend-3", "paused")])["paused"] == ["shop-backend-3"]


def test_ports_that_move_up_are_taken_from_the_top():
    there = [container("backend-1", port=5000), container("backend-2", port=5001)]
    assert planned(there, config="new", first_port=5001)["replace"] == [2, 1]
    assert planned(there, config="new", first_port=4999)["replace"] == [1, 2]


def test_other_containers_are_no_replicas():
    others = [
        container("backend-candidate"),
        container("backend-1-previous"),
        container("backend-01"),
        container("backend-endpoints"),
        container("migrate"),
        container("db"),
    ]
    todo = planned(others)
    assert todo["missing"] == [1, 2]
    assert todo["surplus"] == []


def test_another_stack_whose_name_begins_alike_is_left_alone():
    foreign = [{"name": "shop-two-backend-1", "state": "running", "health": "healthy", "port": None}]
    assert planned(foreign)["missing"] == [1, 2]
    assert leftovers([{**foreign[0], "name": "shop-two-backend-1-previous"}], STACK) == []


def test_one_shot_containers_of_an_interrupted_run_are_removed():
    there = [container(s) for s in ("backend-candidate", "migrate", "backend-endpoints", "backend-1")]
    assert leftovers(there, STACK) == [
        ["rm", "--force", "shop-backend-candidate"],
        ["rm", "--force", "shop-migrate"],
        ["rm", "--force", "shop-backend-endpoints"],
    ]


@pytest.mark.parametrize("previous_state", ["running", "exited"])
def test_killed_after_the_rename_the_previous_gets_its_name_back(previous_state):
    steps = leftovers([container("backend-1-previous", previous_state), container("backend-2")], STACK)
    assert steps[0] == ["rename", "shop-backend-1-previous", "shop-backend-1"]
    assert steps[1:] == ([["start", "shop-backend-1"]] if previous_state == "exited" else [])


@pytest.mark.parametrize(
    ("state", "health"),
    [
        ("created", None),
        ("running", "starting"),
        ("running", "unhealthy"),
        ("exited", "unhealthy"),
        ("running", None),
    ],
)
def test_killed_before_the_new_one_was_healthy_the_previous_is_put_back(state, health):
    there = [container("backend-1", state, health), container("backend-1-previous", "exited", "unhealthy")]
    assert leftovers(there, STACK) == [
        ["rm", "--force", "shop-backend-1"],
        ["rename", "shop-backend-1-previous", "shop-backend-1"],
        ["start", "shop-backend-1"],
    ]


def test_killed_after_the_new_one_was_healthy_the_previous_is_removed():
    there = [container("backend-1"), container("backend-1-previous", "exited", "unhealthy")]
    assert leftovers(there, STACK) == [["rm", "--force", "shop-backend-1-previous"]]


def test_a_failed_command_is_told_by_what_it_printed():
    result = {"failed": True, "cmd": ["docker", "start", "shop-backend-1"], "msg": "non-zero return code"}
    assert failure_text({**result, "stderr": "address already in use\n"}) == (
        "`docker start shop-backend-1` failed: address already in use"
    )


def test_a_failed_loop_is_told_by_its_failed_items():
    items = [{"msg": "fine"}, {"failed": True, "msg": "first"}, {"failed": True, "msg": "second"}]
    assert (
        failure_text({"failed": True, "msg": "One or more items failed", "results": items}) == "first\nsecond"
    )
    assert failure_text({"failed": True, "msg": "plain"}) == "plain"


def test_a_censored_failure_says_so():
    assert "hidden" in failure_text({"failed": True, "censored": "no_log"})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://shop@db:5432/shop", "postgresql://shop:a%2Fb%3A%40c@db:5432/shop"),
        (
            "postgresql+psycopg://shop@db/shop?sslmode=disable",
            "postgresql+psycopg://shop:a%2Fb%3A%40c@db/shop?sslmode=disable",
        ),
    ],
)
def test_a_password_is_quoted_into_an_address(url, expected):
    assert url_with_password(url, "a/b:@c") == expected
