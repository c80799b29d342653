"""TLS between backend and database: wanted where the way between them leaves the host."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from stanchion.checks.container import BACKEND, POSTGRES
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, SkipError, bad, note
from stanchion.checks.registry import DEPLOY, RUNTIME, WARNING, check

LIBPQ = "PostgreSQL manual, libpq: SSL Support"
ONE_HOST = (
    "database and backend share one host, and the network between them does not leave it; "
    "TLS comes with the work on several hosts"
)


def _across_hosts(look: Look) -> None:
    """Raise SkipError where everything is on one host."""
    if int(look.postgres["declared"]["pool"]["hosts"]) < 2:
        raise SkipError(ONE_HOST)


@check(
    "tls.server",
    rows="TLS-01",
    title="Connections from other hosts are encrypted",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Whoever sees the packets between the hosts reads every row that passes.",
    remedy="Set ssl, ssl_cert_file and ssl_key_file in postgres_settings, and deploy.",
    source="CIS PostgreSQL 17 Benchmark 5.8 and 6.8",
    reads=("sql.settings",),
    part=POSTGRES,
)
def server(look: Look) -> Iterator[Evidence]:
    _across_hosts(look)
    value = look.settings["ssl"]["setting"]
    yield (note if value == "on" else bad)(f"ssl is {value}")


@check(
    "tls.client",
    rows="TLS-04",
    title="The backend makes sure that it talks to the database",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Without verify-full, libpq takes any certificate: whoever is in between reads along.",
    remedy="Write sslmode=verify-full and sslrootcert into backend_database_url, and deploy.",
    source=LIBPQ,
    reads=("containers",),
    part=BACKEND,
)
def client(look: Look) -> Iterator[Evidence]:
    _across_hosts(look)
    for container in look.some(BACKEND):
        query = parse_qs(urlsplit(container.values.get("DATABASE_URL", "")).query)
        mode = (query.get("sslmode") or [container.values.get("PGSSLMODE", "prefer")])[0]
        yield (note if mode == "verify-full" else bad)(f"sslmode is {mode}", container.name)
