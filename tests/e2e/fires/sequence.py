"""Sequences: one that feeds an integer column, near its end."""

from __future__ import annotations

from fires.fire import Fire, by_sql

FIRES = [
    Fire(
        "sequence.used",
        "content",
        by_sql(
            "CREATE TABLE st_keys (id serial); SELECT setval('st_keys_id_seq', 2147483000)",
            "DROP TABLE st_keys",
        ),
        "st_keys_id_seq: 100.0% used: 2,147,483,000 of 2,147,483,647",
        outcome="fail",
    ),
]
