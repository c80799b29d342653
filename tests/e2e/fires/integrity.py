"""Integrity: a byte changed on disk, an index that could not be built, checksums and fsync off."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from stack import Stack

from fires.fire import Fire


@contextlib.contextmanager
def changed_on_disk(stack: Stack) -> Iterator[None]:
    """Change a page of a table below the server, and have it read again."""
    stack.sql("CREATE EXTENSION pg_buffercache")
    stack.sql("CREATE TABLE st_broken AS SELECT generate_series(1, 1000) AS id")
    stack.sql("CHECKPOINT")
    path = stack.sql("SELECT pg_relation_filepath('st_broken')")
    volume = f"/var/lib/docker/volumes/{stack.name}-pgdata/_data"
    stack.host.run(
        "sh", "-euc", f"printf broken | dd of={volume}/{path} bs=1 seek=4000 conv=notrunc status=none"
    )
    stack.sql(
        "SELECT count(pg_buffercache_evict(bufferid)) FROM pg_buffercache"
        " WHERE relfilenode = pg_relation_filenode('st_broken')"
    )
    try:
        tried(stack, "SELECT count(*) FROM st_broken")
        yield
    finally:
        stack.sql("DROP TABLE st_broken")
        stack.sql("DROP EXTENSION pg_buffercache")
        stack.sql("SELECT pg_stat_reset()")


@contextlib.contextmanager
def unfinished_index(stack: Stack) -> Iterator[None]:
    """Leave what a unique index over duplicates leaves when it is built concurrently."""
    stack.sql("CREATE TABLE st_twice AS SELECT 1 AS id FROM generate_series(1, 2)")
    try:
        tried(stack, "CREATE UNIQUE INDEX CONCURRENTLY st_twice_id ON st_twice (id)")
        yield
    finally:
        stack.sql("DROP TABLE st_twice")


def tried(stack: Stack, statement: str) -> None:
    """Say a statement that is bound to fail."""
    psql = ["psql", "-U", "postgres", "-XAtq", "-d", "medication_tracker", "-c", statement]
    stack.host.run("docker", "exec", f"{stack.name}-db", *psql, check=False)


FIRES = [
    Fire("integrity.checksums", "another database", None, "data checksums are off"),
    Fire(
        "integrity.checksum_failures",
        "content",
        changed_on_disk,
        "medication_tracker: [1-9].* wrong checksum",
    ),
    Fire("integrity.durability", "configuration", None, "fsync: is off, and has to be on"),
    Fire(
        "integrity.invalid_indexes",
        "content",
        unfinished_index,
        "st_twice_id: is invalid, on the table st_twice",
    ),
]
