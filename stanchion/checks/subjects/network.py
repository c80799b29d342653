"""Who reaches the database: nobody but the backend, and that one by its name."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from stanchion.checks.container import BACKEND, POSTGRES, Container
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, Level, SkipError, UnreadableError, bad, note, warn
from stanchion.checks.registry import CRITICAL, DEPLOY, FILE, PREFLIGHT, RUNTIME, WARNING, check

CIS = "CIS Docker Benchmark"
DOCKER_MANUAL = "Docker manual"
# Names that the engine takes for its own: no container finds another one there by name.
NOT_USER_DEFINED = ("bridge", "default", "host", "none")
# What compose makes for services that name no network.
COMPOSE_DEFAULT = "default"


@check(
    "network.database_unpublished",
    rows="NET-01",
    title="The database has no port on the host",
    phases=(PREFLIGHT, DEPLOY, RUNTIME, FILE),
    severity=CRITICAL,
    why="A published port is open to everybody who reaches the host: Docker's rules come before those of "
    "ufw and firewalld.",
    remedy="Take it away and deploy; in a compose file remove ports from the database. Operators use the "
    "socket, or docker exec.",
    source=f"{CIS} 5.9 and 5.14; {DOCKER_MANUAL}, Packet filtering and firewalls",
    reads=("containers",),
    part=POSTGRES,
)
def database_unpublished(look: Look) -> Iterator[Evidence]:
    for container in look.some(POSTGRES):
        if container.network_mode == "host":
            yield bad("listens on the host itself", container.name, "network_mode")
        for port in container.ports:
            text = f"publishes {port.container_port} at {port.address}:{port.port or 'a free port'}"
            # Before engine 28 neighbours on the same network reach such a port too.
            yield (warn if _is_loopback(port.address) else bad)(text, container.name, "ports")
        if not container.ports and container.network_mode != "host":
            yield note("publishes nothing", container.name)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


@check(
    "network.isolation",
    rows="NET-02",
    title="From outside the backend is reached, and the database is not",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Whatever the settings say: a database that answers a stranger is one password away from being "
    "somebody else's.",
    remedy="Of a database that is reached: look which network or port lets it through (docker port, docker "
    "network inspect). Of a backend that is not: see container.state and container.health. Then deploy.",
    source="ours: tried from a container on the edge network, which has to reach the backend to count",
    reads=("outside", "ports"),
    part=POSTGRES,
)
def isolation(look: Look) -> Iterator[Evidence]:
    targets = look.source("outside")["targets"]
    found = []
    for target in targets:
        place = f"{target['address']}:{target['port']}"
        if target["what"] in ("database", "database-port"):
            found.append(_unwanted(target["reached"], f"the database at {place}"))
        elif target["what"] == "host":
            found.append(_on_the_host(look, target["reached"], place, target["port"]))
    yield from found
    proofs = [target for target in targets if target["what"] in ("backend", "backend-port")]
    leaks = any(evidence.level is Level.BAD for evidence in found)
    if not leaks and not any(target["reached"] for target in proofs):
        raise _no_proof(look, len(proofs))
    for target in proofs:
        yield _wanted(target["reached"], f"{target['address']}:{target['port']}", "from the edge network")
    for port in look.source("outside")["published"]:
        if port["role"] == BACKEND:
            yield _wanted(
                port["reached"], f"{port['address']}:{port['port']}", "from the host", port["container"]
            )


def _unwanted(reached: bool, what: str) -> Evidence:
    return bad(f"{what} is reached from the edge network") if reached else note(f"{what} is out of reach")


def _on_the_host(look: Look, reached: bool, place: str, port: int) -> Evidence:
    """Judge an answer at the database's port on the host: it may be another server's."""
    ours = any(
        entry["port"] == port and entry["stack"] == look.stack["name"] and entry["role"] == POSTGRES
        for entry in look.source("ports")["entries"]
    )
    if not reached:
        return note(f"the host at {place} does not answer")
    if ours:
        return bad(f"the database is reached from the edge network, published at {place}")
    return warn(
        f"something else of the host answers at {place}; make sure that it is not a way to the database"
    )


def _wanted(reached: bool, place: str, whence: str, of: str = "") -> Evidence:
    what = "is" if reached else "is not"
    return (note if reached else bad)(f"the backend at {place} {what} reached {whence}", of)


def _no_proof(look: Look, tried: int) -> Exception:
    """Return why the attempt says nothing: one that reaches nothing at all is no proof of a wall."""
    if not look.has(BACKEND):
        return SkipError("no backend is declared for this host: nothing would show that the attempt was one")
    seen = f"none of {tried} backends" if tried else "no running backend"
    return UnreadableError(f"the attempt from outside reached {seen}, so it says nothing of the database")


@check(
    "network.user_defined",
    rows="NET-03",
    title="Database and backend share a network of their own",
    phases=(PREFLIGHT, DEPLOY, RUNTIME, FILE),
    severity=CRITICAL,
    why="On Docker's default bridge containers have no names for each other, and everybody's containers "
    "are on it.",
    remedy="Deploy: the roles make the network. In a compose file declare a network, and name it in both "
    "services.",
    source=f"{CIS} 5.30; {DOCKER_MANUAL}, Bridge network driver",
    reads=("containers",),
)
def user_defined(look: Look) -> Iterator[Evidence]:
    if not (look.has(POSTGRES) and look.has(BACKEND)):
        raise SkipError("database and backend are not both declared here")
    database = look.some(POSTGRES)[0]
    for container in look.some(BACKEND):
        shared = _networks(look, database) & _networks(look, container)
        if not shared:
            yield bad(f"shares no network of its own with {database.name}", container.name, "networks")
        elif look.phase == FILE and shared == {COMPOSE_DEFAULT}:
            text = f"shares only the default network with {database.name}, and so do all other services"
            yield warn(text, container.name, "networks")
        else:
            yield note(f"shares {', '.join(sorted(shared))} with {database.name}", container.name, "networks")


def _networks(look: Look, container: Container) -> set[str]:
    """Return the networks on which containers find each other by name."""
    if look.phase == FILE:
        if container.network_mode in NOT_USER_DEFINED:
            return set()
        return set(container.networks) or {COMPOSE_DEFAULT}
    return set(container.networks) - set(NOT_USER_DEFINED)


@check(
    "network.internal",
    rows="NET-04",
    title="The database is on internal networks only",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=WARNING,
    why="From an internal network nothing leaves the host: a database that was broken into cannot send data "
    "anywhere, nor fetch tools.",
    remedy="docker network disconnect NETWORK CONTAINER for one too many; a network that is not internal "
    "has to be made anew, by destroy and deploy.",
    source=f"{DOCKER_MANUAL}, docker network create --internal",
    reads=("networks", "containers"),
    part=POSTGRES,
)
def internal(look: Look) -> Iterator[Evidence]:
    there = {entry["name"]: entry for entry in look.source("networks")["entries"]}
    for container in look.some(POSTGRES):
        names = sorted({look.stack["app_network"], *container.networks})
        known = [name for name in names if name in there]
        if not known and look.phase == PREFLIGHT:
            raise SkipError(f"there is no network {names[0]} yet")
        for name in names:
            if name not in there and look.phase == PREFLIGHT and name == look.stack.get("backup_network"):
                yield note(f"there is no network {name} yet", container.name)
            elif name not in there:
                yield bad(f"there is no network {name}", container.name)
            elif there[name]["internal"]:
                yield note(f"{name} is internal", container.name)
            elif name == look.stack.get("backup_network"):
                yield note(f"{name} is declared, and leads to the second repository", container.name)
            else:
                yield bad(f"is on {name}, which is not internal", container.name)


@check(
    "network.strangers",
    rows="NET-05",
    title="Only declared containers are on the database's network",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Whatever is on that network reaches the database's port, and may answer for its name.",
    remedy="Look what it is, and take it off: docker network disconnect NETWORK CONTAINER.",
    source="ours: the network is the wall around the database",
    reads=("networks",),
)
def strangers(look: Look) -> Iterator[Evidence]:
    there = {entry["name"]: entry for entry in look.source("networks")["entries"]}
    declared = {container.name for container in look.declared_containers()}
    for name in filter(None, (look.stack["app_network"], look.stack.get("backup_network"))):
        if name not in there:
            raise UnreadableError(f"there is no network {name}")
        # One with the stack's label is the stack's: a candidate, a migration, a backup, a look.
        foreign = [
            each
            for each in there[name]["containers"]
            if each["name"] not in declared and each["stack"] != look.stack["name"]
        ]
        for each in foreign:
            yield bad(f"is on {name} ({each['state']}, {each['ip'] or 'no address'})", each["name"])
        if not foreign:
            yield note(f"{len(there[name]['containers'])} containers, all of the stack", name)
