"""The settings: read from the environment once, checked before a worker or a connection exists."""

from __future__ import annotations

import math
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

# What remains for a request that waited for its connection as long as it may: every answer comes within
# DB_POOL_TIMEOUT and a second.
GRACE_SECONDS = 0.5
# Threads that database requests never get: they answer /livez, /metrics and refusals, and PROBES of them
# may ask the database for /health.
RESERVED_THREADS = 8
PROBES = 4


class SettingsError(Exception):
    """One line for the operator; it names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    database_url: URL
    replica_name: str
    port: int
    workers: int
    threads: int
    request_timeout: float
    pool_size: int
    max_overflow: int
    pool_timeout: float
    pool_recycle: int
    pool_pre_ping: bool
    debug_routes: bool

    @property
    def connections(self) -> int:
        """The most connections that one worker opens."""
        return self.pool_size + self.max_overflow

    @property
    def admitted(self) -> int:
        """The most database requests that a worker works on or lets wait; the rest is refused at once."""
        return self.threads - RESERVED_THREADS

    @property
    def worker_timeout(self) -> int:
        """Seconds after which a worker that has not come to its loop is killed; starting takes time, too."""
        return max(60, math.ceil(self.request_timeout))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Reads and checks every setting; raises SettingsError at the first bad one."""
        _check_password_file(environ)
        pool_timeout = _seconds(environ, "DB_POOL_TIMEOUT", 30, 0.1, 600)
        settings = cls(
            database_url=database_url(environ),
            replica_name=_replica_name(environ),
            port=_whole(environ, "PORT", 5000, 1, 65535),
            workers=_whole(environ, "WEB_CONCURRENCY", 2, 1, 64),
            threads=_threads(environ),
            request_timeout=_seconds(environ, "REQUEST_TIMEOUT", pool_timeout + GRACE_SECONDS, 0.2, 3600),
            pool_size=_pool_size(environ),
            max_overflow=_max_overflow(environ),
            pool_timeout=pool_timeout,
            pool_recycle=_pool_recycle(environ),
            pool_pre_ping=_switch(environ, "DB_POOL_PRE_PING", default="1"),
            debug_routes=_switch(environ, "ENABLE_DEBUG_ROUTES"),
        )
        settings._check_together()
        return settings

    def _check_together(self) -> None:
        least_time = self.pool_timeout + GRACE_SECONDS
        if self.request_timeout < least_time:
            raise SettingsError(
                f"REQUEST_TIMEOUT={self.request_timeout:g} is too small: a request may wait DB_POOL_TIMEOUT="
                f"{self.pool_timeout:g} for a connection and has to use it then, so at least {least_time:g}"
            )
        least = self.connections + RESERVED_THREADS
        if self.threads < least:
            raise SettingsError(
                f"WEB_THREADS={self.threads} is too small: {self.connections} connections a worker "
                f"(DB_POOL_SIZE + DB_MAX_OVERFLOW) and {RESERVED_THREADS} threads kept free are {least}"
            )


def database_url(environ: Mapping[str, str]) -> URL:
    """DATABASE_URL, checked. No message repeats it: it might hold a password after all."""
    form = "postgresql://USER@HOST:PORT/DATABASE"
    text = environ.get("DATABASE_URL")
    if not text:
        raise SettingsError(f"DATABASE_URL is not set; it has the form {form}")
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingsError(f"DATABASE_URL is not a database address of the form {form}") from None
    if url.drivername not in {"postgresql", "postgresql+psycopg2"}:
        raise SettingsError(f"DATABASE_URL must begin with postgresql://, as in {form}")
    if url.password is not None or "password" in url.query:
        raise SettingsError(
            "DATABASE_URL must carry no password: it belongs into the file that PGPASSFILE names"
        )
    for part, value in (("user", url.username), ("host", url.host), ("database", url.database)):
        if not value:
            raise SettingsError(f"DATABASE_URL names no {part}; it has the form {form}")
    return url.set(drivername="postgresql+psycopg2")


def _check_password_file(environ: Mapping[str, str]) -> None:
    # libpq passes over such a file with a warning, and every connection would fail for a hidden reason.
    name = environ.get("PGPASSFILE")
    if not name:
        return
    file = Path(name)
    if not file.is_file() or not os.access(file, os.R_OK):
        raise SettingsError(f"PGPASSFILE={name} is not a file that this user can read")
    if file.stat().st_mode & 0o077:
        raise SettingsError(f"PGPASSFILE={name} is open to others, so libpq ignores it: make it mode 0400")


def _replica_name(environ: Mapping[str, str]) -> str:
    name = environ.get("REPLICA_NAME", socket.gethostname())
    # Postgres cuts application_name at 63 bytes and replaces what is not ASCII.
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,63}", name):
        raise SettingsError("REPLICA_NAME must be 1 to 63 letters, digits, dots, dashes or underscores")
    return name


def _pool_size(environ: Mapping[str, str]) -> int:
    # SQLAlchemy reads 0 as "no limit", and a negative overflow too; the pool contract knows no such pool.
    return _whole(environ, "DB_POOL_SIZE", 5, 1, 200)


def _max_overflow(environ: Mapping[str, str]) -> int:
    return _whole(environ, "DB_MAX_OVERFLOW", 10, 0, 200)


def _pool_recycle(environ: Mapping[str, str]) -> int:
    # -1 is SQLAlchemy's word for never.
    if environ.get("DB_POOL_RECYCLE") == "-1":
        return -1
    try:
        return _whole(environ, "DB_POOL_RECYCLE", 1800, 1, 86400)
    except SettingsError as error:
        raise SettingsError(f"{error}, or -1 for never") from None


def _threads(environ: Mapping[str, str]) -> int:
    # For each request that holds a connection three more may wait: a burst of short requests is served,
    # not refused.
    default = 4 * (_pool_size(environ) + _max_overflow(environ)) + RESERVED_THREADS
    return _whole(environ, "WEB_THREADS", default, 1, 2000)


def _whole(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise SettingsError(f"{name}={text!r} must be a whole number from {least} to {most}")
    return int(text)


def _seconds(environ: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    text = environ.get(name, f"{default:g}")
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", text) or not least <= float(text) <= most:
        raise SettingsError(f"{name}={text!r} must be a number of seconds from {least:g} to {most:g}")
    return float(text)


def _switch(environ: Mapping[str, str], name: str, default: str = "0") -> bool:
    text = environ.get(name, default)
    if text not in {"0", "1"}:
        raise SettingsError(f"{name}={text!r} must be 0 or 1")
    return text == "1"
