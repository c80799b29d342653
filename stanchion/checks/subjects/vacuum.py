"""Whether dead rows and old transaction ids are cleared away in time."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import POSTGRES
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, bad, note, warn
from stanchion.checks.registry import CRITICAL, DEPLOY, RUNTIME, WARNING, Threshold, check
from stanchion.checks.units import length

_SHARE = Threshold(
    "validation_vacuum_freeze_share",
    1.2,
    "of autovacuum_freeze_max_age (multixacts: autovacuum_multixact_freeze_max_age)",
    "ours: every healthy database reaches 1, where autovacuum is made to start; a fifth above it, that did "
    "not help",
)
_AGE = Threshold(
    "validation_vacuum_age",
    1_400_000_000,
    "transactions",
    "check_postgres txn_wraparound, critical; the server refuses writes at about 2.1 billion",
)


@check(
    "vacuum.wraparound",
    rows="VAC-01",
    title="No database is near the end of its transaction ids",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Three million transaction ids before the end the server refuses every write until a vacuum has gone "
    "through, which takes hours on large tables.",
    remedy="Find what holds vacuum back (transaction.longest, transaction.prepared, "
    "replication.inactive_slots), end it, then VACUUM (FREEZE) in the database named.",
    source="PostgreSQL 17 manual, Routine Vacuuming; check_postgres autovac_freeze and txn_wraparound",
    reads=("sql.databases", "sql.settings"),
    thresholds=(_SHARE, _AGE),
    part=POSTGRES,
)
def wraparound(look: Look) -> Iterator[Evidence]:
    yield from _ages(look, "xid_age", "autovacuum_freeze_max_age", "transactions")


@check(
    "vacuum.multixact",
    rows="VAC-02",
    title="No database is near the end of its multixact ids",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Rows locked by several transactions at once use up ids of their own; at their end the server "
    "refuses writes just the same.",
    remedy="Find what holds vacuum back (transaction.longest, transaction.prepared), end it, then "
    "VACUUM (FREEZE) in the database named.",
    source="PostgreSQL 17 manual, Multixacts and Wraparound; the thresholds follow vacuum.wraparound",
    reads=("sql.databases", "sql.settings"),
    thresholds=(_SHARE, _AGE),
    part=POSTGRES,
)
def multixact(look: Look) -> Iterator[Evidence]:
    yield from _ages(look, "mxid_age", "autovacuum_multixact_freeze_max_age", "multixacts")


def _ages(look: Look, column: str, setting: str, what: str) -> Iterator[Evidence]:
    most, share = look.threshold("validation_vacuum_age"), look.threshold("validation_vacuum_freeze_share")
    begins = int(look.settings[setting]["setting"])
    oldest = max(look.rows("databases"), key=lambda row: int(row[column]))
    for row in look.rows("databases"):
        age = int(row[column])
        text = f"is {age:,} {what} old; autovacuum is made to start at {begins:,}"
        if age >= most:
            yield bad(text, row["name"])
        elif age >= share * begins:
            yield warn(text, row["name"])
    age = int(oldest[column])
    yield note(f"the oldest is {age:,} {what} old, {age / begins:.0%} of {setting}", oldest["name"])


@check(
    "vacuum.autovacuum",
    rows="VAC-03",
    title="Autovacuum is on",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Without it tables grow with every update, plans get worse, and in the end the server stops taking "
    "writes.",
    remedy="Leave autovacuum and track_counts out of postgres_settings and deploy.",
    source="PostgreSQL manual, Routine Vacuuming",
    reads=("sql.settings",),
    part=POSTGRES,
)
def autovacuum(look: Look) -> Iterator[Evidence]:
    for name in ("autovacuum", "track_counts"):
        found = look.settings[name]["setting"]
        yield note("is on", name) if found == "on" else bad(f"is {found}", name)


@check(
    "vacuum.dead_tuples",
    rows="VAC-04",
    title="No table is full of dead rows",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Dead rows are read by every scan and keep their space: queries get slower and the volume fills.",
    remedy="VACUUM (ANALYZE) table, outside of the busy hours; never FULL, which locks the table. See "
    "transaction.longest for what may hold vacuum back.",
    source="awesome-prometheus-alerts, PostgresqlHighRateOfDeadTuples; ours: only past the point at which "
    "the server's own settings make autovacuum begin",
    reads=("sql.dead_tuples", "sql.settings"),
    thresholds=(
        Threshold(
            "validation_vacuum_dead_rows",
            10_000,
            "rows",
            "awesome-prometheus-alerts: fewer are no matter, whatever their share",
        ),
        Threshold("validation_vacuum_dead_share", 0.1, "of the table's rows", "awesome-prometheus-alerts"),
    ),
    part=POSTGRES,
)
def dead_tuples(look: Look) -> Iterator[Evidence]:
    rows, share = (
        look.threshold("validation_vacuum_dead_rows"),
        look.threshold("validation_vacuum_dead_share"),
    )
    for row in look.rows("dead_tuples"):
        found = row["dead"] / (row["dead"] + row["live"])
        if row["dead"] > max(rows, _autovacuum_begins(look, row["live"])) and found >= share:
            last = row["vacuum_seconds"]
            ago = "never vacuumed" if last is None else f"vacuumed {length(last)} ago"
            yield bad(f"{row['dead']:,} of its rows are dead, {found:.0%}; {ago}", row["name"])
    most = max(look.rows("dead_tuples"), key=lambda row: int(row["dead"]), default=None)
    yield note(f"{most['dead']:,} dead rows at most, in {most['name']}" if most else "no dead rows")


def _autovacuum_begins(look: Look, live: int) -> float:
    """Return how many dead rows of a table make autovacuum begin: fewer are an ordinary day's."""
    base, scale = (
        float(look.settings[name]["setting"])
        for name in ("autovacuum_vacuum_threshold", "autovacuum_vacuum_scale_factor")
    )
    return base + scale * live
