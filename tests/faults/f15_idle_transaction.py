"""A transaction is left open: it keeps vacuum from clearing what was deleted since."""

from __future__ import annotations

from fault import Fault, approved
from scene import Figures, Look, Scene

LEFT = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leak' AND state LIKE 'idle in%'"


def leave_open(scene: Scene) -> None:
    """With no limit of its own: the application's would end it after a minute."""
    scene.hold(1, "SET idle_in_transaction_session_timeout = 0", "BEGIN", "SELECT txid_current()")
    scene.sh("sleep 1.5")


def holds_vacuum_back(scene: Scene, _: Look) -> None:
    horizon = "SELECT backend_xid IS NOT NULL FROM pg_stat_activity WHERE application_name = 'leak'"
    assert scene.stack.sql(horizon) == "t"


def still_there(scene: Scene, _: Look) -> None:
    """It was listed, and not ended."""
    assert scene.stack.sql(LEFT) == "1"


def gone(scene: Scene, _: Figures) -> None:
    assert scene.stack.sql(LEFT) == "0"


FAULT = Fault(
    "F15",
    "a transaction is left open",
    leave_open,
    expect="database.idle_transaction",
    checks=("transaction.idle",),
    says=r"leak \(pid \d+, role postgres\): idle in a transaction for",
    repair=approved("end_session"),
    outcome="refused",
    undo=Scene.let_go,
    meanwhile=holds_vacuum_back,
    restraint=still_there,
    afterwards=gone,
    looking={"validation_transaction_idle_seconds": 1},
    recovered=10,
)
