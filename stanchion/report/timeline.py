"""Events on a line of time, as places in percent of its width: pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from stanchion.history.model import Event, Lane

_LANES: tuple[tuple[Lane, str], ...] = (
    ("alerts", "Alerts"),
    ("deploys", "Deploys"),
    ("backups", "Backups"),
    ("drills", "Restore drills"),
    ("recoveries", "Recoveries"),
)
# What is told without being asked for: what went as it should each day is not.
_ROUTINE = ("well", "quiet")


@dataclass(frozen=True)
class Mark:
    """One event: where it begins and how long it is, in percent."""

    left: float
    width: float
    event: Event


@dataclass(frozen=True)
class Row:
    """One line: a lane, or one kind of alert."""

    name: str
    marks: tuple[Mark, ...]


def rows(events: Iterable[Event], since: datetime, until: datetime) -> list[Row]:
    """Return a row for each lane, and for each kind of alert; also for a lane in which nothing happened."""
    every = list(events)
    found = []
    for lane, title in _LANES:
        mine = [event for event in every if event.lane == lane]
        if lane == "alerts" and mine:
            names = dict.fromkeys(event.what for event in mine)
            found += [
                _row(name, [each for each in mine if each.what == name], since, until) for name in names
            ]
        else:
            found.append(_row(title, mine, since, until))
    return found


def _row(name: str, events: Sequence[Event], since: datetime, until: datetime) -> Row:
    return Row(name, tuple(_mark(event, since, until) for event in events))


def _mark(event: Event, since: datetime, until: datetime) -> Mark:
    begin, end = max(event.at, since), min(event.until or until, until)
    left, right = _place(begin, since, until), _place(max(begin, end), since, until)
    return Mark(left, round(right - left, 2), event)


def _place(moment: datetime, since: datetime, until: datetime) -> float:
    return round(100 * min(max((moment - since) / (until - since), 0.0), 1.0), 2)


def notable(events: Iterable[Event]) -> list[Event]:
    """Return what is told at once: all but the backups that went well, or were skipped."""
    return [event for event in events if event.lane != "backups" or event.tone not in _ROUTINE]
