"""Networks, and names on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stanchion.checks.container import BACKEND, Container
from stanchion.checks.look import Look
from stanchion.checks.model import SkipError
from stanchion.checks.subjects.connection import insides
from stanchion.recovery.model import Layer, Risk, Seen
from stanchion.recovery.places import database
from stanchion.recovery.registry import Failing, cause

_SHOWN = ("network", "dns", "connection.from_backend")
# What the backend asks of a database that it cannot reach, and what is asked of the backend then.
_BEHIND = (
    "network",
    "dns",
    "connection",
    "container.health",
    "pool",
    "migration",
    "order",
    "log.trouble",
    "container.effective_limits",
    "monitoring.targets",
    "monitoring.metrics",
)


def _attached_networks(look: Look) -> Mapping[str, str]:
    """Return the ids of the engine's networks by their names."""
    return {each["name"]: each["id"] for each in look.source("networks")["entries"]}


@cause(
    "network.missing",
    Layer.NETWORK,
    "a network of the stack is gone",
    remedy="make_network",
    shown_by=_SHOWN,
    explains=_BEHIND,
    silences=("inside", "outside", "metrics"),
    blocks=("dns.broken", "backend.pool_used_up", "backend.definition"),
)
def missing(look: Look, _failing: Failing) -> Iterator[Seen]:
    there = _attached_networks(look)
    wanted = {name for each in look.declared_containers() for name in each.networks}
    for name in sorted(wanted - there.keys()):
        yield Seen(name, "is declared and not there", ("python runner.py deploy",))


@cause(
    "network.cut",
    Layer.NETWORK,
    "a container is cut off its network",
    remedy="attach_network",
    shown_by=_SHOWN,
    explains=_BEHIND,
    silences=("inside", "outside", "metrics"),
    blocks=("dns.broken", "backend.pool_used_up", "backend.definition"),
)
def cut(look: Look, _failing: Failing) -> Iterator[Seen]:
    there = _attached_networks(look)
    for container in look.real_containers():
        declared = look.declared_like(container).networks
        for network in sorted(declared.keys() & there.keys()):
            wanted = list(declared[network].get("aliases") or [])
            attached = container.networks.get(network)
            problem = _cut_off(container, attached, there[network], wanted)
            if problem:
                behind = _behind(look, container) if network == look.stack["app_network"] else ""
                yield Seen(
                    f"{container.name} on {network}",
                    f"{container.name} {problem} {network}{behind}",
                    _commands(network, container.name, wanted, attached is not None),
                    {"container": container.name, "network": network, "aliases": wanted},
                    # It has to be taken off first, and loses what it has open there.
                    word=attached is not None and problem.startswith("has lost"),
                )


def _cut_off(
    container: Container, attached: Mapping[str, Any] | None, network_id: str, wanted: list[str]
) -> str:
    """Return what is wrong with a container's place on a network; empty where nothing is."""
    if attached is None:
        return "is not on"
    if attached.get("id") and attached["id"] != network_id:
        return "is on an earlier network of the name"
    lost = sorted(set(wanted) - set(attached.get("aliases") or []))
    if lost and container.running:
        return f"has lost its name {' and '.join(lost)} on"
    return ""


def _behind(look: Look, container: Container) -> str:
    try:
        found = database(look)
    except SkipError:
        return ""
    if found is not None and found.name == container.name:
        return ": no backend finds the database"
    return ": it finds no database" if container.role == BACKEND else ""


def _commands(network: str, container: str, aliases: list[str], attached: bool) -> tuple[str, ...]:
    names = "".join(f" --alias {alias}" for alias in aliases)
    off = (f"docker network disconnect --force {network} {container}",) if attached else ()
    return (*off, f"docker network connect{names} {network} {container}")


@cause(
    "dns.broken",
    Layer.NETWORK,
    "a name does not resolve in a container",
    remedy="restart_backend",
    risk=Risk.APPROVE,
    shown_by=("dns.alias",),
    silences=("inside",),
    explains=("dns", "connection.from_backend", "container.health", "pool", "migration"),
)
def broken(look: Look, _failing: Failing) -> Iterator[Seen]:
    name = look.stack["database_alias"]
    found = database(look)
    # Of a database that does not run, or ends each time that it is started, the engine knows no name: that is
    # not the resolver's fault.
    if found is None or not found.running or found.health not in (None, "healthy"):
        return
    for container, entry in insides(look).items():
        answer = entry["names"][name]
        if not answer["addresses"]:
            what = f"name {name} does not resolve in it: {answer['error']}"
            yield Seen(container, what, (f"docker restart {container}",))
