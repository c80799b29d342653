"""The database's name, as the backend's containers resolve it."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from stanchion.checks.container import BACKEND, POSTGRES
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, UnreadableError, bad, note
from stanchion.checks.registry import CRITICAL, DEPLOY, RUNTIME, check
from stanchion.checks.subjects.connection import insides


@check(
    "dns.alias",
    rows="DNS-01",
    title="The backend finds the database under its name",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="The name is an alias on the network, and gone when somebody connects the container again without "
    "it: the pools live on their open connections until the first of them ends.",
    remedy="Deploy, which gives the name back; or docker network disconnect and connect --alias NAME by "
    "hand.",
    source="ours: tried, docker network connect does not bring an alias back",
    reads=("inside", "containers"),
    part=BACKEND,
)
def alias(look: Look) -> Iterator[Evidence]:
    name = look.stack["database_alias"]
    wanted = _database_address(look) if look.has(POSTGRES) else None
    for container, answer in _answers(look).items():
        addresses = answer["addresses"]
        if not addresses:
            yield bad(f"{name} has no address: {answer['error']}", container)
        elif wanted and wanted not in addresses:
            yield bad(f"{name} is {' and '.join(addresses)}, and the database is {wanted}", container)
        else:
            yield note(f"{name} is {' and '.join(addresses)}", container)


def _database_address(look: Look) -> str | None:
    """Return where the database is on the network that it shares with the backend; None where it has none."""
    attached: Mapping[str, Any] = look.database.networks.get(look.stack["app_network"], {})
    address: str | None = attached.get("ip")
    return address


@check(
    "dns.single_answer",
    rows="DNS-02",
    title="Only one container answers for the database's name",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="With two of them the connections go to either in turn: to the old server and the new one, or to "
    "one that only looks like it.",
    remedy="Look who else has the name (docker network inspect), and take that one off the network.",
    source="ours: Docker's resolver answers with every container that has the alias",
    reads=("inside", "networks"),
    part=BACKEND,
)
def single_answer(look: Look) -> Iterator[Evidence]:
    name = look.stack["database_alias"]
    for container, answer in _answers(look).items():
        addresses = answer["addresses"]
        kinds = Counter(ipaddress.ip_address(address).version for address in addresses)
        if any(number > 1 for number in kinds.values()):
            named = " and ".join(f"{each} ({_who(look, each)})" for each in addresses)
            yield bad(f"{name} is {named}", container)
        elif addresses:
            yield note(f"{name} is {addresses[0]} alone", container)
        else:
            raise UnreadableError(f"in {container} {name} has no address: {answer['error']}")


def _who(look: Look, address: str) -> str:
    attached = (each for network in look.source("networks")["entries"] for each in network["containers"])
    return next((each["name"] for each in attached if each["ip"] == address), "no container of this host")


def _answers(look: Look) -> dict[str, Mapping[str, Any]]:
    """Return what the database's name is in every running backend."""
    name = look.stack["database_alias"]
    return {container: entry["names"][name] for container, entry in insides(look).items()}
