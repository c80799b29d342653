"""What cron does on the host: as declared, by a cron that is alive, every job on time, and the watch too."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.backup_view import age, elapsed, is_late, job, runs, scheduled, section, since_due
from stanchion.checks.container import POSTGRES
from stanchion.checks.look import Look, Row
from stanchion.checks.model import Evidence, SkipError, bad, note, warn
from stanchion.checks.registry import CRITICAL, DEPLOY, RUNTIME, WARNING, Threshold, check
from stanchion.checks.words import count, span

# The job of every minute, in seconds; it writes the canary row and the metrics.
_MINUTE = 60
# Missed minutes that are no accident any more: a restart of the host or of the database takes some.
_MINUTES = 5


@check(
    "schedule.installed",
    rows="CRN-01",
    title="The schedule on the host is what is declared, and the only one",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="A line that somebody commented out is a backup that nobody takes. A second table runs everything "
    "twice.",
    remedy="Deploy, which writes the table anew; change backup_schedule instead of the file. Remove the "
    "other table that is named.",
    source="zalando/postgres-operator, test_logical_backup_cron_job: name and schedule are compared",
    reads=("backup",),
    part=POSTGRES,
)
def installed(look: Look) -> Iterator[Evidence]:
    found = section(look, "installed")
    path = found["cron_path"]
    if found["cron_file"] == "missing":
        yield bad("is not there", path)
    elif found["cron_file"] == "differs":
        yield bad(f"is not as it was written, {found['cron_difference']}", path)
    else:
        yield note(f"as written, with {count(len(scheduled(look)), 'job')}", path)
    for other in found["cron_others"]:
        yield bad("starts the same command too", other)


@check(
    "schedule.cron",
    rows="CRN-01",
    title="Cron is alive",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Without it no backup, no verification and no drill is ever made, and nothing says so.",
    remedy="systemctl enable --now cron, or service cron start; then deploy, which sees to it.",
    source="ours: a process named cron or crond in the host's own process namespace",
    reads=("backup",),
    part=POSTGRES,
)
def cron(look: Look) -> Iterator[Evidence]:
    yield note("it runs") if section(look, "installed")["cron_running"] else bad("no cron runs on this host")


@check(
    "schedule.jobs",
    rows="CRN-02",
    title="Every scheduled job has ended well on time",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="Cron never catches up: a host that was off at the scheduled time, or a job that fails each night, "
    "shows nowhere else.",
    remedy="Read /var/lib/stanchion/NAME/backup/log/backup.log for why, and run the job now: stanchion-NAME "
    "backup --type full, diff or incr; stanchion-NAME verify; stanchion-NAME drill.",
    source="ours: late by half of its period is missed, not delayed",
    reads=("backup",),
    part=POSTGRES,
)
def jobs(look: Look) -> Iterator[Evidence]:
    for name, plan in scheduled(look).items():
        for of, seen in runs(look, name):
            yield _on_time(look, name, plan, of, seen)
    if not scheduled(look):
        yield bad("backup_schedule is empty: nothing is ever done by itself")


def _on_time(look: Look, name: str, plan: Row, of: str, seen: Row) -> Evidence:
    last, since, late = seen["last"], since_due(look, name, seen), is_late(look, name, seen)
    if last is not None and last["outcome"] == "failed":
        # The next one may be well; one that is overdue as well has no such hope.
        return (bad if late else warn)(
            f"failed {span(elapsed(look, last['ended']))} ago: {last['error']}", of
        )
    if late:
        return bad(f"has not been done for {span(since)}, and is due every {span(plan['period'])}", of)
    if seen["last_success"] is None:
        return note("not yet due for the first time", of)
    return note(f"well {span(since)} ago", of)


@check(
    "schedule.skipped",
    rows="CRN-03",
    title="Jobs do not stand in each other's way",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="One job at a time: what comes while another runs is skipped. Once is chance, again and again is a "
    "job that takes longer than the time between two.",
    remedy="See what runs so long (stanchion-NAME observe), and spread backup_schedule.",
    source="ours: from the third in a row on",
    reads=("backup",),
    thresholds=(Threshold("validation_schedule_skipped", 2, "runs", "ours: two may be one long drill"),),
    part=POSTGRES,
)
def skipped(look: Look) -> Iterator[Evidence]:
    most = look.threshold("validation_schedule_skipped")
    for name in scheduled(look):
        times = job(look, name)["skipped_in_a_row"]
        yield (bad if times > most else note)(f"skipped {times} times in a row", name)
    if not scheduled(look):
        yield note("no job is scheduled")


@check(
    "schedule.metrics",
    rows="CRN-04",
    title="The job of every minute runs: a fresh canary row, fresh metrics",
    phases=(RUNTIME,),
    severity=WARNING,
    why="By the canary's rows the data loss of a restore is measured. Metrics that stand still look like a "
    "database that is well.",
    remedy="See schedule.cron and schedule.installed; run it by hand for its error: stanchion-NAME watch.",
    source="ours: five minutes, as restarts take some",
    reads=("backup",),
    part=POSTGRES,
)
def metrics(look: Look) -> Iterator[Evidence]:
    limit = _MINUTES * _MINUTE
    for what, written in (
        ("canary row", section(look, "canary")["newest"]),
        ("metrics file", section(look, "installed").get("metrics_written")),
    ):
        old = age(look, written)
        if old is None:
            yield bad(f"no {what} was ever written")
        elif old > limit:
            yield bad(f"the {what} is {span(old)} old, allowed are {span(limit)}")
        else:
            yield note(f"the {what} is {span(old)} old")


@check(
    "schedule.watch",
    rows="ours",
    title="The host's watch is installed as written, and looks each minute",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="For Docker a backend that hangs is running, and so is a database that answers nobody: without the "
    "watch it stays so until a person comes.",
    remedy="Deploy, which installs it anew. See schedule.cron for a cron that does not run; by hand it tells "
    "its error: python3 /var/lib/stanchion/NAME/recovery/watch.pyz.",
    source="ours: five minutes, as a server that the watch restarts may take some to stop",
    reads=("recovery",),
)
def watch(look: Look) -> Iterator[Evidence]:
    if not look.declared.get("recovery", {}).get("watch"):
        raise SkipError("recovery_watch is false: nothing is restarted by the host itself")
    seen = look.source("recovery")["watch"]
    path = seen["cron_path"]
    if not seen["installed"] or seen["cron_file"] == "missing":
        yield bad("is not there", path)
        return
    if seen["cron_file"] == "differs":
        yield bad(f"is not as it was written, {seen['cron_difference']}", path)
    yield from _looked(look, seen)


def _looked(look: Look, seen: Row) -> Iterator[Evidence]:
    limit = _MINUTES * _MINUTE
    ran, since = age(look, seen["ran"]), age(look, seen["cron_since"])
    if ran is not None and ran <= limit:
        yield note(f"the watch looked {span(ran)} ago")
    elif since is not None and since <= limit:
        yield note(f"was installed {span(since)} ago, and has to look within {span(limit)}")
    elif ran is None:
        yield bad("the watch has never looked")
    else:
        yield bad(f"the watch looked {span(ran)} ago, allowed are {span(limit)}")
    if seen["trouble"]:
        yield bad(f"it could not look: {seen['trouble']}")
