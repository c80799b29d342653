"""What a run has backed up, repository by repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stanchion.report.headline import duration
from stanchion.report.model import Result

_UNITS = ("B", "kB", "MB", "GB", "TB")


def lines(result: Result) -> list[tuple[str, str]]:
    """Return a labelled line for each backup that was taken."""
    found: list[tuple[str, str]] = []
    for told in result.backups:
        if told.verb == "backup":
            found += [("backup", f"{told.host}, {text}") for text in _taken(told.result)]
        elif told.verb == "before-replace":
            done = told.result.get("done") or []
            found += [("backup", f"{told.host}, before the image was replaced: {text}") for text in done]
        elif told.verb == "first-full":
            found += [("backup", f"{told.host}, {text}") for text in told.result.get("done") or []]
    return found


def _taken(record: Mapping[str, Any]) -> Iterator[str]:
    for name, each in (record.get("repositories") or {}).items():
        yield (
            f"{name}: {each['type']} {each['label']} of {size(each['bytes'])}, which takes "
            f"{size(each['stored'])} there, in {duration(each['seconds'])}"
        )


def size(count: float) -> str:
    """Return bytes as people say them, in steps of 1024."""
    number = float(count)
    for unit in _UNITS:
        if number < 1024 or unit == _UNITS[-1]:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    raise AssertionError(count)
