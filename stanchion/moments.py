"""Times as Docker and ISO 8601 write them."""

from __future__ import annotations

from datetime import UTC, datetime


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
