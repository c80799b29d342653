"""The address of a database, as an application's environment names it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

# Where libpq and applications are told of a database in parts, and the part that is the user.
HOSTS = ("PGHOST", "PG_HOST", "DB_HOST", "DATABASE_HOST", "POSTGRES_HOST", "POSTGRES_SERVER", "SQL_HOST")
USERS = ("PGUSER", "PG_USER", "DB_USER", "DB_USERNAME", "DATABASE_USER", "POSTGRES_USER", "SQL_USER")


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


def addresses(values: Mapping[str, str]) -> Iterator[tuple[str, Address]]:
    """Yield every address of a Postgres database in an environment, with the variable that says the user."""
    for name, value in values.items():
        found = address(value.removeprefix("jdbc:"))
        if found is not None and found.scheme.startswith(("postgres", "postgis")):
            yield name, found
    host = next((name for name in HOSTS if name in values), None)
    user = next((name for name in USERS if name in values), None)
    if host is not None:
        yield user or host, Address("postgresql", values.get(user or "", ""), values[host], "")
