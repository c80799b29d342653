"""Subnets beside the routes and networks of a host on which two stacks run."""

import pytest

DECLARED = {
    "stack_name": "medication-tracker",
    "stack_app_network": "medication-tracker_app_network",
    "stack_app_subnet": "172.30.205.0/24",
    "stack_edge_network": "medication-tracker_edge_network",
    "stack_edge_subnet": "172.30.241.0/24",
    "stack_backend_replicas": 2,
    "stack_backend_companions": 0,
}


def test_ones_own_networks_do_not_clash(look, running):
    names = [network["name"] for network in running["networks"]["entries"]]
    assert DECLARED["stack_app_network"] in names
    assert look("network", DECLARED, running) == []


def test_a_bare_host(look, bare):
    assert look("network", DECLARED, bare) == []


@pytest.mark.parametrize(
    ("subnet", "owner"),
    [
        ("172.17.240.0/24", "bridge"),
        ("172.30.206.0/25", "foreign"),
        ("172.29.60.128/25", "other-stack_app_network"),
    ],
)
def test_networks_of_others(look, running, subnet, owner):
    (problem,) = look("network", {**DECLARED, "stack_edge_subnet": subnet}, running)
    assert problem.slug == "network.docker_clash"
    assert f"the Docker network {owner} " in problem.what
    assert problem.where == "the variable stack_edge_subnet"


def test_a_wider_subnet_meets_each_network_in_it(look, slugs, running):
    found = look("network", {**DECLARED, "stack_edge_subnet": "172.29.0.0/16"}, running)
    assert slugs(found) == ["network.docker_clash"] * 2


@pytest.mark.parametrize(
    ("subnet", "route"), [("192.0.2.0/25", "192.0.2.0/24"), ("10.8.0.0/24", "10.0.0.0/8")]
)
def test_routes(look, running, subnet, route):
    running["routes"]["entries"].append(
        {"destination": "10.0.0.0/8", "gateway": None, "interface": "tun0", "metric": 0}
    )
    (problem,) = look("network", {**DECLARED, "stack_app_subnet": subnet}, running)
    assert problem.slug == "network.route_clash"
    assert route in problem.what
    assert problem.where == "the variable stack_app_subnet"


@pytest.mark.parametrize("destination", ["0.0.0.0/1", "128.0.0.0/1", "0.0.0.0/0", "::/0", "fd00::/64"])
def test_routes_to_everywhere_clash_with_nothing(look, running, destination):
    running["routes"]["entries"] = [
        {"destination": destination, "gateway": None, "interface": "tun0", "metric": 0}
    ]
    assert look("network", DECLARED, running) == []


def test_a_route_within_the_subnet(look, slugs, running):
    running["routes"]["entries"].append(
        {"destination": "172.30.241.7/32", "gateway": None, "interface": "wg0", "metric": 0}
    )
    assert slugs(look("network", DECLARED, running)) == ["network.route_clash"]


def test_routes_are_compared_where_no_engine_is(look, slugs, bare):
    found = look("network", {**DECLARED, "stack_app_subnet": "172.17.1.0/24"}, bare)
    assert slugs(found) == ["network.route_clash"]


@pytest.mark.parametrize(
    ("destination", "interface", "found"),
    [
        ("172.30.205.0/24", "br-df30ef08c2ff", []),
        ("172.30.0.0/16", "br-df30ef08c2ff", ["network.route_clash"] * 2),
        ("172.30.205.0/24", "br-lan", ["network.route_clash"]),
    ],
)
def test_bridges_that_a_stopped_engine_left_behind(look, slugs, bare, destination, interface, found):
    bare["engine"]["state"] = "stopped"
    route = {"destination": destination, "gateway": None, "interface": interface, "metric": 0}
    bare["routes"]["entries"] = [route]
    assert slugs(look("network", DECLARED, bare)) == found


def test_the_other_own_network_is_still_there(look, slugs, running):
    declared = {**DECLARED, "stack_app_subnet": "10.1.0.0/24", "stack_edge_subnet": "172.30.205.0/24"}
    assert slugs(look("network", declared, running)) == ["network.docker_clash"]


def test_ones_own_network_with_another_subnet_is_no_clash(look, running):
    # What becomes of a changed subnet is the role's to say.
    assert look("network", {**DECLARED, "stack_app_subnet": "172.30.205.0/25"}, running) == []


@pytest.mark.parametrize("owner", [None, "other-stack"])
def test_a_network_of_the_same_name_that_is_not_ours(look, running, owner):
    network = next(n for n in running["networks"]["entries"] if n["name"] == DECLARED["stack_app_network"])
    network["stack"] = owner
    (problem,) = look("network", DECLARED, running)
    assert problem.slug == "network.foreign"
    assert (owner or "no label of ours") in problem.what


@pytest.mark.parametrize(
    "text",
    ["", "172.30.240.0/33", "172.30.240.1/24", "300.0.0.0/24", "fd00::/64", "example", "172.30.240.0/24 "],
)
def test_what_is_no_subnet(look, running, text):
    (problem,) = look("network", {**DECLARED, "stack_app_subnet": text}, running)
    assert problem.slug == "network.cidr"
    assert repr(text) in problem.what


@pytest.mark.parametrize("text", ["127.0.1.0/24", "169.254.3.0/24", "224.0.1.0/24", "8.8.8.0/24"])
def test_subnets_that_are_somebody_elses_by_right(look, slugs, running, text):
    assert slugs(look("network", {**DECLARED, "stack_app_subnet": text}, running)) == ["network.kind"]


@pytest.mark.parametrize("text", ["10.99.0.0/24", "192.168.77.0/24", "100.64.7.0/24"])
def test_private_subnets(look, running, text):
    assert look("network", {**DECLARED, "stack_app_subnet": text}, running) == []


@pytest.mark.parametrize("edge", ["172.30.205.0/24", "172.30.204.0/23", "172.30.205.128/25"])
def test_own_subnets_overlap(look, slugs, running, edge):
    assert slugs(look("network", {**DECLARED, "stack_edge_subnet": edge}, running)) == ["network.own_overlap"]


@pytest.mark.parametrize(
    ("subnet", "replicas", "advice"),
    [
        ("172.30.241.0/28", 3, None),  # 3 + 7 + 6 = 16
        ("172.30.241.0/28", 4, "a /27"),
        ("172.30.241.0/24", 123, None),
        ("172.30.241.0/24", 124, "a /23"),
        ("172.30.241.0/30", 1, "a /28"),
    ],
)
def test_room_for_the_containers(look, bare, subnet, replicas, advice):
    declared = {**DECLARED, "stack_edge_subnet": subnet, "stack_backend_replicas": replicas}
    declared["stack_app_subnet"] = "10.1.0.0/16"
    problems = look("network", declared, bare)
    if advice is None:
        assert problems == []
    else:
        (problem,) = problems
        assert problem.slug == "network.too_small"
        assert advice in problem.remedy


def test_companions_need_room_as_replicas_do(look, bare):
    edge = {**DECLARED, "stack_app_subnet": "10.1.0.0/16", "stack_edge_subnet": "172.30.241.0/28"}
    assert look("network", {**edge, "stack_backend_companions": 1}, bare) == []
    (problem,) = look("network", {**edge, "stack_backend_companions": 2}, bare)
    assert "2 replicas, 2 companions with what runs beside them need 18" in problem.what


@pytest.mark.parametrize("source", ["networks", "routes"])
def test_what_could_not_be_looked_at(look, slugs, running, source):
    running[source] = {"ok": False, "error": "no answer"}
    found = look("network", DECLARED, running)
    assert "host.unreadable" in slugs(found)
    assert all(problem.exit == "unreachable" for problem in found if problem.slug == "host.unreadable")


@pytest.mark.parametrize("name", ["", "_net", "a net", "a/b", "x"])
def test_names_that_docker_does_not_take(look, slugs, bare, name):
    assert slugs(look("network", {**DECLARED, "stack_app_network": name}, bare)) == ["network.name"]


@pytest.mark.parametrize("kind", ["backup", "monitoring"])
def test_a_further_network_counts_where_it_is_declared(look, slugs, running, kind):
    declared = {**DECLARED, f"stack_{kind}_network": "s_more", f"stack_{kind}_subnet": "172.30.242.0/24"}
    assert look("network", declared, running) == []
    clash = {**declared, f"stack_{kind}_subnet": "172.30.241.128/25"}
    (problem,) = look("network", clash, running)
    assert problem.slug == "network.own_overlap"
    assert problem.where == f"the variables stack_edge_subnet and stack_{kind}_subnet"
