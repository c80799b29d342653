# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lost host's database on a new, empty host: restored from a repository, and put on record as the database.

The roles do the rest, as in any deploy. Until the first full backups are taken, the volume's record says what
is under way; before that record is there, a file beside this command's own does.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from stanchion_backup.errors import BackupError, RefusedError
from stanchion_backup.host import docker, files, jobs, volume_record
from stanchion_backup.repository import pgbackrest, windows
from stanchion_backup.repository.pgbackrest import Archive, BackupSet, Contents, Target
from stanchion_backup.restored import handover, scratch
from stanchion_backup.restored.scratch import Scratch
from stanchion_backup.settings import Repository, Settings

PURPOSE = "bare-metal"
# The key of the volume's record.
MARK = "bare_metal"
# Beside two archive_timeouts, in seconds: clocks of two machines differ, and a push takes its time.
SLACK = 60
# A backup ends with a segment, which comes within two minutes: further from it, in seconds, files have other
# times than those at which they came, as those of a copied repository do.
_TOGETHER = 900

# As the module postgres_volume records it.
_IDENTITY = """
SELECT s.system_identifier::text AS system_identifier, c.timeline_id AS timeline,
    (current_setting('server_version_num')::int / 10000)::text AS major,
    pg_encoding_to_char(d.encoding) AS encoding,
    CASE d.datlocprovider WHEN 'b' THEN 'builtin' WHEN 'i' THEN 'icu' ELSE 'libc' END AS provider,
    d.datcollate AS collation
FROM pg_control_system() s, pg_control_checkpoint() c, pg_database d WHERE d.datname = 'template0'
"""

# The record of the lost host, as its last backup kept it (configuration.py).
_KEPT_RECORD = """
SELECT content FROM stanchion.configuration WHERE path LIKE '%/volume.json' AND content IS NOT NULL
"""


@dataclass(frozen=True)
class Wanted:
    """What the roles ask for: the image to run in, and the volume that is to be the database.

    `timeline` is the one that the lost database was on, where the operator names it; 0: the repository tells.
    """

    image: str
    volume: str
    timeline: int = 0


def restore(settings: Settings, repository: Repository, wanted: Wanted, wait: float) -> dict[str, Any]:
    """Restore the newest state of a repository into the volume, and record it; return what was done.

    RefusedError, with nothing done, where this host has a database, or another one still archives there.
    """
    settings = replace(settings, image=wanted.image)
    if volume_record.exists(settings):
        if is_under_way(settings):
            # Of one that was killed between its last two steps.
            _begun(settings).unlink(missing_ok=True)
            return {"stack": settings.stack, "done": []}
        raise RefusedError(f"This host has a database already ({settings.volume_record}). Nothing was done.")
    with jobs.recorded(settings, PURPOSE) as record, jobs.alone(settings, wait):
        scratch.sweep(settings, PURPOSE)
        _sweep_volume(settings, wanted.volume)
        held = pgbackrest.contents_of(settings, repository)
        if not held.sets:
            raise RefusedError(
                f"{repository} has no backup to restore: {held.message or 'it is empty'}. Nothing was done."
            )
        archive = pgbackrest.archive(settings, held)
        _see_that_it_is_quiet(settings, repository, archive)
        timeline = wanted.timeline or timeline_of(repository, held, archive)
        chosen = newest_along(repository, held, archive, timeline)
        last = max(name for name in archive.segments if _number(name) == timeline)
        scratch.see_room(chosen)
        record["repo"] = repository.name
        record["label"] = chosen.label
        record["system_identifier"] = held.system_identifier
        target = Target("latest", "", chosen.label, str(timeline))
        _fill(settings, repository, wanted.volume, held.system_identifier, target, last, record)
    done = f"restored {wanted.volume} from {repository.name}, set {record['label']}, onto timeline "
    return {**record, "done": [f"{done}{record['timeline']}"]}


def is_under_way(settings: Settings) -> bool:
    """Return whether the database was restored onto this host, and not been backed up since."""
    return MARK in volume_record.read(settings)


def finish(settings: Settings) -> None:
    """Forget that it was: from now on it is a database like any other."""
    recorded = volume_record.read(settings)
    volume_record.write(settings, {k: v for k, v in recorded.items() if k != MARK})
    _begun(settings).unlink(missing_ok=True)


def _number(segment: str) -> int:
    return int(segment[:8], 16)


def _see_that_it_is_quiet(settings: Settings, repository: Repository, archive: Archive) -> None:
    """Refuse a repository to which a database archived until just now."""
    if not archive.segments:
        raise RefusedError(f"{repository} has no WAL. Nothing was restored.")
    newest = max(archive.segments, key=archive.segments.__getitem__)
    age = time.time() - archive.segments[newest]
    enough = 2 * settings.archive_timeout + SLACK
    if age < enough:
        raise RefusedError(
            f"WAL segment {newest} came to {repository} {age:.0f} s ago: a "
            "database archives there, or did until just now. Shut the old host off. If it is off, wait for "
            f"{enough - age:.0f} s and run this again. Nothing was restored."
        )


def timeline_of(repository: Repository, held: Contents, archive: Archive) -> int:
    """Return the timeline that the lost database was on: that of the file that came last.

    After a restore a repository has several, and after a way back from one the latest was abandoned. When
    WAL came, only the time of its file says. RefusedError, with what the operator has to know to name the
    timeline, where such times cannot be believed.
    """
    came = {number: at for number, (at, _) in archive.histories.items()}
    for name, at in archive.segments.items():
        came[_number(name)] = max(at, came.get(_number(name), 0))
    timeline = max(came, key=came.__getitem__)
    doubt = _doubt(held, archive, came, timeline) if len(came) > 1 else ""
    if not doubt:
        return timeline
    newest = max(held.sets, key=lambda each: each.stopped)
    listed = "; ".join(f"{number}, newest file of {windows.moment(came[number])}" for number in sorted(came))
    raise RefusedError(
        f"{repository} has WAL of several timelines ({listed}), and does not tell "
        f"which of them the lost database was on: {doubt}. The newest backup, {newest.label}, was taken on "
        f"timeline {newest.timeline} and ended at {windows.moment(newest.stopped)}. Say which one it was: "
        "--restore-timeline N (the variable stack_restore_timeline). Nothing was restored."
    )


def _doubt(held: Contents, archive: Archive, came: dict[int, int], timeline: int) -> str:
    """Return why the times of the files do not tell the timeline; empty where they do."""
    for each in held.sets:
        at = archive.segments.get(each.wal_last, each.stopped)
        if abs(at - each.stopped) > _TOGETHER:
            return (
                f"the files have not kept their times, for the backup {each.label} ended at "
                f"{windows.moment(each.stopped)} with segment {each.wal_last}, whose file is of "
                f"{windows.moment(at)}"
            )
    if list(came.values()).count(came[timeline]) > 1:
        return "their newest files have the same time"
    newest = max(held.sets, key=lambda each: each.stopped)
    known = windows.timelines(held.sets, archive)[timeline]
    if newest.timeline not in (timeline, *dict(known.ancestors)):
        return f"the newest file is of timeline {timeline}, the newest backup is of none that leads there"
    return ""


def newest_along(repository: Repository, held: Contents, archive: Archive, timeline: int) -> BackupSet:
    """Return the newest backup that leads along a timeline; RefusedError where there is none, or no WAL."""
    known = windows.timelines(held.sets, archive)
    numbers = sorted({_number(name) for name in archive.segments})
    along = [number for number in numbers if any(known[number].reaches(each) for each in held.sets)]
    if timeline not in along:
        raise RefusedError(
            f"{repository} has no backup that leads along timeline {timeline}, or "
            f"no WAL of it; it has both for {', '.join(map(str, along)) or 'none'}. Nothing was restored."
        )
    return [each for each in held.sets if known[timeline].reaches(each)][-1]


def _begun(settings: Settings) -> Path:
    return settings.folder / "bare_metal.json"


def _sweep_volume(settings: Settings, volume: str) -> None:
    """Remove the volume that an interrupted restore has half filled: only one that is known to be that.

    RefusedError where that restore had finished the database: it may have been written to since.
    """
    try:
        begun = json.loads(_begun(settings).read_text())
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise RefusedError(
            f"{_begun(settings)} can't be read: {error}. It says which volume an interrupted restore has "
            f"half filled. Look into {volume}, remove it (docker volume rm) if it can go, and that file. "
            "Nothing was restored."
        ) from error
    if begun["volume"] != volume or not docker.inspect("volume", volume):
        return
    if "record" in begun:
        raise RefusedError(
            f"The volume {volume} is a database that was restored and finished here, and "
            f"{settings.volume_record}, which says so, is gone. To go on with it, write there what "
            f"{_begun(settings)} has under `record`; to restore anew, remove the volume (docker volume rm). "
            "Nothing was restored."
        )
    docker.remove("volume", [volume])


def _forks(copy: Scratch) -> list[dict[str, Any]]:
    """Return what the lost host had on record of its restores: what each of them left out."""
    database = copy.database("postgres")
    if not database.one("SELECT to_regclass('stanchion.configuration') IS NOT NULL AS made")["made"]:
        return []
    kept = database.rows(_KEPT_RECORD)
    return json.loads(kept[0]["content"]).get("forks") or [] if kept else []


def _fill(
    settings: Settings,
    repository: Repository,
    volume: str,
    identifier: str,
    target: Target,
    last: str,
    record: dict[str, Any],
) -> None:
    copy = Scratch(settings, PURPOSE, repository, volume)
    copy.is_to_be_the_database()
    if docker.inspect("volume", volume):
        raise RefusedError(
            f"There is a volume {volume} on this host, and no record of what it is. Look into it; remove it "
            "(docker volume rm) if it can go, or choose another postgres_volume. Nothing was restored."
        )
    begun = {"volume": volume, "from": repository.name, "began": time.time()}
    files.write_json(_begun(settings), begun)
    try:
        began = time.monotonic()
        copy.restore(target)
        record["restore_seconds"] = round(time.monotonic() - began, 3)
        recovery = copy.recover(scratch.RECOVERED_WITHIN)
        record["replay_seconds"] = round(time.monotonic() - began - record["restore_seconds"], 3)
        scratch.see_all_replayed(recovery, last)
        record["last_transaction"] = recovery.last_transaction
        identity = copy.database("postgres").one(_IDENTITY)
        if identity["system_identifier"] != identifier:
            raise BackupError(
                f"What was restored is the database {identity['system_identifier']}, and {repository.name} "
                f"says that it holds {identifier}."
            )
        forks = _forks(copy)
        copy.stop()
        record["timeline"] = handover.make_ready(copy)
    except BaseException:
        copy.remove()
        _begun(settings).unlink(missing_ok=True)
        raise
    copy.remove(keep_volume=True)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    recorded = {
        "volume": volume,
        "state": "active",
        **identity,
        "timeline": record["timeline"],
        "created_at": now,
        "forks": forks,
        MARK: {"from": repository.name, "at": now},
    }
    # From here on it is no half-filled volume any more, whenever this ends.
    files.write_json(_begun(settings), {**begun, "record": recorded})
    volume_record.write(settings, recorded)
    _begun(settings).unlink()
