"""Does DATABASE_URL lead to this stack's database, without a password in it?"""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qs, urlsplit

from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import Declared


def url_problems(declared: Declared) -> list[Problem]:
    """Return what is wrong with DATABASE_URL; no message repeats a part that may be a password."""
    try:
        url = urlsplit(declared.text("backend_database_url"))
        host, port = _target(url)
    except ValueError:
        return [_unreadable()]
    if "@" in url.path:
        return [_unreadable()]
    alias, expected_port = declared.text("stack_database_alias"), declared.number("stack_database_port")
    found = []
    if not url.scheme.startswith("postgresql"):
        found.append(
            _problem(
                "backend.url_scheme",
                f"DATABASE_URL begins with {url.scheme or 'no scheme'}://, which is no Postgres.",
                "Begin it with postgresql:// (SQLAlchemy 2 no longer takes postgres://).",
            )
        )
    if host != alias:
        found.append(
            _problem(
                "backend.url_host",
                f"The host of DATABASE_URL is {host or 'missing'!r}, and this stack's database is {alias!r}.",
                f"Write {alias} in its place, or leave backend_database_url out. Addresses change when the "
                "database is replaced, other databases are not this stack's.",
            )
        )
    elif port != expected_port:
        found.append(
            _problem(
                "backend.url_port",
                f"DATABASE_URL leads to port {port}, and the database listens on {expected_port}.",
                f"Write :{expected_port}.",
            )
        )
    if url.password and declared.text("backend_password_mode") != "environment":
        found.append(
            _problem(
                "backend.url_password",
                "DATABASE_URL holds a password, which docker inspect would show.",
                "Take it out: libpq reads it from PGPASSFILE.",
            )
        )
    return found + _names(url, declared)


def _unreadable() -> Problem:
    return _problem(
        "backend.url",
        "DATABASE_URL cannot be read.",
        "Write it like postgresql://USER@HOST:5432/DATABASE, with special characters of a name as %XX.",
    )


def _target(url: SplitResult) -> tuple[str | None, int]:
    """Return host and port; SQLAlchemy takes both from the query as well (?host=db&port=5432)."""
    query = parse_qs(url.query)
    host = url.hostname or next(iter(query.get("host", [])), None)
    port = url.port or int(next(iter(query.get("port", [])), "5432"))
    return host, port


def _names(url: SplitResult, declared: Declared) -> list[Problem]:
    found = []
    for what, written, variable in (
        ("user", url.username or "", "stack_database_user"),
        ("database", url.path.lstrip("/"), "stack_database_name"),
    ):
        expected = declared.text(variable)
        if written != expected:
            found.append(
                _problem(
                    f"backend.url_{what}",
                    f"The {what} of DATABASE_URL is {written!r}, and {variable} is {expected!r}.",
                    "Change one of the two, or leave backend_database_url out.",
                )
            )
    return found


def _problem(slug: str, what: str, remedy: str) -> Problem:
    return Problem(slug=slug, what=what, where="the variable backend_database_url", remedy=remedy)
