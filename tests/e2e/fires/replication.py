"""Replication: a slot that nobody reads."""

from __future__ import annotations

from fires.fire import Fire, by_sql

FIRES = [
    Fire(
        "replication.inactive_slots",
        "content",
        by_sql(
            "SELECT pg_create_physical_replication_slot('st_left', true); SELECT pg_switch_wal()",
            "SELECT pg_drop_replication_slot('st_left')",
        ),
        "st_left: has no reader",
        variables={"validation_replication_inactive_seconds": 0.5},
        outcome="fail",
    ),
    Fire(
        "replication.retained",
        "content",
        None,
        "st_left: keeps .* of log",
        variables={"validation_replication_retained_share": 0},
        outcome="fail",
    ),
]
