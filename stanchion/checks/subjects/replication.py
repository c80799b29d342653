"""Replication slots: each keeps the server from removing log that its reader has not fetched."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import POSTGRES
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, bad, note, warn
from stanchion.checks.registry import CRITICAL, DEPLOY, RUNTIME, Threshold, check
from stanchion.checks.subjects.volume import content_of
from stanchion.checks.units import length
from stanchion.contract.memory import show


@check(
    "replication.inactive_slots",
    rows="REP-01",
    title="Every replication slot has a reader",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="For a slot without a reader the server keeps its log until the volume is full, and then it stops.",
    remedy="Bring the standby or subscriber back, or SELECT pg_drop_replication_slot('NAME'): its reader "
    "then has to start anew.",
    source="awesome-prometheus-alerts, PostgresqlUnusedReplicationSlot",
    reads=("sql.slots",),
    thresholds=(
        Threshold(
            "validation_replication_inactive_seconds",
            60,
            "s",
            "awesome-prometheus-alerts: a reader that comes back at once is no matter",
        ),
    ),
    part=POSTGRES,
)
def inactive_slots(look: Look) -> Iterator[Evidence]:
    most = look.threshold("validation_replication_inactive_seconds")
    rows = look.rows("slots")
    for row in rows:
        since = row["inactive_seconds"]
        if not row["active"] and (since is None or since > most):
            ago = "at an unknown time" if since is None else f"{length(since)} ago"
            yield bad(f"has no reader; the last left {ago}", row["name"])
    yield note(f"{sum(row['active'] for row in rows)} of {len(rows)} slots have a reader")


@check(
    "replication.retained",
    rows="REP-02",
    title="What slots keep is little, and has an end",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Log kept for a slow reader fills the volume and stops the server, unless max_slot_wal_keep_size "
    "ends it; a reader that is cut off by that has to start anew.",
    remedy="Bring the reader back or drop the slot (SELECT pg_drop_replication_slot('NAME')). Leave "
    "max_slot_wal_keep_size at a size (4GB by default) in postgres_settings, and deploy.",
    source="PostgreSQL manual, Replication settings; check_postgres replication_slots. Ours: the share of "
    "the volume",
    reads=("sql.slots", "sql.settings", "volumes", "volume_record"),
    thresholds=(
        Threshold(
            "validation_replication_retained_share",
            0.1,
            "of the volume",
            "ours: what is left has to be enough to notice and act",
        ),
    ),
    part=POSTGRES,
)
def retained(look: Look) -> Iterator[Evidence]:
    _, content = content_of(look)
    total = int(content["total"])
    for row in look.rows("slots"):
        kept = int(row["retained"] or 0)
        if row["wal_status"] in ("unreserved", "lost"):
            state = "is lost" if row["wal_status"] == "lost" else "is about to be removed"
            yield bad(f"its log {state}: the reader has to start anew", row["name"])
        if kept > look.threshold("validation_replication_retained_share") * total:
            yield bad(f"keeps {show(kept)} of log, {kept / total:.1%} of the volume", row["name"])
    limit = int(look.settings["max_slot_wal_keep_size"]["setting"])
    if limit < 0:
        yield warn("is -1: a forgotten slot may fill the volume", "max_slot_wal_keep_size")
    else:
        yield note(f"{len(look.rows('slots'))} slots, max_slot_wal_keep_size is {limit} MB")
