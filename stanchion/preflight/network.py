"""Do the stack's subnets clash with a route of the host, with another network, or with each other?

Declared: `stack_name`, `stack_app_network`, `stack_app_subnet`, `stack_edge_network`, `stack_edge_subnet`,
`stack_backend_replicas`, `stack_backend_companions`; and where there is a repository off the host,
`stack_backup_network` and `stack_backup_subnet`; where the stack is monitored, `stack_monitoring_network` and
`stack_monitoring_subnet`.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stanchion.preflight import values
from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import Declared, Facts, has_engine, unreadable

SOURCES = ("engine", "networks", "routes")

# The network's own address, the broadcast address and the gateway.
TAKEN = 3
# Database and migration; exporter, backup, a restore drill and two helpers of operators.
OTHERS = 7
# A default route, or the two halves that a VPN puts in its place: everything overlaps with those.
WIDEST_ROUTE = 2
# A network of the engine, as the kernel knows it.
BRIDGE = re.compile(r"br-[0-9a-f]{12}")


@dataclass(frozen=True)
class _Wanted:
    """One of the stack's networks as declared."""

    variable: str
    name: str
    subnet: ipaddress.IPv4Network


def look(declared: Declared, facts: Facts) -> list[Problem]:
    """Return every clash; networks that this stack already has are its own."""
    kinds = _kinds(declared)
    wanted, found = _read(declared, kinds)
    found += values.docker_names("network", declared, *(f"stack_{kind}_network" for kind in kinds))
    found += _between(wanted)
    for network in wanted:
        found += _kind(network)
        if network.variable in ("stack_app_subnet", "stack_edge_subnet"):
            found += _room(network, declared)
    if has_engine(facts):
        found += unreadable(facts, "networks") or _engine_clashes(wanted, declared.text("stack_name"), facts)
    return found + (unreadable(facts, "routes") or _route_clashes(wanted, facts))


def _kinds(declared: Declared) -> tuple[str, ...]:
    """Return which networks the stack has: those of backups and monitoring only where they are declared."""
    more = [kind for kind in ("backup", "monitoring") if declared.text(f"stack_{kind}_subnet", "")]
    return ("app", "edge", *more)


def _read(declared: Declared, kinds: Iterable[str]) -> tuple[list[_Wanted], list[Problem]]:
    wanted, found = [], []
    for kind in kinds:
        variable = f"stack_{kind}_subnet"
        text = declared.text(variable)
        try:
            subnet = ipaddress.IPv4Network(text)
        except ValueError as error:
            found.append(
                Problem(
                    slug="network.cidr",
                    what=f"{variable} is {text!r}, which is no IPv4 subnet: {error}.",
                    where=f"the variable {variable}",
                    remedy="Write the network's first address and its length, like 172.30.240.0/24.",
                )
            )
        else:
            wanted.append(_Wanted(variable, declared.text(f"stack_{kind}_network"), subnet))
    return wanted, found


def _between(wanted: list[_Wanted]) -> list[Problem]:
    return [
        Problem(
            slug="network.own_overlap",
            what=f"The stack's own subnets overlap: {one.subnet} and {other.subnet}.",
            where=f"the variables {one.variable} and {other.variable}",
            remedy="Give them two separate subnets.",
        )
        for one, other in itertools.combinations(wanted, 2)
        if one.subnet.overlaps(other.subnet)
    ]


def _kind(network: _Wanted) -> list[Problem]:
    subnet = network.subnet
    if subnet.is_loopback or subnet.is_multicast or subnet.is_link_local or subnet.is_reserved:
        what = f"{subnet} is reserved for other purposes (loopback, link-local, multicast)."
    elif subnet.is_global:
        what = f"{subnet} is public address space: the host would lose the way to whoever has it."
    else:
        return []
    return [
        Problem(
            slug="network.kind",
            what=what,
            where=f"the variable {network.variable}",
            remedy="Take one from 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16.",
        )
    ]


def _room(network: _Wanted, declared: Declared) -> list[Problem]:
    replicas, companions = (declared.number(f"stack_backend_{kind}") for kind in ("replicas", "companions"))
    members = f"{replicas} replicas" + (f", {companions} companions" if companions else "")
    # Twice: while a replica is replaced, the new one runs beside the old one.
    needed = TAKEN + OTHERS + 2 * (replicas + companions)
    if network.subnet.num_addresses >= needed:
        return []
    length = 32 - (needed - 1).bit_length()
    return [
        Problem(
            slug="network.too_small",
            what=f"{network.subnet} has {network.subnet.num_addresses} addresses, and {members} "
            f"with what runs beside them need {needed}.",
            where=f"the variable {network.variable}",
            remedy=f"Make it a /{length} or wider.",
        )
    ]


def _engine_clashes(wanted: list[_Wanted], stack: str, facts: Facts) -> list[Problem]:
    # Where the stack's own subnets overlap, its own existing networks would only say so again.
    told = {network.name for network in wanted} if _between(wanted) else set()
    found = []
    for network in wanted:
        for other in facts["networks"]["entries"]:
            if other["name"] == network.name:
                if other["stack"] != stack:
                    found.append(_foreign(network, other["stack"]))
                continue
            if other["name"] in told:
                continue
            owner = f"the Docker network {other['name']}"
            for subnet in _overlapping(network, other["subnets"]):
                found.append(_clash("network.docker_clash", network, subnet, owner))
    return found


def _foreign(network: _Wanted, owner: str | None) -> Problem:
    whose = f"the stack {owner}" if owner else "somebody else (it carries no label of ours)"
    return Problem(
        slug="network.foreign",
        what=f"The Docker network {network.name} exists already and belongs to {whose}.",
        where=f"docker network inspect {network.name} on the host",
        remedy="Give this stack another stack_name, or remove that network if nobody uses it.",
    )


def _route_clashes(wanted: list[_Wanted], facts: Facts) -> list[Problem]:
    # The engine's networks are routes as well; those have been compared above, with their names.
    networks = facts["networks"]["entries"] if facts["networks"]["ok"] else []
    bridges = {subnet for network in networks for subnet in network["subnets"]}
    found = []
    for network in wanted:
        for route in facts["routes"]["entries"]:
            destination = route["destination"]
            if destination in bridges or ":" in destination or int(destination.split("/")[1]) < WIDEST_ROUTE:
                continue
            if _left_behind(network, route, facts):
                continue
            for subnet in _overlapping(network, [destination]):
                found.append(
                    _clash("network.route_clash", network, subnet, f"a route by {route['interface']}")
                )
    return found


def _left_behind(network: _Wanted, route: Mapping[str, Any], facts: Facts) -> bool:
    """Say whether a route is by the stack's own bridge, of which a stopped engine cannot tell the name.

    An engine that ends leaves its bridges in the kernel. Were it somebody else's network after all, the
    engine itself refuses to make a second one of the same subnet.
    """
    stopped = facts["engine"].get("state") == "stopped"
    its_own = BRIDGE.fullmatch(route["interface"]) and route["destination"] == str(network.subnet)
    return bool(stopped and its_own)


def _overlapping(network: _Wanted, subnets: Iterable[str]) -> list[str]:
    return [
        text for text in subnets if ":" not in text and network.subnet.overlaps(ipaddress.ip_network(text))
    ]


def _clash(slug: str, network: _Wanted, subnet: str, owner: str) -> Problem:
    return Problem(
        slug=slug,
        what=f"{network.subnet} for {network.name} clashes with {subnet}, {owner} of the host: what "
        "it leads to would no longer be reached.",
        where=f"the variable {network.variable}",
        remedy=f"Set {network.variable} to a subnet that is free there (ip route shows what is taken).",
    )
