"""Locks: one waited for, a full table of them, a deadlock, a migration that would wait for ever."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from stack import Stack

from fires.fire import Fire, by_session


@contextlib.contextmanager
def waiting(stack: Stack) -> Iterator[None]:
    """Let one session wait for another."""
    lock = "SELECT pg_advisory_lock(4711)"
    with stack.session("BEGIN", lock), stack.session(lock, wait=1.5):
        yield


@contextlib.contextmanager
def deadlock(stack: Stack) -> Iterator[None]:
    """Let two sessions take two locks, each in its own order."""

    def in_order(first: int, second: int) -> tuple[str, ...]:
        return f"SELECT pg_advisory_lock({first})", "SELECT pg_sleep(1)", f"SELECT pg_advisory_lock({second})"

    with stack.session(*in_order(1, 2)), stack.session(*in_order(2, 1), wait=3):
        yield


FIRES = [
    Fire(
        "lock.waits",
        "content",
        waiting,
        r"psql \(pid \d+, role postgres\): has waited for .*; at the root: psql \(pid \d+, "
        "role postgres\\), idle",
        variables={"validation_lock_wait_seconds": 1, "validation_lock_wait_seconds_warn": 0.5},
        outcome="fail",
    ),
    Fire(
        "lock.table",
        "content",
        by_session("SELECT count(pg_advisory_lock(n)) FROM generate_series(100001, 102500) n"),
        r"2,5\d\d of [\d,]+ locks, \d+%",
    ),
    Fire(
        "lock.deadlocks",
        "content",
        deadlock,
        "medication-tracker-db: [1-9].* deadlocks",
        variables={"validation_lock_deadlocks_an_hour": 0},
    ),
    Fire(
        "lock.migration_timeout",
        "content",
        None,
        "backend_migration_lock_timeout: is 60s, and at most 10 s are wanted",
        variables={"backend_migration_lock_timeout": "60s"},
    ),
]
