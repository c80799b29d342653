"""The two networks: the internal one lets nothing out, the edge one does, and the stack owns both."""

from __future__ import annotations

import json

import pytest
from testinfra.host import Host

STACK = "network-scenario"
APP, EDGE = f"{STACK}_app_network", f"{STACK}_edge_network"


def network(host: Host, name: str) -> dict:
    return json.loads(host.check_output("docker network inspect %s", name))[0]


def test_the_app_network_is_an_internal_bridge(host: Host) -> None:
    found = network(host, APP)
    assert found["Driver"] == "bridge"
    assert found["Internal"] is True
    assert [config["Subnet"] for config in found["IPAM"]["Config"]] == ["172.30.244.0/24"]


def test_the_edge_network_has_the_subnet_that_was_declared_last(host: Host) -> None:
    found = network(host, EDGE)
    assert found["Driver"] == "bridge"
    assert found["Internal"] is False
    assert [config["Subnet"] for config in found["IPAM"]["Config"]] == ["172.30.249.0/24"]


@pytest.mark.parametrize("name", [APP, EDGE])
def test_the_networks_are_labelled(host: Host, name: str) -> None:
    labels = network(host, name)["Labels"]
    assert labels["io.stanchion.stack"] == STACK
    assert labels["io.stanchion.role"] == "stack_network"


def test_no_other_network_was_made(host: Host) -> None:
    names = host.check_output("docker network ls --format '{{.Name}}'").split()
    assert sorted(names) == sorted([APP, EDGE, "bridge", "host", "none"])


@pytest.mark.parametrize(("name", "routes"), [(APP, 0), (EDGE, 1)])
def test_only_the_edge_network_has_a_way_out(host: Host, name: str, routes: int) -> None:
    # Destination 00000000 is the default route; the base image has no program that would show it.
    table = host.check_output("docker run --rm --network %s debian:trixie-slim cat /proc/net/route", name)
    assert sum(line.split()[1] == "00000000" for line in table.splitlines()[1:]) == routes
