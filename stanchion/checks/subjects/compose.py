"""What only a compose file says: order, addresses of the database, networks, what is written into it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stanchion.checks.container import ANYWHERE, BACKEND, POSTGRES
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, SkipError, bad, note, warn
from stanchion.checks.registry import CRITICAL, FILE, INFO, WARNING, Threshold, check
from stanchion.compose import images
from stanchion.compose.files import Files
from stanchion.compose.service import Service, holds_secret

# What Postgres has where nothing is said, and keeps of it for superusers.
_MAX_CONNECTIONS = 100
_RESERVED = 3
_POOL_SIZES = ("DB_POOL_SIZE", "DATABASE_POOL_SIZE", "SQLALCHEMY_POOL_SIZE", "POOL_SIZE", "DB_POOL_MAX")
_OVERFLOWS = ("DB_MAX_OVERFLOW", "DATABASE_MAX_OVERFLOW", "SQLALCHEMY_MAX_OVERFLOW", "MAX_OVERFLOW")
_WORKERS = ("WEB_CONCURRENCY", "GUNICORN_WORKERS", "UVICORN_WORKERS", "WORKERS")
_WORKERS_OPTION = re.compile(r"(?:^|\s)(?:--workers[= ]|-w[= ]?)(\d+)(?:\s|$)")
_MAX_CONNECTIONS_OPTION = re.compile(r"(?:-c\s*|--)max[_-]connections\s*=\s*(\d+)")
# Programs of health checks that an image may lack, where a command begins.
_PROGRAM = re.compile(r"(?:^|[;&|(!]\s*|\bif\s+|\bexec\s+)(?:/\S*/)?(curl|wget|nc|bash)(?=\s|$)")
# What the web asks for is meant for everybody.
_PUBLIC_PORTS = (80, 443)
_PASSWORD_IN_ADDRESS = re.compile(r"://[^/\s:@]*:[^/\s@]+@")


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
    "compose.superuser",
    rows="AUTH-05",
    title="The application connects as a role of its own, not as the superuser",
    phases=(FILE,),
    severity=CRITICAL,
    why="POSTGRES_USER is the superuser of the cluster: an injected statement can read the server's files, "
    "run programs and drop every database, and no connection limit holds for it.",
    remedy="Make a role for the application (a script in /docker-entrypoint-initdb.d with CREATE ROLE … "
    "LOGIN and its GRANTs), and put that role into the application's address.",
    source="CIS PostgreSQL 17 4.3, 5.11; documentation of the official image (POSTGRES_USER)",
    reads=("compose",),
)
def superuser(look: Look) -> Iterator[Evidence]:
    addresses = [(s, address) for s in _files(look).services if s.role == BACKEND for address in s.addresses]
    if not addresses:
        raise SkipError("no service says as whom it connects")
    supers = {user: service.name for service in _services(look, POSTGRES) for user in _superusers(service)}
    for service, address in addresses:
        key = f"environment.{address.variable}"
        if address.user in supers:
            of = supers[address.user]
            yield bad(f"connects as {address.user}, the superuser of {of}", service.name, key)
        elif address.user == "postgres":
            yield bad("connects as postgres, the superuser", service.name, key)
        elif address.user:
            yield note(f"connects as {address.user}", service.name, key)


def _superusers(service: Service) -> set[str]:
    if "bitnami" in service.image:
        return {"postgres"}
    user = service.environment.get("POSTGRES_USER")
    return {user.symbolic if user else "postgres", "postgres"}


@check(
    "compose.trust",
    rows="AUTH-02",
    title="The database asks for a password",
    phases=(FILE,),
    severity=CRITICAL,
    why="With trust, whoever reaches the port is whom they say they are: the superuser, without a password.",
    remedy="Leave POSTGRES_HOST_AUTH_METHOD out: the image takes scram-sha-256. On data that exists, mend "
    "pg_hba.conf.",
    source="CIS PostgreSQL 17 5.4; documentation of the official image (POSTGRES_HOST_AUTH_METHOD)",
    reads=("compose",),
    part=POSTGRES,
)
def trust(look: Look) -> Iterator[Evidence]:
    for service in _services(look, POSTGRES):
        key = "environment.POSTGRES_HOST_AUTH_METHOD"
        method = service.text(key)
        if method == "trust":
            yield bad("trusts everybody who reaches it (POSTGRES_HOST_AUTH_METHOD)", service.name, key)
        elif method in ("password", "md5"):
            yield warn(f"takes passwords by {method}, which can be read or replayed", service.name, key)
        else:
            yield note(method or "scram-sha-256, as the image does by itself", service.name, key)


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
    "compose.default_network",
    rows="NET-03",
    title="The database is on a network of its own",
    phases=(FILE,),
    severity=WARNING,
    why="The default network has every service of the file on it: the proxy and the mailer reach the "
    "database, too. Docker's own bridge has no names at all.",
    remedy="Define a network with `internal: true` below `networks:`, and put the database and its clients "
    "on it.",
    source="CIS Docker Benchmark 5.30; Docker documentation, Bridge network driver",
    reads=("compose",),
    part=POSTGRES,
)
def default_network(look: Look) -> Iterator[Evidence]:
    for service in _services(look, POSTGRES):
        if service.get("network_mode") is not None:
            yield bad(f"has network_mode {service.text('network_mode')}", service.name, "network_mode")
        elif service.get("networks") is None:
            yield bad(
                "is on the default network, with every service that names none", service.name, "networks"
            )
        else:
            yield note(", ".join(service.container().networks), service.name, "networks")


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
    for service in _services(look, POSTGRES):
        networks = service.get("networks")
        for name in networks.mapping if networks else {}:
            yield _internal(look, name)


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
    "compose.pool_arithmetic",
    rows="POOL-01",
    title="The connection pools fit into max_connections",
    phases=(FILE,),
    severity=CRITICAL,
    why="Once the pools can ask for more than the database gives, the request that comes then is refused: "
    "under load, when it matters.",
    remedy="Make DB_POOL_SIZE, DB_MAX_OVERFLOW, the workers or the replicas fewer, or give the database "
    "`command: postgres -c max_connections=N` and the memory for it.",
    source="SQLAlchemy documentation, Error Messages (QueuePool limit); PostgreSQL manual, max_connections",
    reads=("compose",),
    thresholds=(
        Threshold(
            "validation_compose_other_connections",
            10,
            "connections",
            "kept for operators, exporter, backup and a migration, as postgres_other_connections does",
        ),
    ),
    part=POSTGRES,
)
def pool_arithmetic(look: Look) -> Iterator[Evidence]:
    others = int(look.threshold("validation_compose_other_connections"))
    any_pool = False
    for database in _services(look, POSTGRES):
        pools = [(s, d) for s in _clients(look) if database.name in s.databases and (d := _demand(s))]
        if not pools:
            continue
        any_pool = True
        demand = sum(number for _, (number, _) in pools)
        key = f"environment.{_first(pools[0][0], _POOL_SIZES)[0]}"
        found = _max_connections(database)
        if found is None:
            yield note(
                f"{demand} connections; max_connections stands in a file of the database's own",
                pools[0][0].name,
            )
            continue
        most, how = found
        room = most - _RESERVED - others
        sums = "; ".join(f"{service.name}: {text} = {number}" for service, (number, text) in pools)
        kept = f"max_connections {most}{how}, less {_RESERVED + others}"
        text = f"{sums}; {database.name} has {room} for them ({kept})"
        yield (bad if demand > room else note)(text, pools[0][0].name, key)
    if not any_pool:
        raise SkipError("no client of a database says how large its pool is")


def _demand(service: Service) -> tuple[int, str] | None:
    """Return how many connections a service can ask for, and the sum; None where it does not say."""
    _, size = _first(service, _POOL_SIZES)
    if size is None:
        return None
    _, overflow = _first(service, _OVERFLOWS)
    workers = _workers(service)
    number = service.replicas * workers * (size + (overflow or 0))
    return number, f"{service.replicas} x {workers} workers x ({size} + {overflow or 0})"


def _workers(service: Service) -> int:
    option = _WORKERS_OPTION.search(
        " ".join([*service.command, service.text("environment.GUNICORN_CMD_ARGS")])
    )
    return int(option[1]) if option else _first(service, _WORKERS)[1] or 1


def _first(service: Service, names: tuple[str, ...]) -> tuple[str, int | None]:
    """Return the first of these variables that is a number."""
    for name in names:
        text = service.text(f"environment.{name}")
        if text.isdecimal():
            return name, int(text)
    return "", None


def _max_connections(database: Service) -> tuple[int, str] | None:
    """Return the server's limit, and how it is known; None where a configuration file says it."""
    command = " ".join(database.command)
    if option := _MAX_CONNECTIONS_OPTION.search(command):
        return int(option[1]), ""
    return None if "config_file" in command else (_MAX_CONNECTIONS, ", the default")


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
    if _PASSWORD_IN_ADDRESS.search(literal):
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
    remedy="Delete the line.",
    source="Compose Specification, Version and name top-level elements",
    reads=("compose",),
)
def version(look: Look) -> Iterator[Evidence]:
    project = _files(look).project
    found = project.top.get("version") if project else None
    if found is not None:
        yield bad(f"version {found.text} is obsolete", "", "version")
