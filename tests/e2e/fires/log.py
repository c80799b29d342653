"""Logs: one without an end, and one that tells of a crash."""

from __future__ import annotations

from fires.fire import Fire

FIRES = [
    # Both broken by the batch's line of setting.shm.
    Fire("log.rotation", "another database", None, "medication-tracker-db: has a log without max-size"),
    Fire(
        "log.trouble",
        "another database",
        None,
        "medication-tracker-db: a crash of the server, .*; it takes connections again since",
        outcome="warn",
    ),
]
