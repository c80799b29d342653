# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rows that say when they were written: what of them is in a restored copy says how much would be lost.

They are in the database `postgres`, schema `stanchion`: no application's migration or dump meets them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from stanchion_backup.host.database import Database
from stanchion_backup.repository import pgbackrest
from stanchion_backup.repository.pgbackrest import Contents
from stanchion_backup.settings import Settings

# How often the schedule writes one, in seconds; and how long one is kept, in days: longer than most backups.
PERIOD = 60
KEPT_DAYS = 35

_MAKE = """
CREATE SCHEMA IF NOT EXISTS stanchion;
CREATE TABLE IF NOT EXISTS stanchion.canary (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mark text NOT NULL DEFAULT '',
    t timestamptz NOT NULL DEFAULT clock_timestamp(),
    lsn pg_lsn NOT NULL DEFAULT pg_current_wal_insert_lsn(),
    facts jsonb
);
"""


# Times leave the server in UTC with their offset; pgBackRest and Postgres read them as they are. It is a part
# of other scripts, too: psql's variables are mark, facts and days.
WRITE = """
DELETE FROM stanchion.canary WHERE t < now() - :days * interval '1 day';
INSERT INTO stanchion.canary (mark, facts) VALUES (:'mark', nullif(:'facts', '')::jsonb)
RETURNING json_build_object('id', id, 'mark', mark, 'epoch', extract(epoch FROM t), 'lsn', lsn,
    't', to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00');
"""
NOW = "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00' AS t"
# The newest row that is in a repository whose last segment psql's variable of this name (`last`) has. Only of
# the timeline that the server is on: the name of a segment is its timeline and its place.
HELD = """
SELECT id, mark, t, lsn FROM stanchion.canary WHERE pg_walfile_name(lsn) <= :'{last}' COLLATE "C"
ORDER BY id DESC LIMIT 1
"""
# Put together of this module's own words only.
_RESTORABLE = f"""
SELECT id, mark, to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00' AS t,
    extract(epoch FROM t) AS epoch, lsn
FROM ({HELD.format(last="wal_max")}) held
"""  # noqa: S608


@dataclass(frozen=True)
class Row:
    """A row as it was written: `t` in UTC with offset, `lsn` where the WAL was then."""

    id: int
    mark: str
    t: str
    epoch: float
    lsn: str


def write(live: Database, mark: str = "", facts: dict[str, Any] | None = None) -> Row:
    """Write a row, and let go of those that are old."""
    given = {"mark": mark, "facts": json.dumps(facts) if facts else "", "days": KEPT_DAYS}
    lines = live.execute(_MAKE + WRITE, given)
    return row(lines[-1])


def row(line: str) -> Row:
    """Return the row that WRITE has printed."""
    return Row(**json.loads(line))


def is_there(live: Database) -> bool:
    """Return whether the table is there: to ask one that is not is an error in the server's log."""
    return bool(live.one("SELECT to_regclass('stanchion.canary') IS NOT NULL AS made")["made"])


def restorable(live: Database, settings: Settings, held: Contents, timeline: int) -> Row | None:
    """Return the newest row in a repository, along the timeline that the server is on; None where none is."""
    last = pgbackrest.wal_max_on(settings, held, timeline)
    if not last or not is_there(live):
        return None
    found = live.rows(_RESTORABLE, {"wal_max": last})
    return Row(**found[0]) if found else None
