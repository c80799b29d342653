"""Can the declared backups be meant, and does the repository take them: its place, its room, what it holds?

Declared: `stack_name`, `state_dir`, `secret_files` (paths on the host of the secrets that open the
repository) and `given_secrets` (what the filter secret_kinds says of those from a vault). Under their own
names: `stack_backup_repository`, `stack_archive_timeout`, `backup_schedule`, `backup_mailto`,
`backup_retention_full`, `backup_retention_full_type`, `backup_retention_diff`, `backup_compress_level`,
`backup_processes`, `backup_archive_queue_max`, `backup_memory`, `backup_scratch_memory`, `backup_rpo`,
`backup_rto`, `backup_assertions`, `backup_sentinels`, `backup_sentinel_size`, `backup_read_path`,
`stack_backup_before_replace`. `passphrase_replaced` is true where the vault has another passphrase than the
host. What is declared about a second repository, and a restore, is in stanchion.preflight.offsite.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from stanchion.contract import schedule
from stanchion.preflight import offsite, values
from stanchion.preflight.files import given_problems, secret_problems
from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import MB, Declared, DeclaredError, Facts, show, unreadable

SOURCES = ("engine", "disk", "memory", "files", "volume_record", "repository")

JOBS = ("full", "diff", "incr", "verify", "drill")
# pgBackRest alone; and a server with 64 MB of shared buffers beside it.
LEAST_JOB = 64 * MB
LEAST_SCRATCH = 256 * MB
# Of an empty database the first full backup, and some WAL.
LEAST_ROOM = 256 * MB
# The canary is written each minute, so that a loss of less cannot be measured.
WRITER_PERIOD = 60
# Names in /etc/cron.d that Debian's cron does not pass over (run-parts(8)); of ours the engine has one
# already.
_CRON_FILE = re.compile(r"[A-Za-z0-9_-]+")
_TAKEN = ("dockerd",)
_QUEUE = re.compile(r"[1-9][0-9]*(?:[kKmMgGtT](?:[iI]?[bB])?|[bB])?")
_TABLE = re.compile(r"[^.\s\"']+\.[^.\s\"']+")
# zstd's, as pgBackRest takes them (build/config/config.yaml).
_LEVELS = range(1, 23)
_PROCESSES = range(1, 1000)


def look(declared: Declared, facts: Facts) -> list[Problem]:
    """Return everything about the backups that cannot be meant, or does not fit the host."""
    return [
        *_name(declared),
        *_schedule(declared),
        *_numbers(declared),
        *_texts(declared),
        *_proof(declared),
        *_memory(declared, facts),
        *secret_problems(declared.get("secret_files", []), facts),
        *given_problems(declared.get("given_secrets", {}), "{name}"),
        *(_place(declared) or _repository(declared, facts)),
        *offsite.look(declared, facts),
    ]


def _problem(slug: str, variable: str, what: str, remedy: str) -> Problem:
    return Problem(slug=slug, what=what, where=f"the variable {variable}", remedy=remedy)


def _name(declared: Declared) -> list[Problem]:
    name = declared.text("stack_name")
    if _CRON_FILE.fullmatch(name) and name not in _TAKEN:
        return []
    why = "is the engine's own" if name in _TAKEN else "cron passes over: it reads no name with a dot"
    return [
        _problem(
            "backup.stack_name",
            "stack_name",
            f"The schedule would be /etc/cron.d/stanchion-{name}, which {why}.",
            "Give the stack another name, of letters, digits, dashes and underscores; or have no "
            "backups (stack_backup: false).",
        )
    ]


def _schedule(declared: Declared) -> Iterator[Problem]:
    variable = "backup_schedule"
    given = declared.get(variable)
    if not isinstance(given, Mapping):
        yield _problem(
            "backup.schedule", variable, f"{variable} is no mapping.", "Give each job its cron expression."
        )
        return
    for job, expression in given.items():
        if job not in JOBS:
            near = difflib.get_close_matches(str(job), JOBS, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"The jobs are {', '.join(JOBS)}."
            yield _problem("backup.job", variable, f"{variable} has {job!r}, which is no job.", hint)
        elif expression:
            try:
                schedule.period(str(expression))
            except ValueError as error:
                yield _problem(
                    "backup.cron",
                    variable,
                    f"The schedule of {job} can't be meant: {error}",
                    "Write minute, hour, day of the month, month and day of the week, like '15 1 * * 0'.",
                )
    if not given.get("full"):
        yield Problem(
            slug="backup.no_full",
            what="No full backups are scheduled: nothing is ever expired, and each restore reads one more.",
            where=f"the variable {variable}",
            remedy="Give full a moment, like '15 1 * * 0'.",
            level="warning",
        )


def _numbers(declared: Declared) -> Iterator[Problem]:
    yield from values.counts(
        "backup",
        declared,
        "stack_archive_timeout",
        "backup_retention_full",
        "backup_rpo",
        "backup_rto",
    )
    if declared.number("stack_backup_before_replace") < 0:
        yield _problem(
            "backup.count",
            "stack_backup_before_replace",
            "stack_backup_before_replace is less than nothing.",
            "Give hours, or 0 to take no backup before the database's image is replaced.",
        )
    if declared.text("backup_retention_diff"):
        yield from values.counts("backup", declared, "backup_retention_diff")
    for variable, span in (("backup_compress_level", _LEVELS), ("backup_processes", _PROCESSES)):
        if declared.number(variable) not in span:
            yield _problem(
                "backup.number",
                variable,
                f"{variable} is {declared.number(variable)}.",
                f"Set it to {span[0]} to {span[-1]}.",
            )
    least = {
        "backup_memory": LEAST_JOB,
        "backup_scratch_memory": LEAST_SCRATCH,
        "backup_sentinel_size": 0,
    }
    yield from values.sizes("backup", declared, least)
    yield from _loss(declared)


def _loss(declared: Declared) -> list[Problem]:
    timeout, promised = declared.number("stack_archive_timeout"), declared.number("backup_rpo")
    if promised < 1 or promised >= timeout + WRITER_PERIOD:
        return []
    return [
        Problem(
            slug="backup.rpo",
            what=f"backup_rpo promises {promised} s, and a segment is archived after {timeout} s, "
            f"measured by a row each {WRITER_PERIOD} s.",
            where="the variables backup_rpo and stack_archive_timeout",
            remedy=f"Promise {timeout + WRITER_PERIOD} s or more, or lower stack_archive_timeout.",
            level="warning",
        )
    ]


def _texts(declared: Declared) -> Iterator[Problem]:
    mailto = declared.text("backup_mailto")
    if mailto and not values.MAIL_ADDRESSES.fullmatch(mailto):
        yield _problem(
            "backup.mailto",
            "backup_mailto",
            f"backup_mailto is {values.shown(mailto)}, which cron does not take for an address.",
            "Write it like root or ops@example.com, several with commas.",
        )
    queue = declared.text("backup_archive_queue_max")
    if queue and not _QUEUE.fullmatch(queue):
        yield _problem(
            "backup.queue_max",
            "backup_archive_queue_max",
            f"backup_archive_queue_max is {values.shown(queue)}, which is no size that pgBackRest takes.",
            "Write it like 20GB; or leave it empty, and no WAL is ever dropped.",
        )
    path = declared.text("backup_read_path")
    if path and not re.fullmatch(r"/[^\s#]*", path):
        yield _problem(
            "backup.read_path",
            "backup_read_path",
            f"backup_read_path is {values.shown(path)}, which is no path of a URL.",
            "Begin it with a slash and leave spaces out, like /medications; empty leaves the question out.",
        )


def _proof(declared: Declared) -> Iterator[Problem]:
    names = [str(each.get("name") or "") for each in declared.get("backup_assertions")]
    for each in declared.get("backup_assertions"):
        if not each.get("name") or not str(each.get("sql") or "").strip():
            yield _problem(
                "backup.assertion",
                "backup_assertions",
                f"backup_assertions has {values.shown(str(dict(each)))}, without a name or without sql.",
                "Give each a name, and a query of one value.",
            )
    for name in sorted({name for name in names if name and names.count(name) > 1}):
        yield _problem(
            "backup.assertion",
            "backup_assertions",
            f"backup_assertions has {name!r} twice.",
            "Give each a name of its own: the record of a drill tells them apart by it.",
        )
    for table in declared.get("backup_sentinels"):
        if not _TABLE.fullmatch(str(table)):
            yield _problem(
                "backup.sentinel",
                "backup_sentinels",
                f"backup_sentinels has {values.shown(str(table))}, which is no SCHEMA.TABLE.",
                "Write it like public.medications.",
            )


def _memory(declared: Declared, facts: Facts) -> list[Problem]:
    broken = unreadable(facts, "memory")
    if broken:
        return broken
    found = []
    for variable in ("backup_memory", "backup_scratch_memory"):
        try:
            limit, total = declared.size(variable), facts["memory"]["total"]
        except DeclaredError:
            continue
        if limit > total:
            found.append(
                _problem(
                    "backup.host_memory",
                    variable,
                    f"{variable} is {show(limit)}, and the host has {show(total)}.",
                    "Lower it, or use a larger host.",
                )
            )
    return found


def _place(declared: Declared) -> list[Problem]:
    """Return what keeps the repository's name from being a volume's or a folder's."""
    variable = "stack_backup_repository"
    place = declared.text(variable)
    if not place.startswith("/"):
        return values.docker_names("backup", declared, variable)
    parts = place.split("/")
    state = declared.text("state_dir").rstrip("/")
    if re.search(r"[\s:,\"'\\]", place) or ".." in parts or len([part for part in parts if part]) < 2:
        what = "is no folder that Docker could mount and that backups have for themselves"
    elif f"{place}/".startswith(f"{state}/") or f"{state}/".startswith(f"{place.rstrip('/')}/"):
        what = f"shares a folder with {state}, which goes when the stack's data is deleted"
    else:
        return []
    return [
        _problem(
            "backup.repository",
            variable,
            f"{variable} is {values.shown(place)}, which {what}.",
            "Name a folder of its own on a disk of its own, like /srv/backup/pgbackrest, or a volume.",
        )
    ]


def _repository(declared: Declared, facts: Facts) -> list[Problem]:
    broken = unreadable(facts, "repository", "volume_record", "files")
    if broken:
        return broken
    seen = facts["repository"]
    if seen["name"].startswith("/") and not seen["exists"] and not seen["parent_exists"]:
        return [
            Problem(
                slug="backup.folder",
                what=f"There is no {seen['path'].rpartition('/')[0]} that the repository {seen['path']} "
                "could be in.",
                where="the host, and the variable stack_backup_repository",
                remedy="Mount its disk first, or make that folder: a path that is only missing its disk "
                "must not become a folder on the disk of the system.",
            )
        ]
    if seen["name"].startswith("/") and seen["foreign"]:
        return [
            Problem(
                slug="backup.folder_taken",
                what=f"The repository {seen['path']} {seen['foreign']}: a deploy would give it to the "
                "database's user, whoever needs it now.",
                where="the host, and the variable stack_backup_repository",
                remedy="Name a folder of its own, which is empty or not there yet. One that holds backups of "
                "before has to be theirs: chown -R 999:999.",
            )
        ]
    return [*(_replaced(declared, seen["name"]) or _held(declared, facts)), *_room(seen)]


def _replaced(declared: Declared, name: str) -> list[Problem]:
    if not declared.get("passphrase_replaced", False):
        return []
    return [
        Problem(
            slug="backup.passphrase_changed",
            what=f"backup_passphrase is another one than the host has for {name}: it would open none of "
            "the backups there, and nothing more would be archived.",
            where="the variable backup_passphrase",
            remedy="Put the old one back. To begin with a new one, set stack_backup_repository to a new "
            "place and move the file backup_passphrase among the stack's secrets away; keep both for as "
            "long as you may need them.",
        )
    ]


def _held(declared: Declared, facts: Facts) -> list[Problem]:
    """Refuse a repository with backups that this deploy would not go on with, or could not read."""
    seen = facts["repository"]
    if not seen["held"]:
        return []
    where = f"{seen['path']} on the host"
    record = facts["volume_record"]["record"] or {}
    if not record.get("system_identifier") and not declared.get("restore_from", False):
        return [
            Problem(
                slug="backup.another_database",
                what=f"The repository {seen['name']} holds backups of this stack, and the host has no "
                "database yet: a new one would be another one, whose backups must not mix with those.",
                where=where,
                remedy="Bring the old database back with `deploy --restore-from repo1`; or keep those "
                "backups and set stack_backup_repository to a new place; or delete them with `destroy "
                "--delete-data NAME --delete-backups NAME`.",
            )
        ]
    lost = [
        path
        for path in declared.get("secret_files", [])
        if path.endswith("/backup_passphrase") and not facts["files"]["entries"][path]["exists"]
    ]
    if not lost or "backup_passphrase" in declared.get("given_secrets", {}):
        return []
    return [
        Problem(
            slug="backup.passphrase_lost",
            what=f"The repository {seen['name']} holds backups, and {lost[0]}, which opens them, is gone.",
            where=where,
            remedy="Put the file back, or give backup_passphrase from the vault or from `secrets "
            "export`. A new passphrase would open none of them: for new backups set "
            "stack_backup_repository to a new place.",
        )
    ]


def _room(seen: Mapping[str, Any]) -> list[Problem]:
    disk = seen["disk"]
    if disk["read_only"]:
        what = f"The repository's file system, {disk['measured_at']}, is mounted read-only."
        remedy = "Find out why (dmesg; a broken disk is remounted so), and mount it for writing."
    elif disk["free"] < LEAST_ROOM:
        what = (
            f"The repository needs {show(LEAST_ROOM)} at the least, and {disk['measured_at']} has "
            f"{show(disk['free'])} free."
        )
        remedy = (
            "Make room there, or set stack_backup_repository to another disk. WAL that finds no room "
            "stays with the database, until its disk is full as well."
        )
    else:
        return []
    return [Problem(slug="disk.repository", what=what, where=f"{seen['path']} on the host", remedy=remedy)]
