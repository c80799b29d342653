"""Waits with their root, the lock table, deadlocks, a migration's patience."""

import pytest

from stanchion.checks import Outcome, Phase

NAME = "medication-tracker-db"


def queue(kept, blocked_by, seconds):
    """Let the recorded sessions wait for each other; the first of `seconds` is the first session's."""
    rows = kept.rows("activity")[: len(blocked_by)]
    for pid, (row, blockers) in enumerate(zip(rows, blocked_by, strict=True), start=1):
        row.update(pid=pid, application=f"s{pid}", state="active", command="UPDATE", blocked_by=blockers)
    kept.rows("waits").extend(
        {"pid": pid, "seconds": each} for pid, each in enumerate(seconds, start=1) if each is not None
    )
    return rows


@pytest.mark.parametrize("wait,outcome", [(60.0, Outcome.PASS), (61.0, Outcome.WARN), (121.0, Outcome.FAIL)])
def test_a_wait(kept, wait, outcome):
    queue(kept, [[2], []], [wait])
    assert kept.ask("lock.waits").outcome is outcome


def test_the_root_is_who_blocks_and_waits_for_nobody(kept):
    rows = queue(kept, [[2], [3], []], [130.0, 200.0])
    rows[2].update(state="idle in transaction", command="SELECT")
    finding = kept.ask("lock.waits")
    assert finding.summary.startswith(
        "s2 (pid 2, role medication_tracker): has waited for 3 min; at the root: "
        "s3 (pid 3, role medication_tracker), idle in transaction, last SELECT"
    )
    assert "at the root: s3" in finding.evidence[1].what


@pytest.mark.parametrize(
    "blocked_by,root",
    [([[0]], "a prepared transaction"), ([[99]], "process 99"), ([[2, 98], [97]], "process 97, process 98")],
)
def test_roots_that_are_no_sessions(kept, blocked_by, root):
    queue(kept, blocked_by, [130.0])
    assert kept.ask("lock.waits").summary.endswith(f"; at the root: {root}")


def test_a_circle_has_no_root(kept):
    queue(kept, [[2], [1]], [130.0, 130.0])
    finding = kept.ask("lock.waits")
    assert finding.outcome is Outcome.FAIL
    assert "at the root" not in finding.summary


def test_a_waiter_that_is_no_session(kept):
    kept.rows("waits").append({"pid": 4711, "seconds": 500.0})
    assert kept.ask("lock.waits").summary == "process 4711: has waited for 8 min"


def test_one_that_has_only_begun_to_wait(kept):
    kept.rows("waits").append({"pid": 4711, "seconds": None})
    assert kept.ask("lock.waits").outcome is Outcome.PASS


def test_many_locks(kept):
    room = 64 * int(kept.setting("max_connections")["setting"])
    kept.rows("locks")[0]["held"] = room // 5
    assert kept.ask("lock.table").outcome is Outcome.PASS
    kept.rows("locks")[0]["held"] = room // 5 + 1
    finding = kept.ask("lock.table")
    assert finding.outcome is Outcome.WARN
    assert finding.summary.endswith("locks, 20%")


@pytest.mark.parametrize(
    "count,window,outcome", [(5, 3600.0, "pass"), (6, 3600.0, "warn"), (3, 1800.0, "warn")]
)
def test_deadlocks(kept, count, window, outcome):
    kept.facts["logs"]["window"] = window
    kept.facts["logs"]["entries"][NAME]["trouble"]["deadlock"] = {"count": count, "last": []}
    finding = kept.ask("lock.deadlocks")
    assert finding.outcome == outcome
    assert f"{count} deadlocks" in finding.summary


@pytest.mark.parametrize(
    "value,outcome", [("10s", "pass"), ("11s", "warn"), ("0", "warn"), ("2min", "warn"), ("5000", "pass")]
)
@pytest.mark.parametrize("phase", [Phase.PREFLIGHT, Phase.RUNTIME])
def test_a_migration_that_waits(kept, phase, value, outcome):
    kept.declared["backend"]["migration_lock_timeout"] = value
    assert kept.ask("lock.migration_timeout", phase).outcome == outcome


def test_no_migration(kept):
    kept.declared["backend"]["migration_lock_timeout"] = ""
    assert kept.ask("lock.migration_timeout").outcome is Outcome.SKIP
