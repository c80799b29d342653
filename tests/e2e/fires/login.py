"""Logins and connections: pg_hba.conf, the application's role, and a database that is nearly full."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from stack import Stack

from fires.fire import Fire, by_shell, by_sql

BATCH = "login"
HBA = "/var/lib/stanchion/{stack}/postgres/config/pg_hba.conf"
# Holds sessions of the superuser until less is free than is kept in reserve, and says so.
FILL = """
import os, sys, time, psycopg2
sessions = []
def one():
    sessions.append(psycopg2.connect(host=sys.argv[1], user="postgres", dbname="postgres"))
    return sessions[-1].cursor()
cursor = one()
cursor.execute("SELECT current_setting('max_connections')::int - 7")
most = cursor.fetchone()[0]
while True:
    cursor = one()
    cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
    if cursor.fetchone()[0] >= most:
        break
print("full", flush=True)
time.sleep(600)
"""


@contextlib.contextmanager
def another_role(stack: Stack) -> Iterator[None]:
    """Make the application's role a superuser with another password that runs out, and without a limit."""
    role = "medication_tracker"
    kept = f"SELECT rolconnlimit || ' ' || rolpassword FROM pg_authid WHERE rolname = '{role}'"
    limit, _, verifier = stack.sql(kept).partition(" ")
    stack.sql(
        f"SET password_encryption = md5; ALTER ROLE {role} SUPERUSER CONNECTION LIMIT -1 PASSWORD 'other'"
    )
    soon = "format('ALTER ROLE %I VALID UNTIL %L', rolname, now() + interval '3 days')"
    stack.sql(stack.sql(f"SELECT {soon} FROM pg_roles WHERE rolname = '{role}'"))
    try:
        yield
    finally:
        stack.sql(
            f"ALTER ROLE {role} NOSUPERUSER CONNECTION LIMIT {limit} PASSWORD '{verifier}'"
            " VALID UNTIL 'infinity'"
        )


@contextlib.contextmanager
def nearly_full(stack: Stack) -> Iterator[None]:
    """Leave seven connections free."""
    socket = f"/var/lib/stanchion/{stack.name}/postgres/socket"
    stack.host.run("tee", "/tmp/fill.py", stdin=FILL)
    start = (
        f"python3 /tmp/fill.py {socket} > /tmp/fill.out 2>&1 & echo $! > /tmp/fill.pid;"
        " for _ in $(seq 100); do grep -q full /tmp/fill.out && exit 0; sleep 0.1; done;"
        " cat /tmp/fill.out; exit 1"
    )
    try:
        stack.host.run("sh", "-c", start)
        yield
    finally:
        # The server ends the sessions of a client that is gone; the next look must not find them still there.
        stack.host.run("sh", "-c", "kill $(cat /tmp/fill.pid); sleep 0.5")


FIRES = [
    Fire(
        "auth.hba_errors",
        BATCH,
        by_shell(
            f"cp -p {HBA} /tmp/hba; echo 'host all' >> {HBA}; echo 'host all all 0.0.0.0/0 trust' >> {HBA}",
            f"cat /tmp/hba > {HBA}",
        ),
        r"pg_hba.conf line \d+: ",
    ),
    Fire("auth.weak_methods", BATCH, None, r"trust for all from 0.0.0.0"),
    Fire("auth.addresses", BATCH, None, r"0.0.0.0/0.0.0.0 is wider"),
    Fire("auth.all_all", BATCH, None, r"every role may log in to every database from 0.0.0.0"),
    Fire("auth.superuser", BATCH, another_role, r"medication_tracker: has the rights superuser"),
    Fire("auth.scram", BATCH, None, r"medication_tracker: its password is kept as md5"),
    Fire("auth.expiry", BATCH, None, r"medication_tracker: its password runs out in [23]\.\d d"),
    Fire("auth.configured_password", BATCH, None, r"password authentication failed"),
    Fire(
        "auth.public_create",
        BATCH,
        by_sql("GRANT CREATE ON SCHEMA public TO PUBLIC", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
        r"PUBLIC may create",
    ),
    Fire("connection.from_backend", BATCH, None, r"backend-\d: SELECT 1 by its own DATABASE_URL: "),
    Fire("connection.role_limit", BATCH, None, r"medication_tracker: has no connection limit"),
    Fire(
        "connection.usage",
        BATCH,
        nearly_full,
        r"\d\d of \d\d connections in use, (8[1-9]|9\d) %",
        outcome="warn",
    ),
    Fire("connection.reserve", BATCH, None, r"\d of \d\d connections are free, less than the 8"),
]
