"""Connections to the database: how many are left, for whom, and whether the application gets one."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import BACKEND, POSTGRES
from stanchion.checks.look import Look, Row
from stanchion.checks.model import Evidence, SkipError, UnreadableError, bad, note, warn
from stanchion.checks.registry import CRITICAL, DEPLOY, RUNTIME, WARNING, Threshold, check

RESERVED = "reserved_connections"
SUPERUSER_RESERVED = "superuser_reserved_connections"


def in_use(look: Look) -> int:
    """Return how many connections are in use; the look's own is one of them."""
    return len(look.rows("activity")) + 1


def number(look: Look, setting: str) -> int:
    """Return a setting of the server that is a number without a unit."""
    return int(look.settings[setting]["setting"])


@check(
    "connection.usage",
    rows="CONN-01",
    title="The database has connections left",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="At max_connections nobody gets in any more: no request, no backup, no migration.",
    remedy="`python runner.py validate --only pool` tells who holds them. End what leaks; where all are "
    "needed, raise the pool's figures so that max_connections follows, and deploy.",
    source="Awesome Prometheus Alerts, PostgresqlTooManyConnections (80 %); check_postgres, backends (95 %)",
    reads=("sql.activity", "sql.settings"),
    thresholds=(
        Threshold(
            "validation_connection_usage_warn_percent",
            80,
            "%",
            "Awesome Prometheus Alerts, PostgresqlTooManyConnections",
        ),
        Threshold("validation_connection_usage_fail_percent", 95, "%", "check_postgres, backends: critical"),
    ),
    part=POSTGRES,
)
def usage(look: Look) -> Iterator[Evidence]:
    used, most = in_use(look), number(look, "max_connections")
    percent = 100 * used / most
    text = f"{used} of {most} connections in use, {percent:.0f} %"
    if percent > look.threshold("validation_connection_usage_fail_percent"):
        yield bad(text)
    elif percent > look.threshold("validation_connection_usage_warn_percent"):
        yield warn(text)
    else:
        yield note(text)


@check(
    "connection.reserve",
    rows="CONN-02",
    title="Operators and tools have connections that the application cannot take",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Without a reserve, a full pool locks out those who could say why: the exporter, the backup, the "
    "operator.",
    remedy="Leave reserved_connections and superuser_reserved_connections out of postgres_settings (the "
    "role sets 5 and 3) and deploy; where the reserve is in use, end what holds it.",
    source="PostgreSQL manual, reserved_connections; ours: that there is one",
    reads=("sql.activity", "sql.settings"),
    part=POSTGRES,
)
def reserve(look: Look) -> Iterator[Evidence]:
    most = number(look, "max_connections")
    kept, for_superusers = number(look, RESERVED), number(look, SUPERUSER_RESERVED)
    for name, value in ((RESERVED, kept), (SUPERUSER_RESERVED, for_superusers)):
        if value < 1:
            yield bad(f"{name} is {value}")
    free = most - in_use(look)
    if kept and free < kept + for_superusers:
        yield bad(
            f"{free} of {most} connections are free, less than the {kept + for_superusers} kept in reserve"
        )
    yield note(f"{kept} kept for tools and {for_superusers} for superusers, {free} of {most} free")


@check(
    "connection.from_backend",
    rows="CONN-03",
    title="The application's own settings lead to the database",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="A database that is healthy by itself serves nobody whose address, network or password is wrong.",
    remedy="The evidence has libpq's words: a name that is not found is a network or an alias (`python "
    "runner.py deploy` joins them again), a refused password is the role's, a time-out a frozen server.",
    source="ours: the only proof of a way is to go it; 1 s is blackbox_exporter's slow probe",
    reads=("inside",),
    thresholds=(
        Threshold(
            "validation_connection_seconds",
            1,
            "s",
            "Awesome Prometheus Alerts, BlackboxSlowProbe",
        ),
    ),
    part=BACKEND,
)
def from_backend(look: Look) -> Iterator[Evidence]:
    most = look.threshold("validation_connection_seconds")
    for name, query in queries(look).items():
        seconds = f"{query['seconds']:.2f} s"
        if not query["ok"]:
            yield bad(f"SELECT 1 by its own DATABASE_URL: {query['error']}", name)
        elif query["seconds"] > most:
            yield bad(f"SELECT 1 by its own DATABASE_URL takes {seconds}, more than {most:g} s", name)
        else:
            yield note(f"SELECT 1 in {seconds}", name)


def insides(look: Look) -> dict[str, Row]:
    """Return the view from inside each running backend.

    Raises:
        UnreadableError: no backend runs, or one cannot be looked into.
    """
    entries: dict[str, Row] = look.source("inside")["entries"]
    if not entries:
        raise UnreadableError("no backend runs")
    for name, entry in entries.items():
        if not entry["ok"]:
            raise UnreadableError(f"{name}: {entry['error']}")
    return entries


def queries(look: Look) -> dict[str, Row]:
    """Return what came of the query from inside each container that could ask it.

    Raises:
        SkipError: no container's environment names a database.
        UnreadableError: no backend runs, or one cannot be looked into.
    """
    entries = insides(look)
    for entry in entries.values():
        if not entry["query"]["asked"] and "psycopg2" in entry["query"]["reason"]:
            raise UnreadableError(entry["query"]["reason"])
    asked = {name: entry["query"] for name, entry in entries.items() if entry["query"]["asked"]}
    if not asked:
        raise SkipError("; ".join(sorted({entry["query"]["reason"] for entry in entries.values()})))
    return asked


@check(
    "connection.role_limit",
    rows="CONN-05",
    title="The application's role has a connection limit that its pools fit into",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Without one, a leak in the application takes the connections of everybody. With one that is too "
    "small, a roll-out fails half-way.",
    remedy="Deploy: the role postgres sets it from the pool's figures.",
    source="CIS PostgreSQL 17 Benchmark 5.5",
    reads=("sql.roles",),
    part=POSTGRES,
)
def role_limit(look: Look) -> Iterator[Evidence]:
    user, needed = look.stack["database_user"], look.postgres["pool"]["connection_limit"]
    role = next((row for row in look.rows("roles") if row["name"] == user), None)
    if role is None:
        yield bad("does not exist", user)
    elif role["connection_limit"] < 0:
        yield bad(f"has no connection limit, and its pools need {needed}", user)
    elif role["connection_limit"] < needed:
        yield bad(f"may open {role['connection_limit']} connections, and its pools need {needed}", user)
    else:
        yield note(f"may open {role['connection_limit']} connections, and its pools need {needed}", user)
