"""Can the backend be published, reach its database by the declared address, and keep its secrets?

Declared, under their own names: `stack_name`, `stack_database_alias`, `stack_database_port`,
`stack_database_name`, `stack_database_user`, `stack_backend_replicas`, `stack_backend_workers`,
`stack_db_pool_size`, `stack_db_max_overflow`, `backend_cpus`, `backend_database_url`, `backend_endpoints`,
`backend_environment`, `backend_health_path`, `backend_memory`, `backend_password_mode`,
`backend_pool_recycle`, `backend_pool_timeout`, `backend_publish_address`, `backend_publish_port`; and
`secret_files`, the paths on the host of secrets that somebody else put there. No secret is declared.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, parse_qs, urlsplit

from stanchion.contract import pool
from stanchion.preflight.files import secret_problems
from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import Declared, Facts, has_engine, show, unreadable
from stanchion.run.variables import is_secret_like

SOURCES = ("engine", "ports", "memory", "cpus", "files")

ROLE = "backend"
# What the role sets itself; two values for one name cannot both be meant.
OWN_NAMES = frozenset(
    ("DATABASE_URL", "DB_POOL_SIZE", "DB_MAX_OVERFLOW", "DB_POOL_TIMEOUT", "DB_POOL_RECYCLE", "PGPASSFILE")
)
_ENDPOINT = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")
_PASSWORD_IN_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def look(declared: Declared, facts: Facts) -> list[Problem]:
    """Return everything about the backend that cannot be meant, or does not fit the host."""
    return [
        *_pool(declared),
        *_database_url(declared),
        *_environment(declared),
        *_health(declared),
        *_endpoints(declared),
        *_limits(declared, facts),
        *_ports(declared, facts),
        *secret_problems(declared.get("secret_files", []), facts),
    ]


def _pool(declared: Declared) -> list[Problem]:
    numbers = {
        "replicas": declared.get("stack_backend_replicas"),
        "workers": declared.get("stack_backend_workers"),
        "pool_size": declared.get("stack_db_pool_size"),
        "max_overflow": declared.get("stack_db_max_overflow"),
    }
    found = [
        Problem(
            f"backend.{problem.slug}",
            problem.what,
            "the variables stack_backend_* and stack_db_*",
            problem.remedy,
        )
        for problem in pool.problems(numbers)
    ]
    timeout = declared.number("backend_pool_timeout")
    if timeout < 1:
        found.append(
            Problem(
                slug="backend.pool_timeout",
                what=f"backend_pool_timeout is {timeout}: a request would not wait for a connection at all.",
                where="the variable backend_pool_timeout",
                remedy="Set it to one second or more.",
            )
        )
    recycle = declared.number("backend_pool_recycle")
    if recycle < 1 and recycle != -1:
        found.append(
            Problem(
                slug="backend.pool_recycle",
                what=f"backend_pool_recycle is {recycle}: every use would make a new connection.",
                where="the variable backend_pool_recycle",
                remedy="Set it to some minutes' worth of seconds, or to -1 for never.",
            )
        )
    return found


def _database_url(declared: Declared) -> list[Problem]:
    text = declared.text("backend_database_url")
    try:
        url = urlsplit(text)
        host, port = _target(url)
    except ValueError as error:
        return [_url_problem("backend.url", f"DATABASE_URL cannot be read: {error}.", "Correct it.")]
    alias, expected_port = declared.text("stack_database_alias"), declared.number("stack_database_port")
    found = []
    if not url.scheme.startswith("postgresql"):
        found.append(
            _url_problem(
                "backend.url_scheme",
                f"DATABASE_URL begins with {url.scheme or 'no scheme'}://, which is no Postgres.",
                "Begin it with postgresql:// (SQLAlchemy 2 no longer takes postgres://).",
            )
        )
    if host != alias:
        found.append(
            _url_problem(
                "backend.url_host",
                f"The host of DATABASE_URL is {host or 'missing'!r}, and this stack's database is {alias!r}.",
                f"Write {alias} in its place, or leave backend_database_url out. Addresses change when the "
                "database is replaced, other databases are not this stack's.",
            )
        )
    elif port != expected_port:
        found.append(
            _url_problem(
                "backend.url_port",
                f"DATABASE_URL leads to port {port}, and the database listens on {expected_port}.",
                f"Write :{expected_port}.",
            )
        )
    if url.password and declared.text("backend_password_mode") != "environment":
        found.append(
            _url_problem(
                "backend.url_password",
                "DATABASE_URL holds a password, which docker inspect would show.",
                "Take it out: libpq reads it from PGPASSFILE.",
            )
        )
    return found + _names(url, declared)


def _target(url: SplitResult) -> tuple[str | None, int]:
    """Return host and port; SQLAlchemy takes both from the query as well (?host=db&port=5432)."""
    query = parse_qs(url.query)
    host = url.hostname or next(iter(query.get("host", [])), None)
    port = url.port or int(next(iter(query.get("port", [])), "5432"))
    return host, port


def _names(url: SplitResult, declared: Declared) -> list[Problem]:
    found = []
    for what, written, variable in (
        ("user", url.username or "", "stack_database_user"),
        ("database", url.path.lstrip("/"), "stack_database_name"),
    ):
        expected = declared.text(variable)
        if written != expected:
            found.append(
                _url_problem(
                    f"backend.url_{what}",
                    f"The {what} of DATABASE_URL is {written!r}, and {variable} is {expected!r}.",
                    "Change one of the two, or leave backend_database_url out.",
                )
            )
    return found


def _url_problem(slug: str, what: str, remedy: str) -> Problem:
    return Problem(slug=slug, what=what, where="the variable backend_database_url", remedy=remedy)


def _environment(declared: Declared) -> list[Problem]:
    found = []
    if declared.text("backend_password_mode") == "environment":
        found.append(
            Problem(
                slug="backend.plain_environment",
                what="The database password goes into the containers' environment: docker inspect, crash "
                "dumps and every child process show it.",
                where="the variable backend_password_mode",
                remedy="Use pgpass or secret_file unless the image can do neither.",
                level="warning",
            )
        )
    where = "the variable backend_environment"
    for name, value in declared.get("backend_environment").items():
        if name in OWN_NAMES:
            found.append(
                Problem(
                    slug="backend.environment_owned",
                    what=f"backend_environment sets {name}, which the role sets itself.",
                    where=where,
                    remedy="Take it out and use the role's own variable for it (see its README).",
                )
            )
        elif is_secret_like(name) or _PASSWORD_IN_ADDRESS.search(str(value)):
            found.append(
                Problem(
                    slug="backend.environment_secret",
                    what=f"backend_environment sets {name}, which looks like a secret: docker inspect would "
                    "show it.",
                    where=where,
                    remedy="Put it into backend_secrets, which become files in the container. A name that ends "
                    "in _FILE is taken for the path of one.",
                )
            )
    return found


def _health(declared: Declared) -> list[Problem]:
    path = declared.text("backend_health_path")
    if re.fullmatch(r"/[^\s#]*", path):
        return []
    return [
        Problem(
            slug="backend.health_path",
            what=f"backend_health_path is {path!r}, which is no path of a URL.",
            where="the variable backend_health_path",
            remedy="Begin it with a slash and leave spaces out, like /health.",
        )
    ]


def _endpoints(declared: Declared) -> list[Problem]:
    return [
        Problem(
            slug="backend.endpoint",
            what=f"backend_endpoints has {endpoint!r}, which is no HOST:PORT.",
            where="the variable backend_endpoints",
            remedy="Write it like api.example.com:443.",
        )
        for endpoint in declared.get("backend_endpoints", [])
        if not _ENDPOINT.fullmatch(str(endpoint)) or not 0 < int(str(endpoint).rpartition(":")[2]) < 65536
    ]


def _limits(declared: Declared, facts: Facts) -> list[Problem]:
    broken = unreadable(facts, "memory", "cpus")
    if broken:
        return broken
    found = []
    limit, total = declared.size("backend_memory"), facts["memory"]["total"]
    if limit > total:
        found.append(
            Problem(
                slug="backend.host_memory",
                what=f"Each replica may take {show(limit)}, and the host has {show(total)}.",
                where="the variable backend_memory",
                remedy="Lower it, or use a larger host.",
            )
        )
    cpus, there = float(declared.get("backend_cpus")), facts["cpus"]["count"]
    if cpus > there:
        found.append(
            Problem(
                slug="backend.host_cpus",
                what=f"Each replica may take {cpus:g} processors, and the host has {there}.",
                where="the variable backend_cpus",
                remedy=f"Set it to {there} or less.",
            )
        )
    return found


def _ports(declared: Declared, facts: Facts) -> list[Problem]:
    try:
        address = ipaddress.ip_address(declared.text("backend_publish_address"))
    except ValueError as error:
        return [
            _port_problem("backend.address", f"backend_publish_address: {error}.", "Write an IP address.")
        ]
    first, replicas = declared.number("backend_publish_port"), declared.number("stack_backend_replicas")
    last = first + replicas - 1
    if first < 1 or last > 65535:
        return [
            _port_problem(
                "backend.port_range",
                f"{replicas} replicas are published on the ports {first} to {last}, which do not all exist.",
                f"Set backend_publish_port to a number from 1 to {65536 - replicas}.",
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


def _taken(address: Address, wanted: range, stack: str, facts: Facts) -> list[Problem]:
    broken = unreadable(facts, "ports")
    if broken:
        return broken
    error = facts["ports"]["containers_error"]
    if has_engine(facts) and error:
        return [
            Problem(
                slug="host.unreadable",
                what=f"Which containers publish which ports could not be looked at: {error}.",
                where="the engine of the host",
                remedy="See to that first; what was not looked at is not taken for granted.",
                exit="unreachable",
            )
        ]
    users: dict[int, str] = {}
    for entry in facts["ports"]["entries"]:
        own = entry["stack"] == stack and entry["role"] == ROLE
        if entry["port"] in wanted and not own and _same(address, ipaddress.ip_address(entry["address"])):
            users[entry["port"]] = _user(entry)
    free = _free(address, wanted, facts)
    return [
        _port_problem(
            "backend.port_taken",
            f"Port {port} is taken already on the host, by {user}.",
            f"Stop that, or set backend_publish_port to another number ({free} would be free).",
        )
        for port, user in sorted(users.items())
    ]


def _same(
    wanted: Address,
    there: Address,
) -> bool:
    """Say whether two sockets meet: who listens everywhere (by IPv6 that includes IPv4) listens here too."""
    return wanted == there or wanted.is_unspecified or there.is_unspecified


def _user(entry: dict[str, object]) -> str:
    if not entry["container"]:
        return f"a program that listens on {entry['address']} (ss -ltnp shows it)"
    return f"the container {entry['container']}"


def _free(address: Address, wanted: range, facts: Facts) -> int:
    taken = {
        entry["port"]
        for entry in facts["ports"]["entries"]
        if _same(address, ipaddress.ip_address(entry["address"]))
    }
    first = wanted.start
    while taken & set(range(first, first + len(wanted))):
        first += len(wanted)
    return first


def _port_problem(slug: str, what: str, remedy: str) -> Problem:
    return Problem(slug=slug, what=what, where="the variable backend_publish_port or _address", remedy=remedy)
