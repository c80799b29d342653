"""Who waits for whom, how full the lock table is, deadlocks, and what a migration may wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanchion.checks.container import BACKEND, POSTGRES
from stanchion.checks.look import Look, Row
from stanchion.checks.model import Evidence, SkipError, bad, note, warn
from stanchion.checks.registry import CRITICAL, DEPLOY, PREFLIGHT, RUNTIME, WARNING, Threshold, check
from stanchion.checks.sessions import doing, who
from stanchion.checks.subjects.log import LOG_WINDOW, log_of
from stanchion.checks.units import length, seconds

# What pg_blocking_pids says of a prepared transaction, which has no process.
_PREPARED = 0


@check(
    "lock.waits",
    rows="LCK-01",
    title="No session waits long for a lock",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Everything that needs the same table queues up behind it, until the pools are empty and the "
    "application stands still.",
    remedy="End the session at the root, not the waiting ones: SELECT pg_cancel_backend(PID), or "
    "pg_terminate_backend(PID) where it is idle in a transaction.",
    source="check_postgres lockwait: 1 and 2 min",
    reads=("sql.waits", "sql.activity"),
    thresholds=(
        Threshold("validation_lock_wait_seconds_warn", 60, "s", "check_postgres lockwait"),
        Threshold("validation_lock_wait_seconds", 120, "s", "check_postgres lockwait"),
    ),
    part=POSTGRES,
)
def waits(look: Look) -> Iterator[Evidence]:
    first, most = (
        look.threshold("validation_lock_wait_seconds_warn"),
        look.threshold("validation_lock_wait_seconds"),
    )
    sessions = {row["pid"]: row for row in look.rows("activity")}
    waiting = [row for row in look.rows("waits") if row["seconds"] is not None]
    for row in sorted(waiting, key=lambda row: -row["seconds"]):
        say = bad if row["seconds"] > most else warn
        if row["seconds"] > first:
            named = ", ".join(_named(pid, sessions) for pid in sorted(roots(row["pid"], sessions)))
            behind = f"; at the root: {named}" if named else ""
            yield say(f"has waited for {length(row['seconds'])}{behind}", _waiter(row["pid"], sessions))
    longest = max((row["seconds"] for row in waiting), default=None)
    yield note("nobody waits" if longest is None else f"{len(waiting)} wait, {length(longest)} at most")


def roots(pid: int, sessions: Mapping[int, Row]) -> set[int]:
    """Return who stands at the end of the queue: those that block and are blocked by nobody."""
    found: set[int] = set()
    seen, todo = {pid}, [pid]
    while todo:
        blockers = sessions[each]["blocked_by"] if (each := todo.pop()) in sessions else []
        if not blockers and each != pid:
            found.add(each)
        todo.extend(blocker for blocker in blockers if blocker not in seen)
        seen.update(blockers)
    return found


def _waiter(pid: int, sessions: Mapping[int, Row]) -> str:
    return who(sessions[pid]) if pid in sessions else f"process {pid}"


def _named(pid: int, sessions: Mapping[int, Row]) -> str:
    if pid == _PREPARED:
        return "a prepared transaction"
    return f"{who(sessions[pid])}, {doing(sessions[pid])}" if pid in sessions else f"process {pid}"


@check(
    "lock.table",
    rows="LCK-02",
    title="The lock table has room",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="When it is full, statements of all sessions fail with 'out of shared memory'.",
    remedy="Find who holds so many (SELECT pid, count(*) FROM pg_locks GROUP BY pid ORDER BY 2 DESC). For "
    "thousands of tables or partitions raise max_locks_per_transaction in postgres_settings.",
    source="awesome-prometheus-alerts, PostgresqlTooManyLocksAcquired",
    reads=("sql.locks", "sql.settings"),
    thresholds=(
        Threshold(
            "validation_lock_table_share",
            0.2,
            "of max_locks_per_transaction x (max_connections + max_prepared_transactions)",
            "awesome-prometheus-alerts",
        ),
    ),
    part=POSTGRES,
)
def table(look: Look) -> Iterator[Evidence]:
    each, connections, prepared = (
        int(look.settings[name]["setting"])
        for name in ("max_locks_per_transaction", "max_connections", "max_prepared_transactions")
    )
    held, room = look.row("locks")["held"], each * (connections + prepared)
    say = bad if held > look.threshold("validation_lock_table_share") * room else note
    yield say(f"{held:,} of {room:,} locks, {held / room:.0%}")


@check(
    "lock.deadlocks",
    rows="LCK-03",
    title="Deadlocks are rare",
    phases=(RUNTIME,),
    severity=WARNING,
    why="In each of them one transaction is thrown away. They come from code that takes the same locks in "
    "different order, and grow with the load.",
    remedy="Read the two statements in the log (docker logs NAME-db 2>&1 | grep -A6 'deadlock detected') and "
    "take the locks in one order in both.",
    source="Ours: per hour, which is what the look reads; awesome-prometheus-alerts asks for 5 a minute, "
    "which a small site never reaches",
    reads=("logs", "containers"),
    thresholds=(
        Threshold(
            "validation_lock_deadlocks_an_hour",
            5,
            "an hour",
            "ours: one may be chance, a handful is a pattern",
        ),
        LOG_WINDOW,
    ),
    part=POSTGRES,
)
def deadlocks(look: Look) -> Iterator[Evidence]:
    logs, name = look.source("logs"), look.database.name
    seen = log_of(look, name)["trouble"].get("deadlock", {"count": 0})
    hours = logs["window"] / 3600
    most = look.threshold("validation_lock_deadlocks_an_hour")
    say = bad if seen["count"] / hours > most else note
    yield say(f"{seen['count']} deadlocks in the last {length(logs['window'])}", name)


@check(
    "lock.migration_timeout",
    rows="LCK-04",
    title="A migration gives up waiting for a lock",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=WARNING,
    why="An ALTER TABLE that waits behind one open transaction makes every later query of that table wait "
    "behind itself: the application stands still for as long.",
    remedy="Set backend_migration_lock_timeout to 10s or less (5s by default); a migration that gives up is "
    "run again by the next deploy.",
    source="autobase suggests 10 s",
    thresholds=(Threshold("validation_lock_migration_seconds", 10, "s", "autobase"),),
    part=BACKEND,
)
def migration_timeout(look: Look) -> Iterator[Evidence]:
    declared = str(look.backend["migration_lock_timeout"])
    if not declared:
        raise SkipError("no migration is declared")
    most, limit = look.threshold("validation_lock_migration_seconds"), seconds(declared)
    if not limit:
        yield bad(f"is {declared}: no limit", "backend_migration_lock_timeout")
    else:
        say = bad if limit > most else note
        yield say(f"is {declared}, and at most {most:g} s are wanted", "backend_migration_lock_timeout")
