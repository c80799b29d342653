"""What is declared against what is in force: each kind of difference is named."""

import pytest

from stanchion.checks import Outcome
from stanchion.checks.container import ANYWHERE

SLUG = "container.effective_limits"
MB = 1024**2


def told(kept):
    finding = kept.ask(SLUG)
    return finding.outcome, {seen.what for seen in finding.evidence if seen.level == "bad"}


@pytest.mark.parametrize(
    "figure,value,says",
    [
        ("memory_limit", 1024 * MB, "memory (kernel): declared 2048MB, in force 1024MB"),
        ("memory_limit", None, "memory (kernel): declared 2048MB, in force nothing"),
        ("memory_swap_limit", 4096 * MB, "memory and swap (kernel): declared 2048MB, in force 4096MB"),
        ("cpus", 0.5, "processors (kernel): declared 2, in force 0.5"),
        ("pids_limit", 512, "processes (kernel): declared 256, in force 512"),
    ],
)
def test_the_kernel_holds_it_otherwise(kept, figure, value, says):
    kept.facts["cgroups"]["entries"]["medication-tracker-db"][figure] = value
    assert told(kept) == (Outcome.WARN, {says})


def test_the_engine_says_otherwise(kept):
    kept.container("db")["limits"]["shm_size"] = 64 * MB
    shared = "shared memory ({}): declared 256MB, in force 64MB"
    assert told(kept)[1] == {shared.format("engine"), shared.format("kernel")}


def test_a_kernel_that_does_not_count_swap_is_not_asked_for_it(kept):
    kept.facts["cgroups"]["entries"]["medication-tracker-db"]["memory_swap_limit"] = None
    assert told(kept)[0] is Outcome.PASS


def test_more_processors_than_the_host_has_are_not_to_be_had(kept):
    kept.definition("db")["cpus"] = 64
    assert told(kept)[0] is Outcome.PASS


def test_a_stopped_container_has_no_figures_of_the_kernel(kept):
    del kept.facts["cgroups"]["entries"]["medication-tracker-db"]
    assert told(kept)[0] is Outcome.PASS


def test_an_environment_that_differs(kept):
    kept.container("backend-1")["environment"]["values"]["DB_POOL_SIZE"] = "50"
    kept.container("backend-1")["environment_names"].remove("PORT")
    assert told(kept)[1] == {
        "variable DB_POOL_SIZE: declared '5', in force '50'",
        "variable PORT: declared a value, in force nothing",
    }


def test_no_password_is_told(kept):
    kept.definition("backend-1")["env"]["DATABASE_URL"] = "postgresql://app:hunter2@db/app"
    finding = kept.ask(SLUG)
    assert finding.outcome is Outcome.WARN
    assert "hunter2" not in str(finding)


def test_the_recorded_volume_is_the_declared_one(kept):
    kept.facts["volume_record"]["record"]["volume"] = "restored"
    data = "mount at /var/lib/postgresql/data"
    assert told(kept)[1] == {f"{data}: declared volume restored, in force volume medication-tracker-pgdata"}
    next(m for m in kept.container("db")["mounts"] if m["type"] == "volume")["name"] = "restored"
    assert told(kept)[0] is Outcome.PASS


def test_mounts_that_differ(kept):
    mounts = kept.container("backend-1")["mounts"]
    secrets = f"bind {mounts[0]['source']}"
    mounts[0]["read_only"] = False
    mounts.append(
        {"type": "bind", "name": None, "source": "/srv", "destination": "/more", "read_only": False}
    )
    assert told(kept)[1] == {
        f"mount at /run/secrets: declared {secrets} (read-only), in force {secrets}",
        "mount at /more: declared nothing, in force bind /srv",
    }


def test_networks_that_differ(kept):
    networks = kept.container("db")["networks"]
    networks["medication-tracker_app_network"]["aliases"].remove("db")
    networks["bridge"] = {"id": "1", "ip": None, "ipv6": None, "aliases": []}
    del kept.container("backend-1")["networks"]["medication-tracker_edge_network"]
    assert told(kept)[1] == {
        "network medication-tracker_app_network: declared the name db, in force not that name",
        "network bridge: declared not attached, in force attached",
        "network medication-tracker_edge_network: declared attached, in force not attached",
    }


def test_ports_that_differ(kept):
    kept.container("backend-1")["ports"][0]["address"] = ANYWHERE
    assert told(kept)[1] == {
        f"published ports: declared 127.0.0.1:5000->5000/tcp, in force {ANYWHERE}:5000->5000/tcp"
    }


def test_another_probe_and_policy(kept):
    kept.container("db")["probe"].update(interval=60.0, test=["CMD", "true"])
    kept.container("backend-1").update(probe=None, restart_policy="no")
    assert told(kept)[1] == {
        "health check, test: declared CMD healthcheck, in force CMD true",
        "health check, interval: declared 5, in force 60",
        "health check: declared /app/healthcheck /health, in force nothing",
        "restart policy: declared unless-stopped, in force no",
    }


def test_an_undeclared_probe_is_the_images_at_the_declared_intervals(kept):
    kept.definition("db")["healthcheck"]["test"] = None
    assert told(kept)[0] is Outcome.PASS
    kept.container("db")["probe"]["interval"] = 61.0
    assert told(kept)[0] is not Outcome.PASS


def test_nothing_is_there(kept):
    kept.facts["containers"]["entries"] = []
    assert told(kept)[0] is Outcome.ERROR


def test_a_second_volume_is_not_taken_for_the_data(kept):
    """The repository is a declared volume too: the record of the active one says nothing of it."""
    kept.facts["volume_record"]["record"]["volume"] = "restored"
    mounts = kept.container("db")["mounts"]
    next(m for m in mounts if m["destination"] == "/var/lib/postgresql/data")["name"] = "restored"
    assert kept.ask(SLUG).outcome is Outcome.PASS
    next(m for m in mounts if m["destination"] == "/var/lib/pgbackrest")["name"] = "restored"
    assert "declared volume medication-tracker-backup, in force volume restored" in kept.ask(SLUG).summary
