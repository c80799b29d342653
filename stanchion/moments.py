"""Times as Docker, ISO 8601 and people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"(\d+)\s*([mhdw])")
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def moment(text: object) -> datetime | None:
    """Return the time; Docker has nanoseconds, and the year 1 for never, which is None here."""
    if not isinstance(text, str) or not text or text.startswith("0001-"):
        return None
    seconds, dot, rest = text.partition(".")
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        text = f"{seconds}.{rest[: min(digits, 6)]}{rest[digits:]}"
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def point(text: str, now: datetime) -> datetime:
    """Return the moment that a person means: `now`, how long ago (90m, 12h, 7d, 4w), or a time (UTC).

    Raises:
        ValueError: it is none of these.
    """
    if text == "now":
        return now
    ago = _AGO.fullmatch(text)
    if ago is not None:
        try:
            return now - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
        except OverflowError as error:
            raise ValueError(text) from error
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
