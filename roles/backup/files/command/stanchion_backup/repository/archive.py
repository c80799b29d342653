# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far the archive is behind the database, what is missing in it, and how long the disk lasts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stanchion_backup.errors import BackupError
from stanchion_backup.host import docker, jobs, volume_record
from stanchion_backup.repository import pgbackrest, wal
from stanchion_backup.settings import Settings

# The archive has histories of timelines and labels of backups too.
_SEGMENT = re.compile(r"[0-9A-F]{24}")
# A rate from less than this, in seconds, would be chance.
_RATE_FROM = 60.0
# How far the clock of a repository's host may be from the one here, in seconds.
_CLOCKS = 300.0


def state(settings: Settings, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the server says of its archive, and what the disk of the data has left for WAL that waits.

    `told` is of server.look. `wal_bytes_per_hour` and `hours_left` are None where too little was written to
    tell.
    """
    rate, free = _rate(told.get("rate")), docker.free_bytes(volume_record.data_volume(settings))
    return {
        **told["archive"],
        "wal_bytes_per_hour": rate,
        "free_bytes": free,
        "hours_left": round(free / rate, 1) if rate and free is not None else None,
    }


def _rate(written: Mapping[str, Any] | None) -> float | None:
    if not written or written["seconds"] < _RATE_FROM:
        return None
    return float(round(written["bytes"] / written["seconds"] * 3600))


def listed(
    settings: Settings, held: pgbackrest.Contents, server: Mapping[str, Any], within: float
) -> dict[str, Any]:
    """Return in words what is missing in one repository's archive (`gaps`), and what is `foreign` in it.

    `server` is its own side, asked before: what it has handed over has to be there, and what still waits
    there is not lost. Where the archive can't be listed, `error` says why.
    """
    handed, waiting = str(server.get("last_archived_wal") or ""), server.get("waiting") or []
    try:
        found = pgbackrest.archive(settings, held, within)
    except BackupError as error:
        return {"error": str(error)}
    there = [*sorted(found.segments), *(name for name in waiting if _SEGMENT.fullmatch(name))]
    return {
        "gaps": wal.missing(there, held.sets, handed if _SEGMENT.fullmatch(handed) else ""),
        "foreign": _foreign(settings, found),
    }


def _foreign(settings: Settings, found: pgbackrest.Archive) -> dict[str, Any] | None:
    """Return the newest segment that another server has written, and when it came; None where there is none.

    A restore stops the old server before its successor's timeline begins, and a rollback the successor: what
    comes on another timeline later is of a server that nobody has stopped, as of a host that was given up.
    """
    live = volume_record.timeline(settings)
    others = [(came, name) for name, came in found.segments.items() if int(name[:8], 16) != live]
    if not live or not others:
        return None
    began, _ = found.histories.get(live, (0, ""))
    ended = [each["ended"] for job in ("restore", "rollback") for each in jobs.records(settings, job)]
    came, name = max(others)
    return {"segment": name, "came": came} if came > max(began, *ended, 0) + _CLOCKS else None
