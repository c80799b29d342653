# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far the archive is behind the database, what is missing in it, and how long the disk lasts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from stanchion_backup import docker, pgbackrest, volume_record, wal
from stanchion_backup.errors import BackupError
from stanchion_backup.settings import Settings

# The archive has histories of timelines and labels of backups too.
_SEGMENT = re.compile(r"[0-9A-F]{24}")
# A rate from less than this, in seconds, would be chance.
_RATE_FROM = 60.0


def state(settings: Settings, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the server says of its archive, and what the disk of the data has left for WAL that waits.

    `told` is of server.look. `wal_bytes_per_hour` and `hours_left` are None where too little was written to
    tell.
    """
    rate, free = _rate(told.get("rate")), free_bytes(settings)
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


def free_bytes(settings: Settings) -> int | None:
    """Return what the file system of the data has left, None where its driver keeps it elsewhere."""
    volume = docker.inspect("volume", volume_record.data_volume(settings))
    try:
        usage = os.statvfs(volume["Mountpoint"]) if volume else None
    except OSError:
        return None
    return usage.f_bavail * usage.f_frsize if usage else None


def missing(
    settings: Settings, held: pgbackrest.Contents, server: Mapping[str, Any], within: float
) -> dict[str, Any]:
    """Return in words what is missing in one repository's archive, or why it can't be read.

    `server` is its own side, asked before: what it has handed over has to be there, and what still waits
    there is not lost.
    """
    handed, waiting = str(server.get("last_archived_wal") or ""), server.get("waiting") or []
    try:
        names = sorted(pgbackrest.archive(settings, held, within).segments)
    except BackupError as error:
        return {"error": str(error)}
    there = [*names, *(name for name in waiting if _SEGMENT.fullmatch(name))]
    return {"gaps": wal.missing(there, held.sets, handed if _SEGMENT.fullmatch(handed) else "")}
