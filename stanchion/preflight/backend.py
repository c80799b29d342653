"""Can the backend be published, reach its database by the declared address, and keep its secrets?

Declared, under their own names: `stack_name`, `stack_database_alias`, `stack_database_port`,
`stack_database_name`, `stack_database_user`, `stack_backend_replicas`, `stack_backend_workers`,
`stack_db_pool_size`, `stack_db_max_overflow`, `backend_cpus`, `backend_database_url`, `backend_endpoints`,
`backend_environment`, `backend_variable_names`, `backend_companions`, `backend_volumes`,
`backend_health_path`, `backend_memory`, `backend_password_mode`,
`backend_pool_recycle`, `backend_pool_timeout`, `backend_publish_address`, `backend_publish_port`,
`backend_health_interval`, `backend_healthy_timeout`, `backend_health_timeout`, `backend_health_start_period`,
`backend_log_max_size`, `backend_log_max_file`, `backend_migration_lock_timeout`,
`backend_migration_statement_timeout`; and
`secret_files`, the paths on the host of secrets that somebody else put there, and `given_secrets`, what the
filter secret_kinds says of those from a vault. No secret is declared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from stanchion.contract import pool
from stanchion.preflight import values
from stanchion.preflight.database_url import url_problems
from stanchion.preflight.files import given_problems, secret_problems
from stanchion.preflight.ports import port_problems
from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import Declared, Facts, show, unreadable
from stanchion.secret_names import PASSWORD_IN_ADDRESS, is_secret_like

SOURCES = ("engine", "ports", "memory", "cpus", "files")

# The contract with the image (roles/backend/README.md); an image may have other names for these.
CONTRACT = frozenset(
    (
        "DATABASE_URL",
        "DB_MAX_OVERFLOW",
        "DB_POOL_RECYCLE",
        "DB_POOL_SIZE",
        "DB_POOL_TIMEOUT",
        "PORT",
        "WEB_CONCURRENCY",
    )
)
# For every client of libpq, whatever the image.
_OF_LIBPQ = ("PGPASSFILE", "PGAPPNAME")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Their containers and volumes have it in their names, and the containers in DNS as well.
MEMBER = re.compile(r"[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?")
# What the role itself calls so for the time of a roll-out.
TAKEN = ("candidate", "endpoints")
# What the contract with the image promises at most (roles/backend/README.md).
MOST_POOL_TIMEOUT = 600
MOST_POOL_RECYCLE = 86400
_ENDPOINT = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")


def look(declared: Declared, facts: Facts) -> list[Problem]:
    """Return everything about the backend that cannot be meant, or does not fit the host."""
    unmeant = _values(declared)
    if unmeant:
        return unmeant
    return [
        *_pool(declared),
        *url_problems(declared),
        *_names(declared),
        *_environment(declared),
        *_companions(declared),
        *_volumes(declared),
        *_health(declared),
        *values.seen_in_time(declared, facts, "backend_health_interval", "backend_healthy_timeout"),
        *_endpoints(declared),
        *_limits(declared, facts),
        *port_problems(declared, facts),
        *secret_problems(declared.get("secret_files", []), facts),
        *given_problems(declared.get("given_secrets", {}), "{name} in backend_secrets"),
    ]


def _values(declared: Declared) -> list[Problem]:
    least = {"backend_memory": values.LEAST_MEMORY, "backend_log_max_size": values.LEAST_LOG}
    return [
        *values.sizes("backend", declared, least),
        *values.counts("backend", declared, "backend_log_max_file"),
        *values.intervals(
            "backend",
            declared,
            "backend_health_interval",
            "backend_health_timeout",
            "backend_health_start_period",
        ),
        *values.settings_durations(
            "backend", declared, "backend_migration_lock_timeout", "backend_migration_statement_timeout"
        ),
    ]


def _pool(declared: Declared) -> list[Problem]:
    numbers = {
        "replicas": declared.get("stack_backend_replicas"),
        "workers": declared.get("stack_backend_workers"),
        "pool_size": declared.get("stack_db_pool_size"),
        "max_overflow": declared.get("stack_db_max_overflow"),
        "companions": len(declared.get("backend_companions", [])),
    }
    found = [
        Problem(
            slug=f"backend.{problem.slug.replace('-', '_')}",
            what=problem.what,
            where="the variables stack_backend_* and stack_db_*",
            remedy=problem.remedy,
        )
        for problem in pool.problems(numbers)
    ]
    timeout = declared.number("backend_pool_timeout")
    if not 1 <= timeout <= MOST_POOL_TIMEOUT:
        why = "would not wait for a connection at all" if timeout < 1 else "would wait longer than any client"
        found.append(
            Problem(
                slug="backend.pool_timeout",
                what=f"backend_pool_timeout is {timeout}: a request {why}.",
                where="the variable backend_pool_timeout",
                remedy=f"Set it to 1 to {MOST_POOL_TIMEOUT} seconds.",
            )
        )
    recycle = declared.number("backend_pool_recycle")
    if recycle != -1 and not 1 <= recycle <= MOST_POOL_RECYCLE:
        why = "every use would make a new connection" if recycle < 1 else "that is more than a day"
        found.append(
            Problem(
                slug="backend.pool_recycle",
                what=f"backend_pool_recycle is {recycle}: {why}.",
                where="the variable backend_pool_recycle",
                remedy=f"Set it to 1 to {MOST_POOL_RECYCLE} seconds, or to -1 for never.",
            )
        )
    return found


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
    found += _variables(declared, declared.get("backend_environment"), "backend_environment")
    for each in declared.get("backend_companions", []):
        where = f"environment of {each.get('name')} in backend_companions"
        found += _variables(declared, each.get("environment") or {}, where)
    return found


def _variables(declared: Declared, given: Mapping[str, Any], where: str) -> list[Problem]:
    names = declared.get("backend_variable_names", {})
    # Two values for one name cannot both be meant.
    owned = {*_OF_LIBPQ, *(names.get(name, name) for name in CONTRACT)}
    found = []
    for name, value in given.items():
        if name in owned:
            found.append(
                Problem(
                    slug="backend.environment_owned",
                    what=f"{where} sets {name}, which the role sets itself.",
                    where=f"the variable {where}",
                    remedy="Take it out and use the role's own variable for it (see its README).",
                )
            )
        elif is_secret_like(name) or PASSWORD_IN_ADDRESS.search(str(value)):
            found.append(
                Problem(
                    slug="backend.environment_secret",
                    what=f"{where} sets {name}, which looks like a secret: docker inspect would show it.",
                    where=f"the variable {where}",
                    remedy="Put it into backend_secrets, which become files in the container. What ends in "
                    "_FILE is taken for the path of one.",
                )
            )
    return found


def _names(declared: Declared) -> list[Problem]:
    names: Mapping[str, str] = declared.get("backend_variable_names", {})
    where = "the variable backend_variable_names"
    found = [
        Problem(
            slug="backend.variable_names",
            what=f"backend_variable_names has {name}, which is no variable of the contract.",
            where=where,
            remedy=f"There are {', '.join(sorted(CONTRACT))}. Others go into backend_environment.",
        )
        for name in sorted(set(names) - CONTRACT)
    ]
    own = [own for own in names.values() if own]
    found += [
        Problem(
            slug="backend.variable_names",
            what=f"backend_variable_names has {each!r} as a name, which {reason}.",
            where=where,
            remedy="Give each its own name, as the image reads it; an empty one leaves it out.",
        )
        for each in dict.fromkeys(own)
        if (reason := _wrong_name(each, own))
    ]
    return found


def _wrong_name(name: str, every: Sequence[str]) -> str:
    if not _VARIABLE.fullmatch(name):
        return "is no name of an environment variable"
    return "is there twice" if every.count(name) > 1 else ""


def _companions(declared: Declared) -> list[Problem]:
    return _named(declared, "backend_companions", "companion", TAKEN)


def _volumes(declared: Declared) -> list[Problem]:
    found = _named(declared, "backend_volumes", "volume", ("pgdata", "backup"))
    for each in declared.get("backend_volumes", []):
        target = str(each.get("target"))
        if not re.fullmatch(r"/[^:\s]+", target) or f"{target}/".startswith("/run/secrets/"):
            found.append(
                Problem(
                    slug="backend.volume_target",
                    what=f"backend_volumes mounts {each.get('name')} at {target!r}.",
                    where="the variable backend_volumes",
                    remedy="Give a path in the container that begins with a slash and is not /run/secrets.",
                )
            )
    return found


def _named(declared: Declared, variable: str, what: str, taken: Sequence[str]) -> list[Problem]:
    names = [str(each.get("name")) for each in declared.get(variable, [])]
    reasons = {
        name: "is there twice"
        if names.count(name) > 1
        else "the role has for itself"
        if name in taken
        else "is no name of at most 30 small letters, digits and hyphens that begins with a letter"
        for name in names
        if names.count(name) > 1 or name in taken or not MEMBER.fullmatch(name) or name.endswith("-previous")
    }
    return [
        Problem(
            slug=f"backend.{what}_name",
            what=f"{variable} has the name {name!r}, which {reason}.",
            where=f"the variable {variable}",
            remedy="Give it another name.",
        )
        for name, reason in reasons.items()
    ]


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
