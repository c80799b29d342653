"""What runs on the host by itself: backups, their proof, the metrics."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.look import Look
from stanchion.checks.model import Level
from stanchion.recovery.model import Layer, Seen
from stanchion.recovery.places import evidence
from stanchion.recovery.registry import Failing, cause

_CRON_TABLE = "/etc/cron.d/stanchion-{}"


def _first(look: Look, failing: Failing, *slugs: str) -> Iterator[tuple[str, str]]:
    """Yield the place and the words of the first thing that these checks have seen, if any has."""
    for _, seen in evidence(failing, *slugs):
        yield seen.of or look.stack["name"], seen.what
        return


@cause(
    "schedule.removed",
    Layer.SCHEDULE,
    "the schedule is not installed as declared",
    remedy="write_schedule",
    shown_by=("schedule.installed",),
    explains=("schedule.jobs", "schedule.skipped", "backup.verified"),
)
def removed(look: Look, failing: Failing) -> Iterator[Seen]:
    table = _CRON_TABLE.format(look.stack["name"])
    for _, what in _first(look, failing, "schedule.installed"):
        yield Seen(table, what, ("python runner.py deploy",))


@cause(
    "schedule.cron_stopped",
    Layer.SCHEDULE,
    "no cron runs",
    remedy="write_schedule",
    shown_by=("schedule.cron",),
    explains=("schedule.metrics", "schedule.watch", "monitoring.figures", "monitoring.metrics"),
    # The file is written anew by whatever cron starts.
    blocks=("monitoring.figures",),
)
def cron_stopped(look: Look, failing: Failing) -> Iterator[Seen]:
    for _, what in _first(look, failing, "schedule.cron"):
        yield Seen("cron", what, ("service cron start",))


@cause(
    "schedule.silent",
    Layer.SCHEDULE,
    "the job of each minute has fallen silent",
    remedy="run_watch",
    shown_by=("schedule.metrics",),
    explains=("proof.window",),
)
def silent(look: Look, failing: Failing) -> Iterator[Seen]:
    name = look.stack["name"]
    for _, what in _first(look, failing, "schedule.metrics"):
        yield Seen(f"stanchion-{name} watch", what, (f"stanchion-{name} watch",))


@cause(
    "watch.removed",
    Layer.SCHEDULE,
    "the watch job is not installed, or does not run",
    remedy="write_watch",
    shown_by=("schedule.watch",),
)
def watch_removed(look: Look, failing: Failing) -> Iterator[Seen]:
    for of, what in _first(look, failing, "schedule.watch"):
        yield Seen(of, what, ("python runner.py deploy",))


@cause(
    "backup.tool_missing",
    Layer.SCHEDULE,
    "pgBackRest does not run in the database's image",
    shown_by=("backup.tool",),
    silences=("backup",),
    explains=("archive", "backup", "disk.full_backup", "proof", "schedule.jobs", "log.trouble"),
    blocks=("database.archive_behind", "backup.overdue", "backup.unverified", "backup.unproved"),
)
def tool_missing(look: Look, failing: Failing) -> Iterator[Seen]:
    for _, what in _first(look, failing, "backup.tool"):
        yield Seen(f"{look.stack['name']}-db", what)


@cause(
    "backup.overdue",
    Layer.SCHEDULE,
    "a backup is overdue",
    remedy="take_backup",
    shown_by=("backup.full_age", "backup.age", "backup.configuration", "archive.gap"),
    explains=("schedule.jobs", "backup", "proof.window"),
)
def overdue(look: Look, failing: Failing) -> Iterator[Seen]:
    # Of a gap in the archive nothing before it leads past it: only a new full backup begins anew.
    # A gap with a full backup behind it warns until the older ones are gone, and needs no other.
    gaps = [each for each in evidence(failing, "archive.gap") if each[1].level is Level.BAD]
    full = [*evidence(failing, "backup.full_age"), *gaps]
    told = [*full, *evidence(failing, "backup.age", "backup.configuration")]
    if told:
        kind = "full" if full else "incr"
        what = f"{told[0][1].of}: {told[0][1].what}" if told[0][1].of else told[0][1].what
        command = f"python runner.py backup --type {kind}"
        # A full one lets the oldest go that the retention has no room for: somebody has to say so.
        yield Seen(look.stack["name"], what, (command,), {"type": kind}, word=kind == "full")


@cause(
    "backup.unverified",
    Layer.SCHEDULE,
    "the repositories are not verified",
    remedy="run_verify",
    shown_by=("backup.verified",),
    explains=("schedule.jobs",),
)
def unverified(look: Look, failing: Failing) -> Iterator[Seen]:
    name = look.stack["name"]
    for _, what in _first(look, failing, "backup.verified"):
        yield Seen(name, what, (f"stanchion-{name} verify",))


@cause(
    "backup.unproved",
    Layer.SCHEDULE,
    "no restore has been proved lately",
    remedy="run_drill",
    shown_by=("proof.age", "proof.complete"),
    explains=("proof", "schedule.jobs"),
)
def unproved(look: Look, failing: Failing) -> Iterator[Seen]:
    for _, what in _first(look, failing, "proof.age", "proof.complete"):
        yield Seen(look.stack["name"], what, ("python runner.py drill",))
