"""The database: gone, without connections, with sessions in each other's way, with ids and pages that go
bad."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from fires.fire import by_session, by_shell, by_sql
from fires.integrity import changed_on_disk
from fires.lock import deadlock, waiting
from stack import Stack

from alarms.alarm import Alarm

# Holds connections until its file is gone; says how many, once it has them.
HOLD = """
import pathlib, sys, time, psycopg2
socket, percent, file = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
one = psycopg2.connect(host=socket, user="postgres", dbname="postgres")
one.autocommit = True
cursor = one.cursor()
cursor.execute("SHOW max_connections")
most = int(cursor.fetchone()[0])
cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
have = cursor.fetchone()[0]
held = [one] + [psycopg2.connect(host=socket, user="postgres", dbname="postgres")
                for _ in range(-(-most * percent // 100) - have)]
file.touch()
while file.exists():
    time.sleep(0.2)
"""


def held(percent: int):
    """Hold so many percent of the server's connections."""

    @contextlib.contextmanager
    def broken(stack: Stack) -> Iterator[None]:
        file, socket = f"/run/held-{percent}", f"/var/lib/stanchion/{stack.name}/postgres/socket"
        stack.host.run("sh", "-c", f"cat > {file}.py", stdin=HOLD)
        # Without a file beside the process, ssh would wait for it.
        start = f"nohup python3 {file}.py {socket} {percent} {file} > {file}.log 2>&1 &"
        stack.host.run("sh", "-euc", f"{start} until [ -e {file} ]; do sleep 0.2; done")
        try:
            yield
        finally:
            stack.host.run("rm", file)

    return broken


@contextlib.contextmanager
def old_ids(stack: Stack) -> Iterator[None]:
    """Use up ten thousand transaction ids."""
    use_up = "DO $$ BEGIN FOR i IN 1..10000 LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$"
    stack.sql(use_up)
    try:
        yield
    finally:
        stack.host.run(
            "docker", "exec", f"{stack.name}-db", "vacuumdb", "-U", "postgres", "--all", "--freeze", "-q"
        )


SESSIONS = "sessions"
VARIABLES = {
    "validation_transaction_idle_seconds": 3,
    "validation_transaction_seconds": 5,
    "validation_lock_wait_seconds_warn": 2,
    "validation_lock_deadlocks_an_hour": 0,
    "validation_log_window": 60,
    "validation_vacuum_age": 8000,
    # Of the 200 million after which rows are frozen.
    "validation_vacuum_freeze_share": 0.00004,
    # Of a disk of unknown size: one segment is more.
    "validation_replication_retained_share": 0.0000001,
}

ALARMS = [
    # The first: it is put right last, when no session holds back what is frozen.
    Alarm("WraparoundNear", SESSIONS, "10,000 ids are used up, and 8,000 are allowed", old_ids),
    Alarm("FreezeOverdue", SESSIONS, "the same, and 8,000 of 200 million are allowed"),
    Alarm(
        "IdleInTransaction",
        SESSIONS,
        "a session says BEGIN, and nothing more",
        by_session("BEGIN", "SELECT 1"),
    ),
    Alarm("LongTransaction", SESSIONS, "a statement sleeps", by_session("SELECT pg_sleep(600)"), "psql"),
    Alarm("LockWait", SESSIONS, "a session waits for another", waiting),
    Alarm("Deadlocks", SESSIONS, "two sessions take two locks, each in its own order", deadlock),
    Alarm(
        "SlotRetaining",
        SESSIONS,
        "a slot that nobody reads",
        by_sql(
            "SELECT pg_create_physical_replication_slot('st_slot', true);"
            " SELECT pg_logical_emit_message(false, 'x', 'x'); SELECT pg_switch_wal()",
            "SELECT pg_drop_replication_slot('st_slot')",
        ),
        "st_slot",
    ),
    Alarm(
        "ChecksumFailure",
        SESSIONS,
        "a byte of a page is changed on disk",
        changed_on_disk,
        "medication_tracker",
    ),
    Alarm("ConnectionsNearLimit", SESSIONS, "85 % of the connections are held", held(85)),
    Alarm(
        "ConnectionsExhausted",
        "no connections",
        "97 % of the connections are held",
        held(97),
        silences=("ConnectionsNearLimit",),
    ),
    Alarm(
        "DatabaseDown",
        "no database",
        "the database's container is paused",
        by_shell("docker pause {stack}-db", "docker unpause {stack}-db"),
        silences=("EndpointDown", "ErrorRate", "MetricMissing"),
    ),
]
