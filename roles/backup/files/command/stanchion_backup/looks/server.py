# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the live database tells of its archive, its canary and its kept configuration.

All of it in one session: on a busy host each process that asks costs more than what it asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from stanchion_backup.host import volume_record
from stanchion_backup.host.database import Database
from stanchion_backup.repository import pgbackrest
from stanchion_backup.repository.pgbackrest import Contents
from stanchion_backup.restored import canary
from stanchion_backup.settings import Settings

# A segment that was switched early takes its whole place: positions in the WAL count it so too.
_SCRIPT = """
SELECT jsonb_build_object('archive', to_jsonb(q)) FROM (
    SELECT a.archived_count AS archived, a.failed_count AS failed,
        extract(epoch FROM clock_timestamp() - a.last_archived_time) AS last_archived_age,
        coalesce(a.last_failed_time > coalesce(a.last_archived_time, '-infinity'), false) AS failing,
        a.last_failed_wal, a.last_archived_wal, w.ready_files, w.oldest_ready_age, w.waiting
    FROM pg_stat_archiver a, (
        SELECT count(*) AS ready_files,
            extract(epoch FROM clock_timestamp() - min(modification)) AS oldest_ready_age,
            coalesce(array_agg(left(name, -6)), '{{}}') AS waiting
        FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'
    ) w
) q;
SELECT to_regclass('stanchion.canary') IS NOT NULL AS canary,
    to_regclass('stanchion.configuration') IS NOT NULL AS configuration \\gset
\\if :canary
SELECT jsonb_build_object('rate', to_jsonb(q)) FROM (
    SELECT pg_current_wal_lsn() - first.lsn AS bytes,
        extract(epoch FROM clock_timestamp() - first.t) AS seconds
    FROM (SELECT lsn, t FROM stanchion.canary WHERE t > now() - interval '1 hour' ORDER BY id LIMIT 1) first
) q;
SELECT jsonb_build_object('newest', extract(epoch FROM t)) FROM stanchion.canary ORDER BY id DESC LIMIT 1;
{held}
\\endif
\\if :configuration
SELECT jsonb_build_object('configuration', jsonb_agg(q)) FROM (
    SELECT path, extract(epoch FROM saved) AS saved,
        encode(sha256(convert_to(coalesce(content, ''), 'UTF8')), 'hex') AS hash
    FROM stanchion.configuration
) q;
\\endif
"""
# The newest row that a repository holds, and when the one after it was written.
_HELD = """
SELECT jsonb_build_object('{name}', jsonb_build_object(
    'restorable', extract(epoch FROM held.t),
    'pending', extract(epoch FROM (
        SELECT t FROM stanchion.canary WHERE id > coalesce(held.id, 0) ORDER BY id LIMIT 1
    ))
)) FROM (SELECT 1) one LEFT JOIN (
    {row}
) held ON true;
"""


def last_of(settings: Settings, held: Contents, within: float) -> str:
    """Return the last segment in a repository of the timeline that the host has on record."""
    timeline = volume_record.timeline(settings)
    return pgbackrest.wal_max_on(settings, held, timeline, within) if timeline else held.wal_max


def look(settings: Settings, held: Iterable[Contents], within: float) -> dict[str, Any]:
    """Return `archive`, `rate`, `newest`, `configuration`, and one entry for each repository with WAL.

    What there is nothing of is left out. QueryError where the server does not answer.
    """
    newest = {f"repo{each.key}": last for each in held if (last := last_of(settings, each, within))}
    script = _SCRIPT.format(
        held="".join(_HELD.format(name=name, row=canary.HELD.format(last=name)) for name in newest)
    )
    told: dict[str, Any] = {}
    for line in Database(settings.container, within=within).execute(script, newest):
        told.update(json.loads(line))
    return told
