"""What sorting rests on: an index that was sorted by other rules finds rows no more, and says nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from stanchion.checks.container import POSTGRES
from stanchion.checks.look import Look, Row
from stanchion.checks.model import Evidence, Phase, SkipError, UnreadableError, bad, note
from stanchion.checks.registry import CRITICAL, DEPLOY, PREFLIGHT, RUNTIME, check

_FIRST_SEEN = ("encoding", "provider", "collation")
# By code point, in every release of the library.
_BY_CODE_POINT = re.compile(r"C|POSIX|C\..*", re.IGNORECASE)
# glibc's packages of one source have one version; the library's own is in the base, and not recorded.
_OF_GLIBC = ("libc6", "libc-l10n", "locales", "libc-bin")
_ICU = re.compile(r"libicu\d+")


def _skip_what_is_not_there_yet(look: Look) -> None:
    """Before a deploy the database may not run yet, or be what is to be mended: no failure to look."""
    if look.phase is Phase.PREFLIGHT:
        _record(look)
        sql = look.facts.get("sql", {"ok": False, "error": "it was not asked"})
        if not sql["ok"]:
            raise SkipError(f"the database does not answer before the deploy: {sql['error']}")


def _record(look: Look) -> Row:
    found: Row | None = look.source("volume_record")["record"]
    if found is None:
        raise SkipError("there is no record of a database on this host")
    return found


@check(
    "collation.version",
    rows="COL-01",
    title="Every database sorts as it did when its indexes were made",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="The library that sorts text has changed below the indexes: queries miss rows that are there, and "
    "unique indexes let duplicates in.",
    remedy="REINDEX DATABASE name first, and only then ALTER DATABASE name REFRESH COLLATION VERSION; the "
    "refresh alone only silences the warning.",
    source="docker-library/postgres issue 1356: glibc 2.36 to 2.41 when a tag moved to another Debian",
    reads=("volume_record",),
    reads_running=("sql.databases", "sql.collations"),
    part=POSTGRES,
)
def version(look: Look) -> Iterator[Evidence]:
    _skip_what_is_not_there_yet(look)
    changed = [
        row
        for row in look.rows("databases")
        if row["connectable"] and row["collation_version"] not in (None, row["collation_actual"])
    ]
    for row in changed:
        yield bad(
            f"was sorted by version {row['collation_version']} of {row['provider']}, which is "
            f"{row['collation_actual']} now",
            row["name"],
        )
    for row in look.rows("collations"):
        if row["recorded"] is not None:
            yield bad(
                f"was version {row['recorded']}, which is {row['actual']} now", f"collation {row['name']}"
            )
    yield note(f"{len(look.rows('databases')) - len(changed)} databases sort by the recorded version")


@check(
    "collation.encoding",
    rows="COL-02",
    title="Encoding and locale are those that the database was made with",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Another encoding or locale means that this is another database than the one that was recorded, or "
    "one that was made anew by hand: text comes back changed, or sorts differently.",
    remedy="Find out where the database came from before anything writes to it. Bring the right volume back, "
    "or dump it and restore into a database made with the recorded encoding and locale.",
    source="Ours: they belong to the cluster and cannot change by themselves; the record is volume.json",
    reads=("volume_record",),
    reads_running=("sql.databases",),
    part=POSTGRES,
)
def encoding(look: Look) -> Iterator[Evidence]:
    _skip_what_is_not_there_yet(look)
    record = _record(look)
    if any(not record.get(name) for name in _FIRST_SEEN):
        raise SkipError("the record is older than this check; the next deploy adds encoding and locale")
    databases = {row["name"]: row for row in look.rows("databases")}
    name = look.stack["database_name"]
    if name not in databases:
        raise UnreadableError(f"there is no database {name}")
    for of in (name, "template0"):
        for key in _FIRST_SEEN:
            if databases[of][key] != record[key]:
                yield bad(f"has {key} {databases[of][key]}, and {record[key]} is on record", of)
    yield note(f"recorded: {', '.join(str(record[key]) for key in _FIRST_SEEN)}")


@check(
    "collation.image",
    rows="IMG-03",
    title="The next image sorts as the running one does",
    phases=(PREFLIGHT,),
    severity=CRITICAL,
    why="A database that sorts by the C library or ICU finds its rows no more once the image brings another "
    "release of it, and nothing fails at that moment.",
    remedy="Keep the image (leave --update-images out, or set postgres_image_reference to the running one) "
    "until there is time to REINDEX right after the change; or move to the builtin provider with a dump.",
    source="docker-library/postgres issue 1356. The packages of the next image are those that role "
    "container_image recorded; what a deploy looks up anew is seen by collation.version afterwards",
    reads=("volume_record", "image_records"),
    reads_running=("sql.databases", "libraries"),
    part=POSTGRES,
)
def image(look: Look) -> Iterator[Evidence]:
    _skip_what_is_not_there_yet(look)
    by_library = [row for row in look.rows("databases") if row["connectable"] and _sorts_by_library(row)]
    if not by_library:
        yield note("no database sorts by a library of the image")
        return
    running = look.source("libraries")["entries"].get(_running_name(look))
    recorded = _recorded(look)
    if not running:
        raise SkipError("the running image has no package list to compare with")
    if not recorded:
        raise SkipError("the packages of the next image are not on record")
    for row in by_library:
        now, then = _library(row, running), _library(row, recorded)
        if not now or not then:
            raise SkipError(f"the release of {row['provider']} is not known of both images")
        say = note if now == then else bad
        yield say(f"sorts by {row['provider']}: {now} runs, {then} is in the next image", row["name"])


def _sorts_by_library(row: Row) -> bool:
    if row["provider"] == "libc":
        return not _BY_CODE_POINT.fullmatch(row["collation"])
    return str(row["provider"]) == "icu"


def _running_name(look: Look) -> str:
    return str(next(iter(look.postgres["containers"])))


def _recorded(look: Look) -> Mapping[str, str]:
    """Return the versions of the packages that the next image of the database is made with."""
    image = look.postgres["containers"][_running_name(look)]["image"]
    record = look.source("image_records")["entries"].get(image.replace("/", "_")) or {}
    found: Mapping[str, str] = record.get("versions") or {}
    return found


def _library(row: Row, packages: Mapping[str, str]) -> str:
    """Return the release of the library that sorts: `glibc 2.41`, `ICU 76`; empty where nobody knows."""
    if row["provider"] == "icu":
        return next((f"ICU {name[6:]}" for name in sorted(packages) if _ICU.fullmatch(name)), "")
    release = next((packages[name].partition("-")[0] for name in _OF_GLIBC if name in packages), "")
    return f"glibc {release}" if release else ""
