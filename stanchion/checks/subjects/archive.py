"""The archive of the WAL: what was committed leaves the data's disk, in order, without a hole, in time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stanchion.checks.backup_view import age, elapsed, observed, readable, section, title
from stanchion.checks.container import POSTGRES
from stanchion.checks.look import Look, Row
from stanchion.checks.model import Evidence, SkipError, UnreadableError, bad, note, warn
from stanchion.checks.registry import CRITICAL, DEPLOY, RUNTIME, WARNING, Threshold, check
from stanchion.checks.units import number
from stanchion.checks.words import count, span
from stanchion.contract.memory import docker_size
from stanchion.preflight.reading import show

MANUAL = "PostgreSQL manual, Continuous Archiving and Point-in-Time Recovery"
# One archive_timeout until the segment is switched, one for its way.
_PERIODS = 2
_LEVELS = ("replica", "logical")
_DAY = 86400
_SEGMENT = re.compile(r"\b[0-9A-F]{24}\b")

HOURS_LEFT = Threshold(
    "validation_archive_hours_left", 24, "h", "ours: a night and a morning, in which somebody can act"
)


@check(
    "archive.mode",
    rows=("BKP-01", "BKP-15"),
    title="The database archives its WAL by pgBackRest",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Without an archive a backup leads back to the moment when it was taken, and to no other. With "
    "archive_mode always a standby would write into the same stanza as its primary.",
    remedy="Leave archive_mode, archive_command and wal_level out of postgres_settings, and deploy;"
    " archive_mode and wal_level need the restart that the deploy announces.",
    source=f"{MANUAL}; CIS PostgreSQL 17 Benchmark 7.4; pgBackRest reference, archive-mode-check",
    reads=("sql.settings",),
    part=POSTGRES,
)
def mode(look: Look) -> Iterator[Evidence]:
    if not look.stack.get("backup"):
        raise SkipError("stack_backup is false: this stack has no backups")
    found = {
        name: look.settings[name]["setting"] for name in ("archive_mode", "archive_command", "wal_level")
    }
    if found["archive_mode"] != "on":
        yield bad(f"is {found['archive_mode']}, and has to be on", "archive_mode")
    if "pgbackrest" not in found["archive_command"]:
        shown = f"is {found['archive_command']!r}" if found["archive_command"] else "is empty"
        yield bad(f"{shown}, and has to be pgBackRest's", "archive_command")
    if found["wal_level"] not in _LEVELS:
        yield bad(f"is {found['wal_level']}, and has to be replica at least", "wal_level")
    yield note(f"archive_mode {found['archive_mode']}, wal_level {found['wal_level']}")


@check(
    "archive.fresh",
    rows=("BKP-08", "BKP-02"),
    title="What is committed is in every repository within two archive timeouts",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Whatever is not in a repository is lost with the disk of the data. The server's own count of "
    "failures does not show a command that is missing; what has arrived does.",
    remedy="docker logs NAME-db tells why archiving fails (a repository that is full, or not reached, a "
    "changed passphrase). When that is mended, it goes on by itself; stanchion-NAME settle tries it at once.",
    source="pg_stat_archiver_last_archive_age of postgres_exporter; ours: asked of each repository, by the "
    "age of the oldest row of stanchion.canary that it does not hold",
    reads=("backup",),
    part=POSTGRES,
)
def fresh(look: Look) -> Iterator[Evidence]:
    canary = section(look, "canary")
    limit = _PERIODS * float(look.stack["archive_timeout"])
    well = 0
    for repository in readable(look):
        name = f"repo{repository['key']}"
        waiting = age(look, canary["pending"].get(name))
        if canary["newest"] is None:
            yield bad("no row was ever written into stanchion.canary, so nothing tells what has arrived")
            return
        if waiting is not None and waiting > limit:
            yield bad(
                f"does not hold what was written {span(waiting)} ago, allowed are {span(limit)}",
                title(repository),
            )
        else:
            well += 1
            held = "all" if waiting is None else f"all but what was written in the last {span(waiting)}"
            yield note(f"holds {held}", title(repository))
    archive = section(look, "archive")
    if archive["failing"]:
        level = warn if well else bad
        yield level(f"the last try of the server has failed, of {archive['last_failed_wal']}")


@check(
    "archive.waiting",
    rows="BKP-09",
    title="No WAL waits for a repository",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="What cannot be archived stays in pg_wal, until the disk is full and the database stops with a "
    "PANIC.",
    remedy="Mend the repository that is named; see docker logs NAME-db. Where that takes longer than the "
    "time that is left, make room on the disk of the data, or set backup_archive_queue_max, which gives WAL "
    "up instead.",
    source="check_postgres, archive_ready: 10 is its own example. Ours: critical when the disk is full soon",
    reads=("backup",),
    thresholds=(
        Threshold("validation_archive_ready", 10, "files", "check_postgres, archive_ready"),
        HOURS_LEFT,
    ),
    part=POSTGRES,
)
def waiting(look: Look) -> Iterator[Evidence]:
    archive = section(look, "archive")
    files, oldest = archive["ready_files"], archive["oldest_ready_age"] or 0.0
    if not files:
        yield note("nothing waits")
        return
    left = archive["hours_left"]
    lasts = (
        f"the disk is full in {left:.0f} h" if left is not None else "how long the disk lasts is not known"
    )
    text = f"{count(files, 'segment')} of WAL, the oldest for {span(oldest)}; at the last hour's rate {lasts}"
    # Many for a moment is a load; one for long is an archive that stands still.
    stuck = oldest > _PERIODS * float(look.stack["archive_timeout"])
    late = stuck or files > look.threshold("validation_archive_ready")
    if stuck and left is not None and left < look.threshold("validation_archive_hours_left"):
        yield bad(text)
    else:
        yield warn(text) if late else note(text)
    for repository in observed(look)["repositories"]:
        if repository["code"] and late:
            yield warn(f"is not reached: {repository['message']}", title(repository))


@check(
    "archive.gap",
    rows="BKP-07",
    title="The archive has no hole since the oldest backup",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="No recovery gets past a missing segment: every moment after it is lost until the next full backup, "
    "however many backups and segments come later.",
    remedy="Take a full backup now: python runner.py backup --type full. Then find out who removed the "
    "segment, or whether backup_archive_queue_max was reached.",
    source="check_pgbackrest, archives",
    reads=("backup",),
    part=POSTGRES,
)
def gap(look: Look) -> Iterator[Evidence]:
    missing = section(look, "archive").get("missing", {})
    unread = [f"{name}: {found['error']}" for name, found in missing.items() if found.get("error")]
    for repository in readable(look):
        found = missing.get(f"repo{repository['key']}", {})
        for hole in found.get("gaps", []):
            if _is_behind(hole, repository["sets"]):
                yield warn(f"{hole}; a later full backup does not need it", title(repository))
            else:
                yield bad(hole, title(repository))
        if "gaps" in found and not found["gaps"]:
            held = repository["wal"]
            yield note(f"none up to {held['max']}", title(repository))
        elif not repository["sets"]:
            yield note("no backup yet, so nothing to be whole", title(repository))
    if unread:
        raise UnreadableError("; ".join(unread))


def _is_behind(hole: str, sets: list[Row]) -> bool:
    """Say whether a full backup was taken since: all moments from that one on can be restored."""
    segments = _SEGMENT.findall(hole.partition(" missing")[0])
    spoilt = "can't be restored" in hole
    return (
        bool(segments)
        and not spoilt
        and any(not each["needs"] and each["wal_first"] > segments[-1] for each in sets)
    )


@check(
    "archive.one_writer",
    rows="BKP-15",
    title="No other server archives into the repositories",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="A host that was given up and comes back goes on where it was, along its old timeline. Whoever still "
    "writes to it writes past the live database, and the backups get two histories.",
    remedy="Find the other server, an old host that was started again or a copy with archive_mode on, and "
    "stop it for good. Nothing of this database is lost. What that one has written is on the timeline in "
    "the segment's first eight digits: python runner.py backups lists it, restore --timeline brings it back.",
    source="ours: after a restore, or a way back from one, no segment of another timeline comes any more. "
    "On the same timeline pgBackRest itself refuses a second segment of one name: archive.fresh",
    reads=("backup",),
    part=POSTGRES,
)
def one_writer(look: Look) -> Iterator[Evidence]:
    listed = section(look, "archive").get("missing", {})
    for repository in readable(look):
        found = listed.get(f"repo{repository['key']}")
        if found is None:
            yield note("no backup yet, so not listed", title(repository))
        elif "foreign" not in found:
            error = found.get("error")
            raise UnreadableError(error or "the command on the host does not tell of it; deploy the stack")
        elif found["foreign"] is None:
            yield note("all of it is this server's", title(repository))
        else:
            other = found["foreign"]
            ago = elapsed(look, other["came"])
            text = f"{other['segment']} came {span(ago)} ago, and is not of the live timeline"
            yield (bad if ago < _DAY else note)(text, title(repository))


@check(
    "archive.queue_max",
    rows="BKP-11",
    title="WAL is not given up before somebody can act",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Past archive-push-queue-max pgBackRest drops WAL, to save the disk: the database goes on, and no "
    "moment after it can be restored until the next full backup.",
    remedy="Leave backup_archive_queue_max empty, which keeps all WAL (archive.waiting tells how long the "
    "disk lasts), or give it what validation_archive_hours_left hours of WAL take.",
    source="pgBackRest reference, archive-push-queue-max",
    reads=("backup",),
    thresholds=(HOURS_LEFT,),
    part=POSTGRES,
)
def queue_max(look: Look) -> Iterator[Evidence]:
    size = section(look, "installed")["configured"]["options"].get("archive-push-queue-max")
    if not size:
        yield note("all WAL is kept until every repository has it")
        return
    rate = section(look, "archive")["wal_bytes_per_hour"]
    if not rate:
        yield note(f"past {size} WAL is dropped")
        return
    # pgBackRest takes g, GB and GiB for the same, in capitals or not.
    hours = docker_size(size.lower().rstrip("ib")) / rate
    text = f"past {size} WAL is dropped: {hours:.1f} h of the last hour's rate, {show(int(rate))} an hour"
    yield (bad if hours < look.threshold("validation_archive_hours_left") else note)(text)


@check(
    "archive.timeout",
    rows="BKP-10",
    title="A segment that is not full is archived in time",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Without archive_timeout a quiet database keeps its last transactions for itself for hours, and they "
    "are lost with its disk. It is the largest part of the data loss that may be promised.",
    remedy="Set stack_archive_timeout to half of backup_rpo or less, and deploy.",
    source=f"{MANUAL}: a minute or so is usually reasonable; CloudNativePG: 5 min",
    reads=("backup", "sql.settings"),
    thresholds=(Threshold("validation_archive_timeout", 300, "s", "CloudNativePG's own"),),
    part=POSTGRES,
)
def timeout(look: Look) -> Iterator[Evidence]:
    row = look.settings["archive_timeout"]
    seconds = number(row["setting"], row["unit"]) or 0.0
    rpo = float(section(look, "objectives")["rpo"])
    most = min(look.threshold("validation_archive_timeout"), rpo)
    if seconds <= 0:
        yield bad("is off: only full segments are archived", "archive_timeout")
    elif seconds > most:
        why = f"backup_rpo is {span(rpo)}" if most == rpo else f"{span(most)} are the most"
        yield bad(f"is {span(seconds)}, and {why}", "archive_timeout")
    else:
        yield note(f"{span(seconds)}, for a backup_rpo of {span(rpo)}", "archive_timeout")
