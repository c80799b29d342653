"""What only a compose file says: order, networks as it defines them, and what is written into it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stanchion.checks.container import ANYWHERE, POSTGRES
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, SkipError, bad, note, warn
from stanchion.checks.registry import CRITICAL, FILE, INFO, WARNING, check
from stanchion.compose import images
from stanchion.compose.files import Files
from stanchion.compose.service import Service
from stanchion.secret_names import PASSWORD_IN_ADDRESS, holds_secret

# Programs of health checks that an image may lack, where a command begins.
_PROGRAM = re.compile(r"(?:^|[;&|(!]\s*|\bif\s+|\bexec\s+)(?:/\S*/)?(curl|wget|nc|bash)(?=\s|$)")
# What the web asks for is meant for everybody.
_PUBLIC_PORTS = (80, 443)


def _files(look: Look) -> Files:
    found: Files = look.source("compose")["files"]
    return found


def _services(look: Look, role: str) -> list[Service]:
    return [service for service in _files(look).services if service.role == role]


def _clients(look: Look) -> list[Service]:
    """Return the services that use a database of the same file."""
    return [service for service in _files(look).services if service.databases]


@check(
    "compose.depends_on",
    rows="ORD-01",
    title="Whoever uses the database is started once it is healthy",
    phases=(FILE,),
    severity=WARNING,
    why="Without the condition, compose starts both at once: the application's first connections are "
    "refused, and its migration may run into a half-made database.",
    remedy="Write below depends_on the database's service with `condition: service_healthy`, and give the "
    "database a health check.",
    source="Docker documentation, Control startup order in Compose",
    reads=("compose",),
)
def depends_on(look: Look) -> Iterator[Evidence]:
    clients = _clients(look)
    if not clients:
        raise SkipError("no service uses a database of the same file")
    for service in clients:
        for database in service.databases:
            yield _order(look, service, database)


def _order(look: Look, service: Service, database: str) -> Evidence:
    of, key = service.name, f"depends_on.{database}"
    if service.get(key) is None:
        return bad(f"uses {database} and does not wait for it (no depends_on)", of, "depends_on")
    condition = service.text(f"{key}.condition") or "service_started"
    if condition == "service_started":
        return bad(f"waits until {database} has started, not until it is healthy", of, key)
    if condition == "service_healthy" and _files(look).service(database).container().probe is None:
        return bad(f"waits for {database} to be healthy, which has no health check: it never starts", of, key)
    return note(f"waits for {database} ({condition})", of, key)


@check(
    "compose.health_tool",
    rows="CTR-10",
    title="The program of every health check is in its image",
    phases=(FILE,),
    severity=CRITICAL,
    why="A health check whose program is missing fails for ever: the container is never healthy, whatever "
    "waits for it never starts, and nobody learns of a real failure.",
    remedy="Install the program in the Dockerfile, or ask in the language of the application (for example "
    "`python3 -c` with urllib); for Postgres take pg_isready.",
    source="ours: slim and Alpine images bring neither all of curl, wget and bash nor say so",
    reads=("compose",),
)
def health_tool(look: Look) -> Iterator[Evidence]:
    asked = False
    for service in _files(look).services:
        for program in _programs(service):
            asked = True
            yield _tool(look, service, program)
    if not asked:
        raise SkipError("no health check calls curl, wget, nc or bash")


def _programs(service: Service) -> list[str]:
    """Return the programs that a health check calls and an image may lack."""
    probe = service.container().probe
    if probe is None:
        return []
    line = " ".join(probe.test[1:])
    shell = ["sh"] if probe.test[0] == "CMD-SHELL" else []
    inner = (
        probe.test[3] if probe.test[0] == "CMD" and probe.test[2:3] == ("-c",) and len(probe.test) > 3 else ""
    )
    found = {match[1] for text in (line, inner) for match in _PROGRAM.finditer(text.strip())}
    return sorted(found) or (shell if _lacks_shell(service) else [])


def _lacks_shell(service: Service) -> bool:
    return images.lacks(_base(service), "sh") is True


def _base(service: Service) -> str:
    return service.dockerfile.base(service.target) if service.dockerfile else service.image


def _tool(look: Look, service: Service, program: str) -> Evidence:
    key = "healthcheck.test" if service.get("healthcheck.test") else "build"
    unread = _files(look).unread.get(service.name)
    if unread is not None:
        return warn(
            f"the health check calls {program}, and whether its image has it was not seen: {unread}",
            service.name,
            key,
        )
    base = _base(service)
    if service.dockerfile is not None and service.dockerfile.installs(program, service.target):
        return note(f"calls {program}, which {service.dockerfile.path} installs", service.name, key)
    lacks = images.lacks(base, program)
    if lacks:
        where = f"; {service.dockerfile.path} does not install it" if service.dockerfile else ""
        return bad(f"the health check calls {program}, which {base} lacks{where}", service.name, key)
    known = "which its image has" if lacks is False else f"and nothing is known of what {base} has"
    return note(f"calls {program}, {known}", service.name, key)


@check(
    "compose.checksums",
    rows="INT-01",
    title="A new cluster has data checksums",
    phases=(FILE,),
    severity=WARNING,
    why="Without them a damaged page is read as if it were right, and gets into every backup. They are "
    "chosen when the cluster is made; later it takes a stop.",
    remedy='Set POSTGRES_INITDB_ARGS: "--data-checksums" before the first start; on data that exists, stop '
    "it and run pg_checksums --enable.",
    source="PostgreSQL manual, initdb; documentation of the official image (POSTGRES_INITDB_ARGS)",
    reads=("compose",),
    part=POSTGRES,
)
def checksums(look: Look) -> Iterator[Evidence]:
    for service in _services(look, POSTGRES):
        version = images.major(_base(service))
        arguments = service.text("environment.POSTGRES_INITDB_ARGS")
        key = "environment.POSTGRES_INITDB_ARGS" if arguments else "environment"
        if version is None:
            yield note("nothing is known of its version: 18 and later make them by themselves", service.name)
        elif version < 18 and not re.search(r"--data-checksums|(^|\s)-k(\s|$)", arguments):
            yield bad(
                f"Postgres {version} makes a cluster without checksums unless told to", service.name, key
            )
        else:
            yield note(f"Postgres {version}, with checksums", service.name, key)


@check(
    "compose.internal_network",
    rows="NET-04",
    title="The database's networks have no way out",
    phases=(FILE,),
    severity=WARNING,
    why="On a network that is not internal, the database can reach the internet: stolen data leaves that "
    "way, and a published port opens it to the outside.",
    remedy="Write `internal: true` below the network. What is published goes on a second network, together "
    "with the application.",
    source="Docker documentation, Networks top-level element (internal)",
    reads=("compose",),
    part=POSTGRES,
)
def internal_network(look: Look) -> Iterator[Evidence]:
    seen = []
    for service in _services(look, POSTGRES):
        networks = service.get("networks")
        seen += [_internal(look, name) for name in (networks.mapping if networks else {})]
    if not seen:
        raise SkipError("the database is on no network of its own (see network.user_defined)")
    yield from seen


def _internal(look: Look, name: str) -> Evidence:
    project = _files(look).project
    definition = project.network(name) if project else None
    key = f"networks.{name}"
    external = definition.get("external") if definition else None
    if external is not None and (external.true or external.mapping):
        return note("is made elsewhere, and cannot be seen here", name, key)
    internal = definition.get("internal") if definition else None
    if internal is not None and internal.true:
        return note("is internal", name, key)
    return bad("is not internal", name, key)


@check(
    "compose.port_address",
    rows="NET-01",
    title="Ports are published on a named address",
    phases=(FILE,),
    severity=WARNING,
    why="Without an address a port is published on all of the host's, and Docker's rules go before those of "
    "ufw: the firewall that seems to protect it is passed by.",
    remedy='Write the address to the port ("127.0.0.1:5000:5000"), and let a proxy be what is reached from '
    "outside.",
    source="CIS Docker Benchmark 5.14; Docker documentation, Packet filtering and firewalls (Docker and ufw)",
    reads=("compose",),
)
def port_address(look: Look) -> Iterator[Evidence]:
    published = [(c, port) for c in look.containers() if c.role != POSTGRES for port in c.ports]
    if not published:
        raise SkipError("no service but the database publishes a port")
    for container, port in published:
        key = f"ports.{port.container_port}"
        where = f"{port.container_port}" if port.port is None else f"{port.port}"
        if port.address in (ANYWHERE, "::") and port.port not in _PUBLIC_PORTS:
            yield bad(f"publishes port {where} on all addresses", container.name, key)
        else:
            yield note(f"{port.address}:{where}", container.name, key)


@check(
    "compose.replicas",
    rows="POOL-01",
    title="What is there several times can be there several times",
    phases=(FILE,),
    severity=WARNING,
    why="Two containers can have neither one name nor one port of the host: the second does not start.",
    remedy="Leave container_name out, and publish a range of ports or none (a proxy reaches the replicas by "
    "the service's name).",
    source="Docker documentation, Services top-level elements (container_name)",
    reads=("compose",),
)
def replicas(look: Look) -> Iterator[Evidence]:
    several = [service for service in _files(look).services if service.replicas > 1]
    if not several:
        raise SkipError("no service has replicas")
    for service in several:
        if service.text("container_name"):
            yield bad(f"has {service.replicas} replicas and one name", service.name, "container_name")
        fixed = [port for port in service.container().ports if port.port is not None]
        if fixed:
            yield bad(f"has {service.replicas} replicas and one port {fixed[0].port}", service.name, "ports")


@check(
    "compose.literal_secret",
    rows=("ENV-02", "ENV-04"),
    title="No secret is written in the file",
    phases=(FILE,),
    severity=CRITICAL,
    why="The file is in version control, and whoever has a clone of any age has the password. A default "
    "after `:-` is what runs where somebody forgot the variable.",
    remedy="Take a file below `secrets:` and the variable with _FILE, or ${NAME:?set NAME in .env}; then "
    "change the secret, for it is known.",
    source="CIS Docker Benchmark 4.10; documentation of the official image (Docker Secrets)",
    reads=("compose",),
)
def literal_secret(look: Look) -> Iterator[Evidence]:
    for service in _files(look).services:
        for path in ("environment", "build.args"):
            found = service.get(path)
            for name, value in (found.mapping if found else {}).items():
                if _is_written_out(name, value.literal):
                    yield bad(f"{name} stands in the file in plain text", service.name, f"{path}.{name}")


def _is_written_out(name: str, literal: str) -> bool:
    if PASSWORD_IN_ADDRESS.search(literal):
        return True
    # An address without its password is none; nor is a variable's name of a file.
    return "://" not in literal and holds_secret(name, literal)


@check(
    "compose.version",
    rows="ours",
    title="The file has no `version`",
    phases=(FILE,),
    severity=INFO,
    why="Compose has not read it since 2020 and warns of it at every command: a warning that one learns to "
    "overlook.",
    remedy="Delete the line; nothing takes its place.",
    source="Compose Specification, Version and name top-level elements",
    reads=("compose",),
)
def version(look: Look) -> Iterator[Evidence]:
    project = _files(look).project
    found = project.top.get("version") if project else None
    if found is not None:
        yield bad(f"version {found.text} is obsolete", "", "version")
