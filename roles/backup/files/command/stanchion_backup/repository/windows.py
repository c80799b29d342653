# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which moments a repository can bring back, along which timeline, and with which backup.

A restore that was put into service begins a new timeline. What the database wrote after that moment on the
old one is still in the archive, and comes back only along the old one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from stanchion_backup.repository import pgbackrest
from stanchion_backup.repository.pgbackrest import Archive, BackupSet, Contents
from stanchion_backup.repository.target import position
from stanchion_backup.repository.wal import SEGMENT_BYTES, name_of, number_of
from stanchion_backup.settings import Settings


@dataclass(frozen=True)
class Timeline:
    """A timeline with its ancestors, the oldest first, each with the byte of the WAL where it was left."""

    number: int
    ancestors: tuple[tuple[int, int], ...] = ()
    # When its history came to the repository (Unix seconds); 0 for the first one.
    seen: int = 0

    def of_segment(self, segment: int) -> int:
        """Return the timeline whose file holds this segment: where one was left, the next one's."""
        return next(
            (number for number, left in self.ancestors if segment < left // SEGMENT_BYTES), self.number
        )

    def reaches(self, backup: BackupSet) -> bool:
        """Say whether a recovery that begins with this backup can follow this timeline."""
        if backup.timeline == self.number:
            return True
        left = dict(self.ancestors).get(backup.timeline)
        return left is not None and end_of(backup) <= left


@dataclass(frozen=True)
class Window:
    """Moments along one timeline (Unix seconds), the backups they are restored with, and what limits them."""

    repo: str
    timeline: int
    live: bool
    start: int
    end: float
    # The number of its last segment.
    last: int
    sets: tuple[str, ...] = field(repr=False)
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as `observe` tells it."""
        return {
            "repo": self.repo,
            "timeline": self.timeline,
            "live": self.live,
            "from": self.start,
            "to": round(self.end, 3),
            "sets": list(self.sets),
            "note": self.note,
        }

    def __str__(self) -> str:
        return f"{moment(self.start)} to {moment(self.end)} on timeline {self.timeline}" + (
            f" ({self.note})" if self.note else ""
        )


def moment(epoch: float) -> str:
    """Return a time as --to takes it."""
    return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%d %H:%M:%S+00")


def end_of(backup: BackupSet) -> int:
    """Return the byte of the WAL from which on a backup is consistent."""
    if backup.lsn_stop:
        return position(backup.lsn_stop)
    return (number_of(backup.wal_last) + 1) * SEGMENT_BYTES


def timelines(sets: Iterable[BackupSet], archive: Archive) -> dict[int, Timeline]:
    """Return every timeline that a repository knows of."""
    numbers = {each.timeline for each in sets} | {int(name[:8], 16) for name in archive.segments}
    found = {number: Timeline(number) for number in numbers}
    for number, (seen, text) in archive.histories.items():
        found[number] = Timeline(number, _ancestors(text), seen)
    return found


def along(settings: Settings, held: Contents, number: int, within: float = 60.0) -> Timeline:
    """Return one timeline of a repository, without a list of its WAL. The first one has no history."""
    if number == 1:
        return Timeline(1)
    return Timeline(number, _ancestors(pgbackrest.history(settings, held, number, within)))


def abandoned(settings: Settings, held: Contents, live: int, within: float = 60.0) -> list[str]:
    """Return the labels of the backups that cannot lead along the live timeline: a restore left theirs."""
    if all(each.timeline == live for each in held.sets):
        return []
    timeline = along(settings, held, live, within)
    return [each.label for each in held.sets if not timeline.reaches(each)]


def _ancestors(history: str) -> tuple[tuple[int, int], ...]:
    """Read a history file: ancestor, the LSN where it was left, and why, on a line each."""
    lines = (line.split() for line in history.splitlines() if line.strip() and line.lstrip()[0] != "#")
    return tuple((int(words[0]), position(words[1])) for words in lines if len(words) > 1)


def runs(timeline: Timeline, segments: Mapping[str, int]) -> list[tuple[int, int]]:
    """Return the numbers of first and last segment of each stretch without a hole along a timeline."""
    names = set(segments)
    there = sorted(
        {number_of(name) for name in names if timeline.of_segment(number_of(name)) == int(name[:8], 16)}
    )
    found: list[tuple[int, int]] = []
    for number in there:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def windows(
    repo: str, sets: Sequence[BackupSet], archive: Archive, live: int, newest: float | None
) -> list[Window]:
    """Return the windows of a repository, the live timeline's first.

    `newest` is when the newest row of the live timeline was written that the repository holds; of other
    timelines only the hour at which their segments came is known.
    """
    found = []
    for number, timeline in timelines(sets, archive).items():
        stretches = runs(timeline, archive.segments)
        usable = [each for each in sets if timeline.reaches(each)]
        unproved = bool(timeline.ancestors) and not any(each.timeline == number for each in sets)
        for first, last in stretches:
            inside = [each for each in usable if first <= number_of(each.wal_first) <= last]
            if not inside:
                continue
            came = archive.segments[name_of(timeline.of_segment(last), last)]
            newest_here = number == live and newest is not None and last == stretches[-1][1]
            end = newest if newest_here and newest is not None else float(came)
            note = (
                ""
                if newest_here
                else f"ends about then: {name_of(timeline.of_segment(last), last)} came then"
            )
            if last != stretches[-1][1]:
                note = f"WAL segment {name_of(timeline.of_segment(last + 1), last + 1)} is missing"
            if unproved and timeline.seen:
                end = min(end, float(timeline.seen))
                note = f"no backup of timeline {number} yet: what came after its beginning needs one"
            found.append(
                Window(
                    repo=repo,
                    timeline=number,
                    live=number == live,
                    start=min(each.stopped for each in inside),
                    end=max(end, min(each.stopped for each in inside)),
                    last=last,
                    sets=tuple(each.label for each in inside),
                    note=note,
                )
            )
    return sorted(found, key=lambda each: (not each.live, -each.timeline, -each.start))
