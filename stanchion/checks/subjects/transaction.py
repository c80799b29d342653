"""Transactions and queries that take too long, and what would end them."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import POSTGRES
from stanchion.checks.look import Look, Row
from stanchion.checks.model import Evidence, UnreadableError, bad, note
from stanchion.checks.registry import DEPLOY, RUNTIME, WARNING, Threshold, check
from stanchion.checks.sessions import doing, who
from stanchion.checks.units import length, seconds


@check(
    "transaction.idle",
    rows="TXN-01",
    title="No transaction is open and idle, and one that is would be ended",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="A transaction that does nothing keeps its locks and its connection, and vacuum from clearing what "
    "was deleted since it began. Mostly it is code that forgot to commit.",
    remedy="Find the code by the session's name and end the transaction there. At once: SELECT "
    "pg_terminate_backend(PID). The limit for the application is "
    "postgres_idle_in_transaction_session_timeout.",
    source="check_postgres txn_idle, its example; autobase sets the time-out",
    reads=("sql.activity", "sql.roles"),
    thresholds=(Threshold("validation_transaction_idle_seconds", 15, "s", "check_postgres txn_idle"),),
    part=POSTGRES,
)
def idle(look: Look) -> Iterator[Evidence]:
    most = look.threshold("validation_transaction_idle_seconds")
    sessions = [
        row for row in look.rows("activity") if (row["state"] or "").startswith("idle in transaction")
    ]
    for row in sessions:
        if row["state_seconds"] > most:
            yield bad(f"idle in a transaction for {length(row['state_seconds'])}", who(row))
    limit = _limit(look, "idle_in_transaction_session_timeout")
    if limit:
        yield note(f"{len(sessions)} open and idle; one of the application's is ended after {length(limit)}")
    else:
        yield bad("has no idle_in_transaction_session_timeout", look.stack["database_user"])


@check(
    "transaction.longest",
    rows="TXN-02",
    title="No transaction is old",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Vacuum can remove nothing that was deleted since the oldest transaction began: tables grow and get "
    "slower, all of them.",
    remedy="Look what it does (SELECT * FROM pg_stat_activity WHERE pid = PID) and end it: SELECT "
    "pg_cancel_backend(PID), or pg_terminate_backend(PID) where it is idle.",
    source="check_postgres txn_time, its example",
    reads=("sql.activity",),
    thresholds=(Threshold("validation_transaction_seconds", 600, "s", "check_postgres txn_time"),),
    part=POSTGRES,
)
def longest(look: Look) -> Iterator[Evidence]:
    rows = [row for row in look.rows("activity") if row["transaction_seconds"] is not None]
    most = look.threshold("validation_transaction_seconds")
    yield from _too_long(rows, "transaction_seconds", most, "in a transaction for")


@check(
    "transaction.query",
    rows="TXN-03",
    title="No query runs for minutes",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="It holds a connection and its locks, and somebody waits for it. Often an index is missing, or a "
    "client is gone.",
    remedy="EXPLAIN it, and end it where nobody waits for it any more: SELECT pg_cancel_backend(PID). The "
    "limit for the application is postgres_statement_timeout.",
    source="check_postgres query_time, critical by default",
    reads=("sql.activity",),
    thresholds=(Threshold("validation_transaction_query_seconds", 300, "s", "check_postgres query_time"),),
    part=POSTGRES,
)
def query(look: Look) -> Iterator[Evidence]:
    rows = [row for row in look.rows("activity") if row["state"] == "active" and row["query_seconds"]]
    most = look.threshold("validation_transaction_query_seconds")
    yield from _too_long(rows, "query_seconds", most, "for")


def _too_long(rows: list[Row], column: str, most: float, words: str) -> Iterator[Evidence]:
    for row in rows:
        if row[column] > most:
            yield bad(f"{doing(row)}, {words} {length(row[column])}", who(row))
    oldest = max((float(row[column]) for row in rows), default=None)
    yield note("none at the moment" if oldest is None else f"{length(oldest)} at most, {len(rows)} open")


@check(
    "transaction.prepared",
    rows="TXN-04",
    title="No prepared transaction is left over",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="A prepared transaction keeps its locks and holds vacuum back for ever, through restarts, until "
    "somebody ends it by name.",
    remedy="Ask its owner, then COMMIT PREPARED 'GID' or ROLLBACK PREPARED 'GID'. Leave "
    "max_prepared_transactions at 0 unless a transaction manager needs it.",
    source="check_postgres prepared_txns: more than a second",
    reads=("sql.prepared", "sql.settings"),
    thresholds=(
        Threshold("validation_transaction_prepared_seconds", 1, "s", "check_postgres prepared_txns"),
    ),
    part=POSTGRES,
)
def prepared(look: Look) -> Iterator[Evidence]:
    most = look.threshold("validation_transaction_prepared_seconds")
    rows = look.rows("prepared")
    for row in rows:
        if row["seconds"] > most:
            of = f"{row['gid']} in {row['database']}"
            yield bad(f"prepared by {row['owner']} {length(row['seconds'])} ago", of)
    slots = look.settings["max_prepared_transactions"]["setting"]
    yield note(f"{len(rows)} prepared, max_prepared_transactions is {slots}")


@check(
    "transaction.statement_timeout",
    rows="TXN-05",
    title="The application's statements have a time limit",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="One statement that never ends, repeated by people who press reload, takes all connections.",
    remedy="Set postgres_statement_timeout (30s by default) and deploy; a report that takes longer sets its "
    "own with SET LOCAL statement_timeout.",
    source="Ours: no web request waits longer than its own time-out; autobase suggests 1 min",
    reads=("sql.roles",),
    part=POSTGRES,
)
def statement_timeout(look: Look) -> Iterator[Evidence]:
    limit = _limit(look, "statement_timeout")
    role = look.stack["database_user"]
    yield note(f"{length(limit)}", role) if limit else bad("has no statement_timeout", role)


def _limit(look: Look, name: str) -> float:
    """Return the seconds of a time-out of the application's role; 0 where there is none.

    Only the role's own counts: what the server has is hidden from the look by the look's own limits.
    """
    role = next((row for row in look.rows("roles") if row["name"] == look.stack["database_user"]), None)
    if role is None:
        raise UnreadableError(f"there is no role {look.stack['database_user']}")
    own = dict(line.split("=", 1) for line in role["settings"])
    return seconds(own.get(name, "0"))
