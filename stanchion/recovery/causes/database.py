"""The database: its container, its sessions, its settings. What it has lost its volume for is told before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from stanchion.checks.container import Container
from stanchion.checks.look import Look, Row
from stanchion.checks.model import UnreadableError
from stanchion.checks.sessions import doing
from stanchion.checks.subjects.connection import in_use, number
from stanchion.checks.subjects.lock import roots
from stanchion.checks.units import length
from stanchion.recovery import places
from stanchion.recovery.model import Layer, Seen
from stanchion.recovery.places import SILENT, database, evidence, is_recovering, is_saturated
from stanchion.recovery.registry import Failing, cause

_BEHIND = (
    "container.health",
    "container.flapping",
    "connection",
    "dns",
    "network.isolation",
    "pool",
    "migration",
    "order",
    "archive",
    "schedule.metrics",
    "schedule.jobs",
    "backup.configuration",
    "log.trouble",
    "proof.window",
    "monitoring.targets",
    "monitoring.metrics",
)
_SESSIONS = (
    "pool.attribution",
    "connection.usage",
    "connection.reserve",
    "connection.from_backend",
    "container.health",
    "transaction.idle",
    "transaction.longest",
    "transaction.query",
    "lock.waits",
)
# One of these is enough to make the others of the list unreadable, or to fail with it.
_UNANSWERED = (
    "database.archive_behind",
    "database.configuration",
    "backup.overdue",
    "schedule.silent",
    "dns.broken",
    "backend.pool_used_up",
)


def _databases(look: Look) -> list[Container]:
    found = database(look)
    return [] if found is None else [found]


@cause(
    "database.paused",
    Layer.DATABASE,
    "the database is paused",
    remedy="unpause",
    shown_by=("container.state",),
    explains=_BEHIND,
    silences=SILENT,
    blocks=_UNANSWERED,
)
def paused(look: Look, _failing: Failing) -> Iterator[Seen]:
    yield from places.paused(_databases(look), "connections")


@cause(
    "database.recovering",
    Layer.DATABASE,
    "the database recovers",
    remedy="wait_for_recovery",
    shown_by=("container.health", "connection.from_backend"),
    explains=_BEHIND,
    silences=SILENT,
    blocks=_UNANSWERED,
)
def recovering(look: Look, _failing: Failing) -> Iterator[Seen]:
    found = database(look)
    if found is not None and is_recovering(look, found):
        yield Seen(found.name, "replays its log, and takes connections when it is through")


@cause(
    "database.stopped",
    Layer.DATABASE,
    "the database is stopped",
    remedy="start_database",
    shown_by=("container.state",),
    explains=_BEHIND,
    silences=SILENT,
    blocks=_UNANSWERED,
)
def stopped(look: Look, _failing: Failing) -> Iterator[Seen]:
    yield from places.stopped(_databases(look), _unseen_volume(look))


@cause(
    "database.missing",
    Layer.DATABASE,
    "the database's container is gone",
    remedy="make_database",
    shown_by=("container.state",),
    explains=_BEHIND,
    silences=(*SILENT, "containers"),
    blocks=_UNANSWERED,
)
def missing(look: Look, _failing: Failing) -> Iterator[Seen]:
    if database(look) is None:
        name = next(iter(look.postgres["containers"]))
        command = ("python runner.py deploy",)
        yield Seen(name, "is declared and not there", command, refused=_unseen_volume(look))


def _unseen_volume(look: Look) -> str:
    """Return why no server may be started here: its volume is not on record, or could not be looked at."""
    try:
        record = look.source("volume_record")["record"]
        look.source("volumes")
    except UnreadableError as reason:
        return f"its volume could not be looked at: {reason}"
    if not record or not record.get("system_identifier"):
        return "no volume is on record as this stack's database: only a deploy makes a new one"
    return ""


@cause(
    "database.looping",
    Layer.DATABASE,
    "the database ends each time that it is started",
    shown_by=("container.state", "container.flapping"),
    explains=_BEHIND,
    silences=SILENT,
    blocks=_UNANSWERED,
)
def looping(look: Look, _failing: Failing) -> Iterator[Seen]:
    yield from places.looping(_databases(look))


@cause(
    "database.hung",
    Layer.DATABASE,
    "the database runs and does not answer",
    remedy="restart_database",
    shown_by=("container.health",),
    explains=_BEHIND,
    silences=SILENT,
    blocks=_UNANSWERED,
)
def hung(look: Look, _failing: Failing) -> Iterator[Seen]:
    found = database(look)
    if found is None or not found.running or found.health != "unhealthy":
        return
    alive = is_recovering(look, found) or is_saturated(look, found)
    if not alive and not (look.facts.get("sql") or {}).get("ok"):
        said = " ".join((found.health_output or "").split()) or "nothing"
        yield Seen(found.name, f"runs, and its probe says: {said[:200]}", _restart(found))


def _restart(container: Container) -> tuple[str, ...]:
    seconds = "" if container.stop_timeout is None else f" --time {container.stop_timeout}"
    return (f"docker restart{seconds} {container.name}",)


@cause(
    "database.clock",
    Layer.DATABASE,
    "the database's clock is not the host's",
    shown_by=("clock.database",),
    explains=("archive.fresh", "backup.age", "backup.full_age", "proof", "schedule.metrics", "schedule.jobs"),
    blocks=(
        "database.archive_behind",
        "database.idle_transaction",
        "schedule.silent",
        "backup.overdue",
        "backup.unverified",
        "backup.unproved",
    ),
)
def clock(look: Look, failing: Failing) -> Iterator[Seen]:
    for _, seen in evidence(failing, "clock.database"):
        yield Seen(seen.of or look.postgres["name"], seen.what)


@cause(
    "database.out_of_memory",
    Layer.DATABASE,
    "the database has run out of memory",
    shown_by=("container.oom",),
    explains=("log.trouble", "container.flapping"),
)
def out_of_memory(look: Look, failing: Failing) -> Iterator[Seen]:
    found = database(look)
    for _, seen in evidence(failing, "container.oom"):
        if found is not None and seen.of == found.name:
            yield Seen(seen.of, seen.what)


# Sessions. Whose they are is told in all cases; none is ended without a word.


def _end(rows: Sequence[Row]) -> tuple[tuple[str, ...], dict[str, object]]:
    """Return the command that ends sessions, and what tells the remedy that they are still the same."""
    listed = ", ".join(str(pid) for pid in sorted(int(row["pid"]) for row in rows))
    command = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN"
    same = [
        {"pid": int(row["pid"]), "began": row.get("began"), "transaction_began": row.get("transaction_began")}
        for row in rows
    ]
    return (f"{command} ({listed})",), {"sessions": same}


def _whose(row: Row) -> str:
    """Return whose session it is, the same for its next one: a process id is another's by then."""
    return f"{row['application'] or 'sessions without a name'} (role {row['role']})"


# Sessions of this project's own looks and backups: they end by themselves.
_OURS = ("stanchion", "pgBackRest")


def _by_owner(rows: Iterable[Row]) -> dict[str, list[Row]]:
    held: dict[str, list[Row]] = {}
    for row in rows:
        held.setdefault(_whose(row), []).append(row)
    return held


@cause(
    "database.lock_pileup",
    Layer.DATABASE,
    "one session holds a lock, and others wait for it",
    remedy="end_session",
    shown_by=("lock.waits", "pool.attribution", "transaction.idle"),
    explains=_SESSIONS,
    blocks=("database.idle_transaction", "backend.pool_used_up"),
)
def lock_pileup(look: Look, failing: Failing) -> Iterator[Seen]:
    sessions = {row["pid"]: row for row in look.rows("activity")}
    waiting = [row for row in look.rows("waits") if row["seconds"] is not None]
    # Locks are waited for all the time: it is a pile-up once a check says so.
    if "lock.waits" not in failing and not any(places.used_up_pools(failing)):
        return
    behind: dict[int, list[Row]] = {}
    for row in waiting:
        for pid in roots(row["pid"], sessions):
            behind.setdefault(pid, []).append(row)
    for owner, rows in _by_owner(sessions[pid] for pid in sorted(behind) if pid in sessions).items():
        commands, arguments = _end(rows)
        tails = (f"pid {row['pid']}, {doing(row)}: {_tail(behind[row['pid']])}" for row in rows)
        yield Seen(owner, "; ".join(tails), commands, arguments)
    for pid in behind.keys() - sessions.keys():
        yield Seen(
            "a prepared transaction",
            _tail(behind[pid]),
            ("SELECT gid FROM pg_prepared_xacts", "ROLLBACK PREPARED 'GID'"),
            refused="only its owner knows whether it is to be committed or rolled back",
        )


def _tail(waiting: Sequence[Row]) -> str:
    return f"{len(waiting)} wait behind it, {length(max(row['seconds'] for row in waiting))} at most"


@cause(
    "database.idle_transaction",
    Layer.DATABASE,
    "a session keeps a transaction open and does nothing",
    remedy="end_session",
    shown_by=("transaction.idle", "transaction.longest"),
    explains=_SESSIONS,
)
def idle_transaction(look: Look, _failing: Failing) -> Iterator[Seen]:
    most = look.threshold("validation_transaction_idle_seconds")
    rows = [
        row
        for row in look.rows("activity")
        if str(row["state"]).startswith("idle in transaction") and row["state_seconds"] > most
    ]
    for owner, mine in _by_owner(rows).items():
        commands, arguments = _end(mine)
        idle = ", ".join(f"pid {row['pid']} for {length(row['state_seconds'])}" for row in mine)
        yield Seen(owner, f"idle in a transaction, which holds vacuum back: {idle}", commands, arguments)


@cause(
    "database.connections_full",
    Layer.DATABASE,
    "the database has no connection left",
    remedy="end_session",
    shown_by=("connection.usage", "connection.reserve", "connection.from_backend", "container.health"),
    explains=_SESSIONS,
    blocks=("backend.pool_used_up",),
)
def connections_full(look: Look, failing: Failing) -> Iterator[Seen]:
    try:
        used, most = in_use(look), number(look, "max_connections")
    except UnreadableError:
        found = database(look)
        if found is not None and is_saturated(look, found):
            who_holds = "who holds them could not be looked at"
            yield Seen(found.name, "takes no more connections", refused=who_holds)
        return
    if "connection.usage" not in failing:
        return
    theirs = [row for row in look.rows("activity") if not str(row["application"]).startswith(_OURS)]
    owner, rows = max(_by_owner(theirs).items(), key=lambda each: len(each[1]), default=("", []))
    if not rows:
        return
    what = f"{used} of {most} connections are in use, {len(rows)} of them by these"
    if rows[0]["role"] == look.stack["database_user"]:
        # Its pools are bounded: more than fit were declared, or another has its password.
        yield Seen(
            owner, what, refused="they are the application's: see pool.arithmetic and pool.attribution"
        )
        return
    # Who works in one is not ended for a word about the number of them.
    idle = [row for row in rows if str(row["state"]) == "idle" or str(row["state"]).startswith("idle in")]
    if not idle:
        yield Seen(owner, what, refused="all of them are at work")
        return
    commands, arguments = _end(idle)
    yield Seen(owner, f"{what}, {len(idle)} of those idle", commands, arguments)


# Settings, and what is kept in the database.


# What the declared configuration, and the role postgres, put right without a restart.
_CONFIGURED = (
    "auth.hba_errors",
    "auth.weak_methods",
    "auth.addresses",
    "auth.all_all",
    "auth.configured_password",
    "auth.public_create",
    "setting.file",
    "archive.mode",
    "connection.role_limit",
    "transaction.statement_timeout",
)


@cause(
    "database.configuration",
    Layer.DATABASE,
    "the server's configuration, or the application's role, is not as declared",
    remedy="write_configuration",
    shown_by=_CONFIGURED,
    explains=("archive.fresh", "archive.waiting", "connection.from_backend", "container.health"),
)
def configuration(look: Look, failing: Failing) -> Iterator[Seen]:
    slugs = [slug for slug in failing if slug in _CONFIGURED]
    told = [f"{seen.of}: {seen.what}" if seen.of else seen.what for _, seen in evidence(failing, *slugs)]
    if told:
        yield Seen(look.postgres["config"], places.first_of(told), ("SELECT pg_reload_conf()",))


@cause(
    "database.pending_restart",
    Layer.DATABASE,
    "a changed setting waits for a restart",
    remedy="restart_database",
    shown_by=("setting.pending_restart",),
)
def pending_restart(look: Look, _failing: Failing) -> Iterator[Seen]:
    names = sorted(name for name, row in look.settings.items() if row["pending_restart"])
    found = database(look)
    if names and found is not None:
        yield Seen(found.name, f"waits for a restart with {', '.join(names)}", _restart(found))


@cause(
    "database.slot",
    Layer.DATABASE,
    "a replication slot has no reader and keeps log",
    remedy="drop_slot",
    shown_by=("replication.inactive_slots", "replication.retained"),
)
def slot(look: Look, failing: Failing) -> Iterator[Seen]:
    inactive = {row["name"] for row in look.rows("slots") if not row["active"]}
    for _, seen in evidence(failing, "replication.inactive_slots"):
        if seen.of in inactive:
            command = f"SELECT pg_drop_replication_slot('{seen.of}')"
            yield Seen(seen.of, seen.what, (command,), {"slot": seen.of})


@cause(
    "database.invalid_index",
    Layer.DATABASE,
    "an index is not valid",
    remedy="reindex",
    shown_by=("integrity.invalid_indexes",),
)
def invalid_index(look: Look, _failing: Failing) -> Iterator[Seen]:
    for row in look.rows("invalid_indexes"):
        statement = f"REINDEX INDEX CONCURRENTLY {row['name']}"  # a regclass: quoted where that is needed
        arguments = {"database": look.stack["database_name"], "statement": statement, "index": row["name"]}
        yield Seen(row["name"], f"is not valid, on the table {row['on_table']}", (statement,), arguments)


@cause(
    "database.dead_rows",
    Layer.DATABASE,
    "dead rows, or old ones that nobody has frozen",
    remedy="vacuum",
    shown_by=("vacuum.dead_tuples", "vacuum.wraparound", "vacuum.multixact"),
)
def dead_rows(look: Look, failing: Failing) -> Iterator[Seen]:
    for slug, seen in evidence(failing, "vacuum.dead_tuples", "vacuum.wraparound", "vacuum.multixact"):
        if slug == "vacuum.dead_tuples":
            statement, where = f"VACUUM (ANALYZE) {_quoted(seen.of)}", look.stack["database_name"]
        else:
            statement, where = "VACUUM (FREEZE)", seen.of
        yield Seen(seen.of, seen.what, (statement,), {"database": where, "statement": statement})


def _quoted(table: str) -> str:
    """Return schema.table as the server takes it, whatever somebody has called them."""
    schema, _, name = table.partition(".")
    return ".".join('"{}"'.format(part.replace('"', '""')) for part in (schema, name))


@cause(
    "database.archive_behind",
    Layer.DATABASE,
    "log waits to be archived",
    remedy="settle_archive",
    shown_by=("archive.fresh", "archive.waiting"),
    explains=("proof.window", "log.trouble", "backup.age"),
)
def archive_behind(look: Look, failing: Failing) -> Iterator[Seen]:
    told = [seen for _, seen in evidence(failing, "archive.fresh", "archive.waiting")]
    if told:
        name = look.stack["name"]
        yield Seen(told[0].of or name, told[0].what, (f"stanchion-{name} settle",))
