"""The address of a database, as an application's environment names it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Address:
    """The parts of SCHEME://USER@HOST:PORT/DATABASE that it has."""

    scheme: str
    user: str
    host: str
    database: str


def address(text: str) -> Address | None:
    """Return the parts of a database's address; None of what is none."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    if not parts.scheme or not host:
        return None
    return Address(parts.scheme, unquote(parts.username or ""), host, parts.path.lstrip("/"))
