"""Words for ages, numbers and sizes in evidence."""

from __future__ import annotations

from datetime import datetime

from stanchion.checks.look import Look


def seconds_since(look: Look, then: datetime | None) -> float | None:
    """Return the seconds since a moment, None where there is none."""
    return None if then is None else max((look.now - then).total_seconds(), 0.0)


def span(seconds: float) -> str:
    """Return a span for people: seconds up to two minutes, minutes, hours, days."""
    for size, unit in ((2 * 86400, "d"), (2 * 3600, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds / {'d': 86400, 'h': 3600, 'min': 60}[unit]:.0f} {unit}"
    return f"{seconds:.0f} s"


def count(number: int, thing: str) -> str:
    """Return "1 process", "2 processes"."""
    plural = "es" if thing.endswith("s") else "s"
    return f"{number} {thing}" if number == 1 else f"{number} {thing}{plural}"


def mb(size: float) -> str:
    """Return a size in whole megabytes."""
    return f"{size / 1024**2:,.0f} MB"
