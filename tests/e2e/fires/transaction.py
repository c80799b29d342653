"""Transactions: idle, long, prepared and left; a role without its limit."""

from __future__ import annotations

from fires.fire import Fire, by_session, by_sql

FIRES = [
    Fire(
        "transaction.idle",
        "content",
        by_session("BEGIN", "SELECT 1", wait=1.5),
        r"psql \(pid \d+, role postgres\): idle in a transaction for",
        variables={"validation_transaction_idle_seconds": 1},
    ),
    Fire(
        "transaction.longest",
        "content",
        None,
        r"psql \(pid \d+, role postgres\): idle in transaction, last SELECT, in a transaction for",
        variables={"validation_transaction_seconds": 1},
    ),
    Fire(
        "transaction.query",
        "content",
        by_session("SELECT pg_sleep(600)", wait=1.5),
        r"psql \(pid \d+, role postgres\): running SELECT, for",
        variables={"validation_transaction_query_seconds": 1},
    ),
    Fire(
        "transaction.prepared",
        "another database",
        None,
        "st_left in medication_tracker: prepared by postgres",
    ),
    Fire(
        "transaction.statement_timeout",
        "content",
        by_sql(
            "ALTER ROLE medication_tracker SET statement_timeout = 0",
            "ALTER ROLE medication_tracker SET statement_timeout = '30s'",
        ),
        "medication_tracker: has no statement_timeout",
    ),
]
