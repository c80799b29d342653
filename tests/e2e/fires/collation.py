"""Sorting: recorded versions, another cluster's encoding, and an image with another ICU."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from stack import Stack

from fires.fire import Fire, by_shell, by_sql

RECORD = "/var/lib/stanchion/images/stanchion_postgres.json"


@contextlib.contextmanager
def another_icu(stack: Stack) -> Iterator[None]:
    """Sort a database by ICU, and record another release of it for the next image."""
    sort = by_sql(
        "CREATE DATABASE st_icu TEMPLATE template0 LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'en'",
        "DROP DATABASE st_icu",
        "postgres",
    )
    record = by_shell(
        f"cp -p {RECORD} /root/record; sed -i 's/libicu[0-9]*/libicu99/' {RECORD}",
        f"mv /root/record {RECORD}",
    )
    with sort(stack), record(stack):
        yield


FIRES = [
    Fire(
        "collation.version",
        "content",
        by_sql(
            "UPDATE pg_database SET datcollversion = '0' WHERE datname = 'postgres'",
            "ALTER DATABASE postgres REFRESH COLLATION VERSION",
        ),
        "postgres: was sorted by version 0 of builtin, which is 1 now",
    ),
    Fire(
        "collation.encoding",
        "content",
        by_sql(
            "UPDATE pg_database SET encoding = pg_char_to_encoding('LATIN1') WHERE datname = 'template0'",
            "UPDATE pg_database SET encoding = pg_char_to_encoding('UTF8') WHERE datname = 'template0'",
        ),
        "template0: has encoding LATIN1, and UTF8 is on record",
    ),
    Fire(
        "collation.image",
        "next image",
        another_icu,
        r"st_icu: sorts by icu: ICU \d+ runs, ICU 99 is in the next image",
        phase="preflight",
    ),
]
