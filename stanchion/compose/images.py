"""What is known of public images by their names: databases, and the programs that a health check may call."""

from __future__ import annotations

import re
from dataclasses import dataclass

_POSTGRES = re.compile(
    r"postgres|postgresql|postgresql-repmgr|postgis|pgvector|timescaledb|timescaledb-ha|citus|paradedb|"
    r"pgvecto-rs|percona-distribution-postgresql|postgres-\d+(?:-alpine)?"
)
# Those of them whose tags begin with the version of Postgres, or have it after `pg`.
_VERSIONED = frozenset(
    ("bitnami/postgresql", "pgvector/pgvector", "postgis/postgis", "postgres", "timescale/timescaledb")
)
_MAJOR = re.compile(r"(?:.*-)?pg(\d{1,2})(?:\D|$)|(\d{1,2})(?:[.-]|$)")
# Clients of the database that hold no pool of an application.
_TOOL = re.compile(r"exporter|pgadmin|adminer|pgbouncer|pgweb|backup|dump|flyway|liquibase|pghero|postgrest")


@dataclass(frozen=True)
class Reference:
    """An image's name in its parts."""

    repository: str
    tag: str
    digest: str

    @property
    def short(self) -> str:
        """The last part of the name."""
        return self.repository.rpartition("/")[2]


def parse(image: str) -> Reference:
    """Return the parts of an image's name."""
    rest, _, digest = image.partition("@")
    head, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        head, tag = rest, ""
    return Reference(head, tag, digest)


def is_postgres(image: str) -> bool:
    """Say whether an image's name is one of a Postgres server."""
    return bool(_POSTGRES.fullmatch(parse(image).short.lower()))


def is_tool(image: str) -> bool:
    """Say whether an image's name is one of a tool for a database, not of an application."""
    return bool(_TOOL.search(parse(image).short.lower()))


def official(image: str) -> str:
    """Return an image's repository in short: docker.io/library/postgres is postgres."""
    return parse(image).repository.removeprefix("docker.io/").removeprefix("library/")


def major(image: str) -> int | None:
    """Return the major version of a public Postgres image; None where its tag does not say."""
    if official(image) not in _VERSIONED:
        return None
    match = _MAJOR.match(parse(image).tag)
    return int(match[1] or match[2]) if match else None


# The programs that are known of; whatever is named here and not among those of an image, it lacks.
_ASKED = frozenset(("bash", "curl", "nc", "sh", "wget"))
_DEBIAN = frozenset(("bash", "sh"))
_BUILDPACK = frozenset(("bash", "curl", "sh", "wget"))
_ALPINE = frozenset(("nc", "sh", "wget"))

# Official images that come in a full form on Debian's buildpack-deps, as slim, and on Alpine.
_LANGUAGES = frozenset(("elixir", "golang", "node", "openjdk", "perl", "python", "ruby", "rust"))
# On Debian or Ubuntu with neither curl nor wget, where the tag does not say Alpine.
_ON_DEBIAN = frozenset(("debian", "ubuntu", "postgres", "postgis/postgis", "pgvector/pgvector"))


def lacks(image: str, program: str) -> bool | None:
    """Say whether an image surely lacks a program; None where that is not known."""
    has = _programs(parse(image))
    if has is None or program not in _ASKED:
        return None
    return program not in has


def _programs(name: Reference) -> frozenset[str] | None:
    if "distroless" in name.repository or name.repository == "scratch":
        return frozenset()
    repository = official(name.repository)
    if repository not in _LANGUAGES | _ON_DEBIAN | {"alpine"}:
        return None
    if repository == "alpine" or "alpine" in name.tag:
        # The database's image brings bash for its entry point.
        return _ALPINE | {"bash"} if repository == "postgres" else _ALPINE
    if repository in _LANGUAGES and "slim" not in name.tag:
        return _BUILDPACK
    return _DEBIAN
