"""One session locks a table, and everything that needs the table waits behind it."""

from __future__ import annotations

from fault import Fault, approved
from scene import Look, Scene

MIGRATION = "SET lock_timeout = '500ms'; ALTER TABLE medications ADD COLUMN f16 int"


def lock(scene: Scene) -> None:
    scene.hold(
        1,
        "SET idle_in_transaction_session_timeout = 0",
        "BEGIN",
        "LOCK TABLE medications IN ACCESS EXCLUSIVE MODE",
    )
    # Whoever asks for the application gives up in the end and asks again; this one waits as long as it takes.
    psql = f"{scene.database} psql -U postgres -XAtq -d medication_tracker"
    scene.sh(f"docker exec -d -e PGAPPNAME=patient {psql} -c 'SELECT count(*) FROM medications'; sleep 2")


def the_root_is_named(scene: Scene, look: Look) -> None:
    """Not one of those that wait. A migration with its limit fails, where it would queue up as well."""
    assert look.cause("database.lock_pileup")["of"] == "leak (role postgres)"
    psql = ["psql", "-U", "postgres", "-XAtq", "-d", "medication_tracker", "-c", MIGRATION]
    said = scene.host.run("docker", "exec", scene.database, "sh", "-c", '"$@" 2>&1 || true', "sh", *psql)
    assert "canceling statement due to lock timeout" in said


def still_locked(scene: Scene, _: Look) -> None:
    held = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leak'"
    assert scene.stack.sql(held) == "1"


FAULT = Fault(
    "F16",
    "one session's lock keeps the others waiting",
    lock,
    expect="database.lock_pileup",
    checks=("lock.waits",),
    says=r"at the root: leak \(pid \d+, role postgres\)",
    repair=approved("end_session"),
    outcome="refused",
    undo=Scene.let_go,
    meanwhile=the_root_is_named,
    restraint=still_locked,
    looking={"validation_lock_wait_seconds": 1, "validation_lock_wait_seconds_warn": 0.5},
    recovered=15,
)
