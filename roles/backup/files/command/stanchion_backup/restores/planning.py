# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a restore would do, or why it cannot: decided before anything is touched."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from stanchion_backup.errors import BackupError, RefusedError
from stanchion_backup.host import volume_record
from stanchion_backup.host.database import Database, QueryError
from stanchion_backup.repository import pgbackrest, wal, windows
from stanchion_backup.repository.pgbackrest import Archive, BackupSet, Contents, Target
from stanchion_backup.repository.target import Asked, parse, position
from stanchion_backup.repository.windows import Timeline, Window
from stanchion_backup.restored import canary, scratch
from stanchion_backup.settings import Repository, Settings

# A switched segment is in the repository within seconds, unless it cannot be reached.
_ARCHIVED_WITHIN = 90.0


@dataclass(frozen=True)
class Request:
    """What was asked for, in the words of the command line."""

    to: str
    source: str = ""
    timeline: int = 0
    label: str = ""


@dataclass(frozen=True)
class Plan:
    """A restore that can be begun."""

    asked: Asked
    repository: Repository
    target: Target
    backup: BackupSet
    timeline: int
    needed: int
    free: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as results and records tell it."""
        return {
            "repo": self.repository.name,
            "target": {"kind": self.asked.kind, "value": self.asked.value, "label": self.backup.label},
            "set": {"label": self.backup.label, "type": self.backup.type, "size": self.backup.size},
            "timeline": self.timeline,
            "needed_bytes": self.needed,
            "free_bytes": self.free,
        }


@dataclass(frozen=True)
class Held:
    """One repository, read."""

    repository: Repository
    contents: Contents
    archive: Archive
    timelines: dict[int, Timeline]
    # The timeline that the database is on.
    live: int
    windows: list[Window]


def running(settings: Settings) -> bool:
    """Say whether the live database answers."""
    try:
        Database(settings.container, within=10).one("SELECT 1 AS one")
    except QueryError:
        return False
    return True


def held(settings: Settings, repository: Repository, within: float = 60.0) -> Held:
    """Read one repository, within these seconds; RefusedError with its own reason where it cannot be."""
    contents = pgbackrest.contents_of(settings, repository, within)
    if contents.code != 0 and not contents.sets:
        raise RefusedError(f"Nothing can be restored from {repository}: {contents.message}.")
    archive = pgbackrest.archive(settings, contents, within)
    known = windows.timelines(contents.sets, archive)
    live = volume_record.timeline(settings) or max(known, default=1)
    newest = _newest(settings, contents, live)
    found = windows.windows(repository.name, contents.sets, archive, live, newest)
    return Held(repository, contents, archive, known, live, found)


def _newest(settings: Settings, contents: Contents, live: int) -> float | None:
    """Return when the newest row was written that is in the repository; None where nobody can say."""
    try:
        row = canary.restorable(Database(settings.container, within=10), settings, contents, live)
    except QueryError:
        return None
    return row.epoch if row else None


def every_window(settings: Settings, within: float = 60.0) -> list[dict[str, Any]]:
    """Return the windows of all repositories; one that cannot be read has its reason in `error`."""
    found: list[dict[str, Any]] = []
    for repository in settings.repositories:
        try:
            found += [each.as_dict() for each in held(settings, repository, within).windows]
        except BackupError as error:
            found.append({"repo": repository.name, "error": str(error)})
    return found


def flush(settings: Settings, repository: Repository) -> None:
    """Have all that is committed now archived; BackupError where it does not come there within 90 s."""
    live = Database(settings.container)
    canary.write(live, "restore")
    segment = live.switch_wal()
    contents = pgbackrest.contents_of(settings, repository)
    if pgbackrest.wait_for(settings, [contents], segment, _ARCHIVED_WITHIN):
        raise BackupError(
            f"WAL segment {segment} did not come to {repository.name} within {_ARCHIVED_WITHIN:g} s: what "
            "was committed last cannot be restored from there yet."
        )


def plan(settings: Settings, request: Request, ahead: bool = False) -> Plan:
    """Return what a restore would do; RefusedError with the reason, and with what could be restored.

    A moment that the live database has had and not archived yet is archived first. With `ahead` nothing is,
    and such a moment counts as restorable.
    """
    asked = parse(request.to)
    repository = settings.repository_of(request.source)
    _check_future(asked)
    here = held(settings, repository)
    if request.timeline in (0, here.live) and _is_fresh(asked, here) and running(settings):
        if ahead:
            here = _as_archived(settings, here)
        else:
            flush(settings, repository)
            here = held(settings, repository)
    number = _timeline(request, asked, here)
    backup = _set(settings, request, asked, here, number)
    if asked.kind == "backup":
        target = Target("immediate", "", backup.label)
    else:
        target = Target(asked.kind, asked.value, backup.label, str(number))
    needed, free = scratch.see_room(backup)
    return Plan(asked, repository, target, backup, number, needed, free)


def _check_future(asked: Asked) -> None:
    if asked.kind == "time" and asked.epoch > time.time():
        raise RefusedError(
            f"{asked.value} is in the future: there is nothing to restore yet. Nothing was done."
        )


def _refuse(here: Held, reason: str) -> RefusedError:
    listed = "; ".join(str(each) for each in here.windows) or "nothing"
    return RefusedError(f"{reason} Nothing was done. {here.repository.name} can restore: {listed}.")


def _is_fresh(asked: Asked, here: Held) -> bool:
    """Say whether a target may be in WAL that is not archived yet."""
    if asked.kind == "time":
        return asked.epoch > max((each.end for each in here.windows if each.live), default=0.0)
    return asked.kind != "backup"


def _as_archived(settings: Settings, here: Held) -> Held:
    now = time.time()
    segment = Database(settings.container).one("SELECT pg_walfile_name(pg_current_wal_insert_lsn()) AS name")
    last = wal.number_of(segment["name"])
    ahead = [replace(each, end=now, last=last) if each.live else each for each in here.windows]
    return replace(here, windows=ahead)


def _timeline(request: Request, asked: Asked, here: Held) -> int:
    number = request.timeline or here.live
    if asked.kind == "backup" and not request.timeline:
        chosen = [each for each in here.contents.sets if each.label == asked.value]
        return chosen[0].timeline if chosen else here.live
    if number not in here.timelines:
        known = ", ".join(str(each) for each in sorted(here.timelines)) or "none"
        raise _refuse(here, f"{here.repository.name} knows no timeline {number} (it has {known}).")
    return number


def _set(settings: Settings, request: Request, asked: Asked, here: Held, number: int) -> BackupSet:
    """Return the backup to begin with: the newest that is old enough."""
    by_hand = request.label or (asked.value if asked.kind == "backup" else "")
    if by_hand:
        return _named(asked, here, by_hand, number)
    along = [each for each in here.windows if each.timeline == number]
    usable = [each for each in here.contents.sets if any(each.label in window.sets for window in along)]
    if not usable:
        raise _refuse(here, f"No backup in {here.repository.name} leads along timeline {number}.")
    if asked.kind == "time":
        _check_left(settings, here, asked, number)
        return _before(here, asked, along, usable)
    if asked.kind == "lsn":
        return _before_lsn(here, asked, along, usable)
    if asked.kind == "latest":
        _check_new(here, number)
        return usable[-1]
    # Where a name or a transaction is in the WAL, nobody knows before it is read: from the beginning of the
    # newest stretch without a hole.
    return next(each for each in usable if each.label in along[0].sets)


def _named(asked: Asked, here: Held, label: str, number: int) -> BackupSet:
    chosen = [each for each in here.contents.sets if each.label == label]
    if not chosen:
        labels = ", ".join(each.label for each in here.contents.sets) or "none"
        raise _refuse(here, f"{here.repository.name} has no backup {label} (it has {labels}).")
    backup = chosen[0]
    if not here.timelines[number].reaches(backup):
        raise _refuse(
            here,
            f"The backup {label} was taken on timeline {backup.timeline}, after timeline {number} had begun: "
            f"it cannot lead there. Give --timeline {backup.timeline}.",
        )
    if asked.kind == "time" and asked.epoch < backup.stopped:
        raise _refuse(here, f"{asked.value} is before the end of the backup {label}.")
    return backup


def _before(here: Held, asked: Asked, along: list[Window], usable: list[BackupSet]) -> BackupSet:
    old_enough = [each for each in usable if each.stopped < asked.epoch]
    if not old_enough:
        raise _refuse(here, f"{asked.value} is before the end of the first backup.")
    chosen = old_enough[-1]
    window = next(each for each in along if chosen.label in each.sets)
    if asked.epoch > window.end:
        raise _refuse(
            here, f"{asked.value} is after what {here.repository.name} holds of timeline {window.timeline}."
        )
    return chosen


def _before_lsn(here: Held, asked: Asked, along: list[Window], usable: list[BackupSet]) -> BackupSet:
    at = position(asked.value)
    old_enough = [each for each in usable if windows.end_of(each) <= at]
    if not old_enough:
        raise _refuse(here, f"{asked} is before the end of the first backup.")
    window = next(each for each in along if old_enough[-1].label in each.sets)
    if at // wal.SEGMENT_BYTES > window.last:
        raise _refuse(here, f"{asked} is after the last WAL that {here.repository.name} holds.")
    timeline = here.timelines[window.timeline]
    if timeline.ancestors and at > timeline.ancestors[-1][1]:
        _check_new(here, timeline.number)
    return old_enough[-1]


def _check_new(here: Held, number: int) -> None:
    """Refuse what lies on a timeline of which there is no backup yet."""
    if here.timelines[number].ancestors and not any(each.timeline == number for each in here.contents.sets):
        raise _refuse(
            here,
            f"There is no backup of timeline {number} yet, which began with the last restore. Take one first "
            "(`backup --type full`), or name an older one with --set to lead over the change.",
        )


def _check_left(settings: Settings, here: Held, asked: Asked, number: int) -> None:
    """Refuse a moment that this timeline does not have: a restore had gone back behind it."""
    for fork in volume_record.read(settings).get("forks") or []:
        on_path = fork["timeline"] in (number, *dict(here.timelines[number].ancestors))
        if on_path and fork["left"] < asked.epoch < fork["began"]:
            raise _refuse(
                here,
                f"{asked.value} is not on timeline {number}: a restore went back to "
                f"{windows.moment(fork['left'])} at {windows.moment(fork['began'])}, and what was written in "
                f"between is on timeline {fork['parent']}. Give --timeline {fork['parent']}.",
            )
