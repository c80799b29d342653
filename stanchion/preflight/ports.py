"""Can the replicas be published where they are declared: ports that exist, and that nobody else has?"""

from __future__ import annotations

import ipaddress
from collections.abc import Container

from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import Declared, Facts, has_engine, unreadable

ROLE = "backend"
LAST_PORT = 65535
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def port_problems(declared: Declared, facts: Facts) -> list[Problem]:
    """Return what is wrong with the declared address and its ports."""
    try:
        address = ipaddress.ip_address(declared.text("backend_publish_address"))
    except ValueError as error:
        return [_problem("backend.address", f"backend_publish_address: {error}.", "Write an IP address.")]
    first, replicas = declared.number("backend_publish_port"), declared.number("stack_backend_replicas")
    last = first + replicas - 1
    if first < 1 or last > LAST_PORT:
        return [
            _problem(
                "backend.port_range",
                f"{replicas} replicas are published on the ports {first} to {last}, which do not all exist.",
                f"Set backend_publish_port to a number from 1 to {LAST_PORT + 1 - replicas}.",
            )
        ]
    found = []
    if not address.is_loopback:
        found.append(
            Problem(
                slug="backend.public",
                what=f"The replicas are published on {address}. Docker's published ports pass by the host's "
                "firewall (ufw included), without TLS.",
                where="the variable backend_publish_address",
                remedy="Publish on 127.0.0.1 behind a proxy, or put rules into the chain DOCKER-USER.",
                level="warning",
            )
        )
    return found + _taken(address, range(first, last + 1), declared.text("stack_name"), facts)


def unread(facts: Facts) -> list[Problem]:
    """Return a problem where nobody can tell who has which port."""
    broken = unreadable(facts, "ports")
    if not broken and has_engine(facts) and facts["ports"]["containers_error"]:
        error = facts["ports"]["containers_error"]
        return [
            Problem(
                slug="host.unreadable",
                what=f"Which containers publish which ports could not be looked at: {error}.",
                where="the engine of the host",
                remedy="See to that first; what was not looked at is not taken for granted.",
                exit="unreachable",
            )
        ]
    return broken


def users_of(address: Address, wanted: Container[int], own: tuple[str, str], facts: Facts) -> dict[int, str]:
    """Return who has these ports already, but for containers of `own`: a stack, and a role of it."""
    return {
        entry["port"]: _user(entry)
        for entry in facts["ports"]["entries"]
        if entry["port"] in wanted
        and (entry["stack"], entry["role"]) != own
        and _meet(address, ipaddress.ip_address(entry["address"]))
    }


def _taken(address: Address, wanted: range, stack: str, facts: Facts) -> list[Problem]:
    broken = unread(facts)
    if broken:
        return broken
    users = users_of(address, wanted, (stack, ROLE), facts)
    free = _free(address, wanted, facts)
    return [
        _problem(
            "backend.port_taken",
            f"Port {port} is taken already on the host, by {user}.",
            f"Stop that, or set backend_publish_port to another number{free}.",
        )
        for port, user in sorted(users.items())
    ]


def _meet(wanted: Address, there: Address) -> bool:
    """Say whether two sockets meet: who listens everywhere listens here, by IPv6 for IPv4 too."""
    if wanted.version == there.version:
        return wanted == there or wanted.is_unspecified or there.is_unspecified
    return (wanted if wanted.version == 6 else there).is_unspecified


def _user(entry: dict[str, object]) -> str:
    if not entry["container"]:
        return f"a program that listens on {entry['address']} (ss -ltnp shows it)"
    return f"the container {entry['container']}"


def _free(address: Address, wanted: range, facts: Facts) -> str:
    """Return the next ports that would do, as a sentence's end."""
    taken = {
        entry["port"]
        for entry in facts["ports"]["entries"]
        if _meet(address, ipaddress.ip_address(entry["address"]))
    }
    for first in range(wanted.start, LAST_PORT + 2 - len(wanted)):
        if taken.isdisjoint(range(first, first + len(wanted))):
            return f" ({first} would be free)"
    return ""


def _problem(slug: str, what: str, remedy: str) -> Problem:
    return Problem(slug=slug, what=what, where="the variable backend_publish_port or _address", remedy=remedy)
