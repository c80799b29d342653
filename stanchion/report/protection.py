"""The figures of the backups in words: what is there, and what of it was proved."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.report.headline import counted, duration
from stanchion.report.model import Protection, Result
from stanchion.report.validation import latest

Line = tuple[str, str]
_VERBS = ("deploy", "validate")


def lines(result: Result) -> list[Line]:
    """Return two lines for each host whose backups were looked at, after a validation or a deploy."""
    if result.verb not in _VERBS:
        return []
    looks = [look for look in latest(result.validations) if look.protection is not None]
    return [
        (label, f"{look.host}: {text}" if len(looks) > 1 else text)
        for look in looks
        if look.protection is not None
        for label, text in words(look.protection)
    ]


def words(seen: Protection) -> Iterator[Line]:
    """Return what is told of one host."""
    yield ("backups", " · ".join((_full(seen), _archive(seen), _jobs(seen))))
    yield ("proof", " · ".join((_proved(seen), *_measured(seen), _coverage(seen))))


def _full(seen: Protection) -> str:
    return "no full backup" if seen.full_age is None else f"newest full {duration(seen.full_age)} old"


def _archive(seen: Protection) -> str:
    if seen.restorable_age is None:
        return "the last restorable moment is not known"
    return f"restorable up to {duration(seen.restorable_age)} ago"


def _jobs(seen: Protection) -> str:
    return f"scheduled: {', '.join(seen.jobs)}" if seen.jobs else "nothing scheduled"


def _proved(seen: Protection) -> str:
    if seen.proved_age is None:
        return "no restore was ever proved"
    of = f"{seen.drills_proved} of {counted(seen.drills, 'drill')}"
    return f"last proved restore {duration(seen.proved_age)} ago ({of})"


def _measured(seen: Protection) -> Iterator[str]:
    for name, usual, most in (("RPO", seen.rpo, seen.rpo_most), ("RTO", seen.rto, seen.rto_most)):
        if usual is not None and most is not None:
            at_worst = f", {duration(most)} at worst" if duration(most) != duration(usual) else ""
            until = " until the database served" if (name, seen.rto_to) == ("RTO", "database") else ""
            yield f"{name} {duration(usual)} measured{until}{at_worst}"


def _coverage(seen: Protection) -> str:
    return f"{seen.sets_proved} of {counted(seen.sets, 'backup')} proved"
