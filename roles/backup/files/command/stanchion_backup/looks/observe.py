# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything that checks, metrics and lists read of a stack's backups, in one look that changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from stanchion_backup.drills import proof
from stanchion_backup.errors import BackupError
from stanchion_backup.host import runs, volume_record
from stanchion_backup.host.database import QueryError
from stanchion_backup.looks import configuration, installed, server
from stanchion_backup.repository import archive, pgbackrest, retention
from stanchion_backup.repository.windows import abandoned
from stanchion_backup.restored import scratch
from stanchion_backup.restores import copies, journal, planning
from stanchion_backup.settings import JOBS, Settings

VERSION = 1


def observe(settings: Settings, within: float = 60.0, windows: bool = True) -> dict[str, Any]:
    """Return the whole picture; what could not be read has its reason in an `error` beside it.

    A repository or a server that hangs is waited for `within` seconds at most, three times in a row. Without
    `windows` what takes longest, and what no check reads, is left out.
    """
    with ThreadPoolExecutor() as several:
        stands = several.submit(_or_error, lambda: installed.installed(settings, within))
        held = pgbackrest.contents(settings, within)
        asked = several.submit(planning.every_window, settings, within) if windows else None
        left = several.submit(_or_error, lambda: _abandoned(settings, held, within))
        live = _live(settings, held, within)
        archived = _missing(settings, held, live["archive"], within)
        moments = {"windows": asked.result(), "copies": copies.listed(settings)} if asked else {}
        return {
            "version": VERSION,
            "stack": settings.stack,
            "repositories": _repositories(settings, held),
            "room": {
                "copy": max((scratch.room_for(each) for one in held for each in one.sets), default=None)
            },
            **live,
            "archive": archived,
            "installed": stands.result(),
            **moments,
            "restore": _or_error(lambda: journal.observed(settings)),
            "drills": proof.picture(settings, held),
            **jobs_now(settings),
            "abandoned": left.result(),
            "taken": retention.taken(settings),
            "objectives": {"rpo": settings.rpo, "rto": settings.rto},
        }


def brief(settings: Settings, within: float) -> dict[str, Any]:
    """Return the part of the picture that is read each few minutes: no archive is listed for it."""
    held = pgbackrest.contents(settings, within)
    live = _live(settings, held, within)
    live["archive"].pop("waiting", None)
    return {
        "stack": settings.stack,
        "repositories": _repositories(settings, held),
        "archive": live["archive"],
        "canary": live["canary"],
        "drills": proof.picture(settings, held),
    }


def jobs_now(settings: Settings) -> dict[str, Any]:
    """Return how the jobs went and when they are due: the part that nobody has to be asked for."""
    return {
        "jobs": {job: runs.of_job(settings, job) for job in JOBS},
        "schedule": {job: asdict(each) for job, each in settings.schedule.items()},
    }


def _or_error(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (BackupError, OSError) as error:
        return {"error": str(error)}


def _live(settings: Settings, held: list[pgbackrest.Contents], within: float) -> dict[str, Any]:
    """Return what the live database tells: `archive`, `canary` and `configuration`."""
    try:
        told = server.look(settings, held, within)
    except QueryError as error:
        return {name: {"error": str(error)} for name in ("archive", "canary", "configuration")}
    return {
        "archive": _or_error(lambda: archive.state(settings, told)),
        "canary": _canary(held, told),
        "configuration": _or_error(
            lambda: configuration.state(settings, told.get("configuration") or []),
        ),
    }


def _abandoned(settings: Settings, held: list[pgbackrest.Contents], within: float) -> dict[str, list[str]]:
    live = volume_record.timeline(settings)
    return {f"repo{each.key}": abandoned(settings, each, live, within) if live else [] for each in held}


def _missing(
    settings: Settings, held: list[pgbackrest.Contents], found: dict[str, Any], within: float
) -> dict[str, Any]:
    """Return the server's side of the archive, and by repository what is missing or foreign in it.

    The server was asked first: a segment that it pushes meanwhile is no hole.
    """
    return {
        **{name: value for name, value in found.items() if name != "waiting"},
        "missing": {
            f"repo{each.key}": archive.listed(settings, each, found, within) for each in held if each.sets
        },
    }


def _repositories(settings: Settings, held: list[pgbackrest.Contents]) -> list[dict[str, Any]]:
    return [{**asdict(repo), **_repository(each)} for repo, each in zip(settings.repositories, held)]


def _repository(held: pgbackrest.Contents) -> dict[str, Any]:
    return {
        "code": held.code,
        "message": held.message,
        "system_identifier": held.system_identifier,
        "cipher": held.cipher,
        "wal": {"min": held.wal_min, "max": held.wal_max},
        "sets": [{**asdict(each), "timeline": each.timeline} for each in held.sets],
    }


def _canary(held: list[pgbackrest.Contents], told: dict[str, Any]) -> dict[str, Any]:
    """Return the newest row, and by repository the newest that it holds and the oldest that it does not.

    All of them as Unix seconds.
    """
    of = {f"repo{each.key}": told[f"repo{each.key}"] for each in held if f"repo{each.key}" in told}
    return {
        "newest": told.get("newest"),
        "restorable": {name: each["restorable"] for name, each in of.items()},
        "pending": {name: each["pending"] for name, each in of.items()},
    }
