"""Whether the data can be trusted: checksums, durability, indexes that lie about being there."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import POSTGRES
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, SkipError, bad, note, warn
from stanchion.checks.registry import CRITICAL, DEPLOY, RUNTIME, WARNING, check
from stanchion.checks.units import same, unquoted

# What a crash must not cost, and the value that keeps it so.
_DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "zero_damaged_pages": "off",
    "ignore_checksum_failure": "off",
}


@check(
    "integrity.checksums",
    rows="INT-01",
    title="The database's pages have checksums",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Without them a page that the disk has changed is read as if it were data, and goes into every "
    "backup.",
    remedy="In a maintenance window stop the database (docker stop NAME-db) and run pg_checksums --enable on "
    "its volume. The roles make new databases with checksums.",
    source="PostgreSQL manual, Data Checksums",
    reads=("sql.server",),
    part=POSTGRES,
)
def checksums(look: Look) -> Iterator[Evidence]:
    if look.row("server")["checksums"]:
        yield note("data checksums are on")
    else:
        yield bad("data checksums are off")


@check(
    "integrity.checksum_failures",
    rows="INT-02",
    title="No page was read whose checksum is wrong",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="A page on disk is not what the database wrote: the disk, its controller or the memory is failing, "
    "and the rows of that page are lost unless a backup has them.",
    remedy="Keep the volume as it is, look for disk errors (dmesg), and restore a backup onto another disk. "
    "When the data is sound again, SELECT pg_stat_reset() in that database sets the count to 0.",
    source="PostgreSQL manual, pg_stat_database; check_postgres and pgdsat read the same figure",
    reads=("sql.database_stats",),
    part=POSTGRES,
)
def checksum_failures(look: Look) -> Iterator[Evidence]:
    rows = look.rows("database_stats")
    if all(row["checksum_failures"] is None for row in rows):
        raise SkipError("nothing is counted, as data checksums are off")
    failed = [row for row in rows if row["checksum_failures"]]
    for row in failed:
        yield bad(f"{row['checksum_failures']} reads found a wrong checksum", row["name"])
    yield note(f"none in {len(rows) - len(failed)} of {len(rows)} databases")


@check(
    "integrity.durability",
    rows="INT-04",
    title="What was committed survives a crash",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Each of these settings trades data for speed: after a crash or a power cut committed rows are gone, "
    "or the database does not start. The last two hide damage that is there already.",
    remedy="Leave fsync, full_page_writes, zero_damaged_pages and ignore_checksum_failure out of "
    "postgres_settings and deploy. For synchronous_commit=off on purpose, set it in postgres_settings: then "
    "it is a warning.",
    source="PostgreSQL manual, Write Ahead Log and Developer Options",
    reads=("sql.settings", "sql.roles"),
    part=POSTGRES,
)
def durability(look: Look) -> Iterator[Evidence]:
    found = [*_of_the_server(look), *_of_roles(look)]
    yield from found or [note(f"{', '.join([*_DURABLE, 'synchronous_commit'])} are as they have to be")]


def _of_the_server(look: Look) -> Iterator[Evidence]:
    for name, wanted in _DURABLE.items():
        found = look.settings[name]["setting"]
        if found != wanted:
            yield bad(f"is {found}, and has to be {wanted}", name)
    found = look.settings["synchronous_commit"]["setting"]
    if found == "off":
        declared = unquoted(look.postgres["settings"].get("synchronous_commit", "on"))
        meant_so = same(declared, "off", None)
        say = warn if meant_so else bad
        meant = "as postgres_settings declares" if meant_so else f"and is declared to be {declared}"
        yield say(f"is off, {meant}: a crash loses the last transactions", "synchronous_commit")


def _of_roles(look: Look) -> Iterator[Evidence]:
    for role in look.rows("roles"):
        for line in role["settings"]:
            name, _, value = line.partition("=")
            if name == "synchronous_commit" and same(value, "off", None):
                yield warn("has synchronous_commit off: a crash loses its last transactions", role["name"])
            elif name in _DURABLE and not same(value, _DURABLE[name], None):
                yield bad(f"has {name} {value}", role["name"])


@check(
    "integrity.invalid_indexes",
    rows="INT-05",
    title="Every index is valid",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="An invalid index is left by CREATE INDEX CONCURRENTLY that failed: no query uses it, every write "
    "pays for it, and a unique one does not keep duplicates out.",
    remedy="REINDEX INDEX CONCURRENTLY name, after removing duplicates where it is unique; or DROP INDEX "
    "name.",
    source="awesome-prometheus-alerts, PostgresqlInvalidIndex. Ours: at once instead of after six hours, as "
    "those that are being built are left out",
    reads=("sql.invalid_indexes",),
    part=POSTGRES,
)
def invalid_indexes(look: Look) -> Iterator[Evidence]:
    rows = look.rows("invalid_indexes")
    for row in rows:
        yield bad(f"is invalid, on the table {row['on_table']}", row["name"])
    if not rows:
        yield note("no invalid index")
