"""Pools, the environment and the schema: a backend that does everything wrong."""

from __future__ import annotations

from fires.bad_backend import stranger, untried, wrong_backend, wrong_database
from fires.fire import Fire, by_shell

BATCH = "wrong backend"
SECRETS = "/var/lib/stanchion/{stack}/secrets/backend"
# Sixteen clients, and each asks replica 2 for a slow query again as soon as it has its answer. Redirected by
# exec: dash keeps what a redirected function would go back to, and ssh waits for that.
BUSY = """
touch /tmp/busy
ask() { while [ -e /tmp/busy ]; do curl -s -m 10 'http://127.0.0.1:5001/debug/sleep?seconds=3'; done; }
for _ in $(seq 16); do (exec > /dev/null 2>&1; ask) & done
sleep 1
"""

FIRES = [
    # The stranger comes while the database still has its name.
    Fire("pool.attribution", BATCH, stranger, r"unknown holder: .*calls itself stranger.*1 connection"),
    Fire(
        "pool.attribution",
        BATCH,
        by_shell(BUSY, "rm /tmp/busy; while pgrep -x curl > /dev/null; do sleep 0.1; done"),
        r"backend-2: \d+ of 10 connections of the pool in use, .*the bottleneck is the database: statements",
    ),
    Fire("pool.arithmetic", BATCH, wrong_backend, r"2 x 2\d\d connections .*max_connections is"),
    Fire("pool.overflow_bounded", BATCH, None, r"backend-1: DB_MAX_OVERFLOW is -1"),
    Fire("pool.threads", BATCH, None, r"backend-1: 400 threads .*nothing bounds"),
    Fire("pool.pre_ping", BATCH, untried, r"backend-untried: uses pooled connections untried"),
    Fire("pool.timeout_order", BATCH, None, r"waits 30 s for a connection.*killed after 20 s"),
    Fire(
        "pool.forked_sockets", BATCH, None, r"backend-1: the connection .*held by the processes \d+ and \d+"
    ),
    Fire("pool.application_name", BATCH, None, r"1 connection from [\d.]+ without application_name"),
    Fire("migration.head", BATCH, None, r"backend-1: expects 9999, and the database is at 0001"),
    Fire("environment.contract", BATCH, None, r"backend-1: has no DB_POOL_TIMEOUT"),
    Fire("environment.secrets", BATCH, None, r"backend-1: API_TOKEN holds a secret"),
    Fire("environment.both_forms", BATCH, None, r"backend-1: both API_TOKEN and API_TOKEN_FILE"),
    Fire("environment.initial_only", BATCH, wrong_database, r"-db: POSTGRES_DB is set, and has no effect"),
    Fire(
        "environment.secret_files",
        BATCH,
        by_shell(
            f"printf short > {SECRETS}/api_password; chmod 0444 {SECRETS}/api_password",
            f"rm {SECRETS}/api_password",
        ),
        r"api_password: mode 0444 opens it to others",
    ),
]
