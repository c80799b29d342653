# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far the archive is behind the database, what is missing in it, and how long the disk lasts."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from stanchion_backup import canary, docker, pgbackrest
from stanchion_backup.database import Database
from stanchion_backup.errors import BackupError
from stanchion_backup.settings import Settings

# Of 16 MB each, which is what initdb makes: 4 GB have one number in the middle of the name.
_SEGMENTS_OF_A_LOG = 256
# A rate from less than this, in seconds, would be chance.
_RATE_FROM = 60.0

_STATE = """
SELECT a.archived_count AS archived, a.failed_count AS failed,
    extract(epoch FROM clock_timestamp() - a.last_archived_time) AS last_archived_age,
    coalesce(a.last_failed_time > coalesce(a.last_archived_time, '-infinity'), false) AS failing,
    a.last_failed_wal, w.ready_files, w.oldest_ready_age, w.waiting
FROM pg_stat_archiver a, (
    SELECT count(*) AS ready_files,
        extract(epoch FROM clock_timestamp() - min(modification)) AS oldest_ready_age,
        coalesce(array_agg(left(name, 24)), '{}') AS waiting
    FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'
) w
"""
# A segment that was switched early takes its whole place: positions in the WAL count it so too.
_RATE = """
SELECT pg_current_wal_lsn() - first.lsn AS bytes, extract(epoch FROM clock_timestamp() - first.t) AS seconds
FROM (SELECT lsn, t FROM stanchion.canary WHERE t > now() - interval '1 hour' ORDER BY id LIMIT 1) first
"""


def state(settings: Settings, within: float) -> dict[str, Any]:
    """Return what the server says of its archive, and what the disk of the data has left for WAL that waits.

    `wal_bytes_per_hour` and `hours_left` are None where too little was written to tell. BackupError where the
    server does not answer.
    """
    live = Database(settings.container, within=within)
    found = live.one(_STATE)
    rate = _rate(live)
    free = free_bytes(settings)
    return {
        **found,
        "wal_bytes_per_hour": rate,
        "free_bytes": free,
        "hours_left": round(free / rate, 1) if rate and free is not None else None,
    }


def _rate(live: Database) -> float | None:
    if not canary.is_there(live):
        return None
    rows = live.rows(_RATE)
    if not rows or rows[0]["seconds"] < _RATE_FROM:
        return None
    return float(round(rows[0]["bytes"] / rows[0]["seconds"] * 3600))


def free_bytes(settings: Settings) -> int | None:
    """Return what the file system of the data has left, None where its driver keeps it elsewhere."""
    volume = docker.inspect("volume", pgbackrest.data_volume(settings))
    try:
        usage = os.statvfs(volume["Mountpoint"]) if volume else None
    except OSError:
        return None
    return usage.f_bavail * usage.f_frsize if usage else None


def gaps(names: Iterable[str], first: str, waiting: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return the holes among the segments of an archive, {first, last, count}, from the segment `first` on.

    Each timeline is looked at by itself: one begins where it left the one before, which may go on past that.
    What still waits in the server is not lost.
    """
    of_timeline: dict[int, list[int]] = {}
    for name in sorted(set(names) | {name for name in waiting if len(name) == len(first)}):
        if name >= first:
            of_timeline.setdefault(int(name[:8], 16), []).append(_number(name))
    return [hole for timeline, numbers in of_timeline.items() for hole in _holes(timeline, numbers)]


def _holes(timeline: int, numbers: list[int]) -> Iterator[dict[str, Any]]:
    for before, after in zip(numbers, numbers[1:]):
        if after > before + 1:
            yield {
                "first": _name(timeline, before + 1),
                "last": _name(timeline, after - 1),
                "count": after - before - 1,
            }


def _number(name: str) -> int:
    return int(name[8:16], 16) * _SEGMENTS_OF_A_LOG + int(name[16:24], 16)


def _name(timeline: int, number: int) -> str:
    log, segment = divmod(number, _SEGMENTS_OF_A_LOG)
    return f"{timeline:08X}{log:08X}{segment:08X}"


def missing(
    settings: Settings, held: pgbackrest.Contents, waiting: Collection[str], within: float
) -> dict[str, Any]:
    """Return the holes in one repository's archive from its oldest backup on, or why it can't be read."""
    starts = [each.wal_first for each in held.sets if each.wal_first]
    if not starts:
        return {"gaps": []}
    try:
        names = sorted(pgbackrest.archive(settings, held, within).segments)
    except BackupError as error:
        return {"error": str(error)}
    return {"gaps": gaps(names, min(starts), waiting)}
