"""The backups in every repository: there, young, enough of them, readable, of this database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stanchion.checks.backup_view import (
    LATE,
    age,
    elapsed,
    is_late,
    job,
    observed,
    readable,
    repositories,
    scheduled,
    section,
    sets_of,
    since_due,
    title,
)
from stanchion.checks.container import POSTGRES
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, bad, note, warn
from stanchion.checks.registry import CRITICAL, DEPLOY, PREFLIGHT, RUNTIME, WARNING, Threshold, check
from stanchion.checks.words import count, span

_BACKUPS = ("full", "diff", "incr")
_DAY = 86400
_PGBACKREST = "pgBackRest reference"


@check(
    "backup.declared",
    rows="BKP-01",
    title="The stack is backed up",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=WARNING,
    why="A disk, a bug or one wrong DELETE takes the data, and nothing brings them back.",
    remedy="Set stack_backup to true and deploy; or keep it false where something else backs this database "
    "up, and prove that its backups can be restored.",
    source="ours: everything else of the backups is skipped then, and that has to be seen",
    part=POSTGRES,
)
def declared(look: Look) -> Iterator[Evidence]:
    if look.stack.get("backup"):
        yield note(f"into {look.stack['backup_repository']}")
    else:
        yield bad("stack_backup is false: no archive, no backups, no proof of either")


@check(
    "backup.repository",
    rows=("BKP-03", "VOL-03", "DNS-03"),
    title="Every repository can be read, and is this database's",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="What cannot be read cannot be restored. A repository of another cluster holds somebody else's data, "
    "and takes none of this one's.",
    remedy="python runner.py backups shows what each says. Mend the way to it (the volume, the server, the "
    "passphrase); never make a new stanza over backups that are still wanted.",
    source="pgBackRest, info, status.code (src/command/info/info.c). Ours: a warning while another "
    "repository is well, as the data are safe then",
    reads=("backup", "volume_record"),
    part=POSTGRES,
)
def repository(look: Look) -> Iterator[Evidence]:
    every = repositories(look)
    wrong = [each for each in every if each["code"]]
    for each in wrong:
        (yield (warn if len(wrong) < len(every) else bad)(each["message"], title(each)))
    record = look.source("volume_record")["record"] or {}
    ours = record.get("system_identifier")
    for each in every:
        theirs = each["system_identifier"]
        if theirs and ours and theirs != ours:
            yield bad(f"is of cluster {theirs}, and this is {ours}", title(each))
        elif not each["code"]:
            yield note(f"{count(len(each['sets']), 'backup')}, of cluster {theirs}", title(each))


@check(
    "backup.age",
    rows="BKP-04",
    title="The newest backup is as young as the schedule says",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="The older the backup, the more WAL has to be whole, and to be replayed, before the application is "
    "back.",
    remedy="See schedule.jobs for what failed, and take one now: python runner.py backup.",
    source="ours: late by half of the most frequent job's period is missed, not delayed",
    reads=("backup",),
    part=POSTGRES,
)
def newest(look: Look) -> Iterator[Evidence]:
    periods = [plan["period"] for name, plan in scheduled(look).items() if name in _BACKUPS]
    if not periods:
        yield bad("backup_schedule has no full, diff or incr: no backup is taken by itself")
        return
    yield from _ages(look, _BACKUPS, min(periods) * LATE, "backup")


@check(
    "backup.full_age",
    rows="BKP-04",
    title="The newest full backup is young enough",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="Every differential and incremental backup leans on the full one before it: one bad file in that, "
    "and all of them are gone.",
    remedy="Take one now: python runner.py backup --type full.",
    source="check_pgbackrest, --retention-age-to-full; CloudNativePG: weekly base backups. Ours: a week and "
    "a day, or where the schedule is slower its period and a day",
    reads=("backup",),
    thresholds=(
        Threshold("validation_backup_full_days", 8, "d", "ours: the weekly one, and a day to notice"),
    ),
    part=POSTGRES,
)
def newest_full(look: Look) -> Iterator[Evidence]:
    plan = scheduled(look).get("full")
    slow = plan["period"] + _DAY if plan else 0.0
    yield from _ages(
        look, ("full",), max(look.threshold("validation_backup_full_days") * _DAY, slow), "full backup"
    )


def _ages(look: Look, types: Sequence[str], limit: float, what: str) -> Iterator[Evidence]:
    for each in readable(look):
        last = max((found["stopped"] for found in sets_of(each, *types)), default=None)
        old = age(look, last)
        if old is None:
            yield bad(f"holds no {what}", title(each))
        elif old > limit:
            yield bad(f"the newest {what} is {span(old)} old, allowed are {span(limit)}", title(each))
        else:
            yield note(f"the newest {what} is {span(old)} old", title(each))


@check(
    "backup.retention",
    rows="BKP-05",
    title="As many full backups are kept as declared",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="With one full backup less there is nothing left when the newest is bad. With no retention at all "
    "the repository grows until its disk is full.",
    remedy="Find out who removed what is missing (stanchion-NAME's log, the repository's own). Set "
    "backup_retention_full and deploy where the option is gone.",
    source=f"{_PGBACKREST}, repo-retention-full: without it a warning; check_pgbackrest, --retention-full. "
    "Ours: by the records, each with the retention and place of its day; a higher one brings nothing back",
    reads=("backup",),
    part=POSTGRES,
)
def retention(look: Look) -> Iterator[Evidence]:
    options = section(look, "installed")["configured"]["options"]
    taken = section(look, "taken")
    for each in readable(look):
        name = f"repo{each['key']}"
        kept = [found["label"] for found in sets_of(each, "full")]
        wanted = options.get(f"{name}-retention-full")
        if wanted is None:
            yield bad("has no retention: it grows until its disk is full", title(each))
            continue
        by_days = options.get(f"{name}-retention-full-type") == "time"
        lost = [] if by_days else [f for f in taken.get(name, [])[-int(wanted) :] if f not in kept]
        if lost:
            text = f"{', '.join(lost)} was taken and is gone; {wanted} full backups are to be kept"
            yield bad(text, title(each))
        else:
            unit = "days" if by_days else "wanted"
            yield note(f"{count(len(kept), 'full backup')}, {wanted} {unit}", title(each))


@check(
    "backup.page_errors",
    rows=("BKP-06", "BKP-12"),
    title="No backup has copied a page whose checksum is wrong",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="Such a page is bad in the database itself: a backup of it is a faithful copy of the damage, and the "
    "good copies before it are expired one after the other.",
    remedy="Before the next full backup lets the oldest good one go, raise backup_retention_full and deploy: "
    "what is there is kept from then on, what has expired does not come back. Find the table with "
    "pg_amcheck, and restore the last backup that is good beside the database: python runner.py restore "
    "--to backup:LABEL.",
    source=f"{_PGBACKREST}, checksum-page; info, backup.error",
    reads=("backup",),
    part=POSTGRES,
)
def page_errors(look: Look) -> Iterator[Evidence]:
    if section(look, "installed")["configured"]["options"].get("checksum-page", "y") != "y":
        yield bad("checksum-page is off: a bad page would be copied without a word")
    for each in readable(look):
        wrong = [found["label"] for found in each["sets"] if found["error"]]
        for label in wrong:
            yield bad(f"{label} has pages whose checksum is wrong", title(each))
        if not wrong:
            yield note(f"none in {count(len(each['sets']), 'backup')}", title(each))


@check(
    "backup.verified",
    rows="BKP-13",
    title="Every file of the repositories was read and is what was written",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="A disk changes bytes without a word. A backup that nobody has read since may be gone already.",
    remedy="Read what it found in /var/lib/stanchion/NAME/backup/log/backup.log, and take a full backup: "
    "what was found bad stays bad. Run it now: stanchion-NAME verify.",
    source="pgBackRest verify, by its text, as it ends with 0 whatever it finds; ours: weekly",
    reads=("backup",),
    part=POSTGRES,
)
def verified(look: Look) -> Iterator[Evidence]:
    if "verify" not in scheduled(look):
        yield warn("backup_schedule has no verify: nobody reads the backups")
        return
    seen = job(look, "verify")
    last = seen["last"]
    if last and last["outcome"] == "failed":
        yield bad(f"the last verification, {_ago(look, last['ended'])}, failed: {last['error']}")
    elif is_late(look, "verify"):
        yield bad(f"for {span(since_due(look, 'verify'))} nobody has verified them")
    elif seen["last_success"] is None:
        yield note("not yet due for the first time")
    else:
        new = [name for name, each in (seen.get("repositories") or {}).items() if not each["last_success"]]
        yield note(f"verified {_ago(look, seen['last_success'])}")
        for name in new:
            yield note("is new, and not yet verified", name)


def _ago(look: Look, moment: float) -> str:
    return f"{span(elapsed(look, moment))} ago"


@check(
    "backup.encrypted",
    rows="BKP-14",
    title="The repositories are encrypted, and only the server's user reads the passphrase",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="A backup is the whole database in a handful of files: whoever reads the repository's disk has it "
    "all.",
    remedy="Deploy, which writes both anew. An encryption cannot be added to backups that exist: name a new "
    "stack_backup_repository.",
    source="pgBackRest user guide, Encryption; CIS PostgreSQL 17 Benchmark 8.1",
    reads=("backup",),
    part=POSTGRES,
)
def encrypted(look: Look) -> Iterator[Evidence]:
    for each in readable(look):
        if each["cipher"] in ("", "none"):
            yield bad("is not encrypted", title(each))
        else:
            yield note(each["cipher"], title(each))
    secrets = section(look, "installed")["configured"]["secrets"]
    if secrets is None:
        yield bad("there is no file with the passphrase beside pgbackrest.conf")
    elif secrets["mode"] not in ("0400", "0600"):
        yield bad(f"has the mode {secrets['mode']}, and 0400 is wanted", secrets["path"])
    else:
        yield note(f"mode {secrets['mode']}, user {secrets['uid']}", secrets["path"])


@check(
    "backup.tool",
    rows="IMG-04",
    title="The database's image has pgBackRest, no older than what wrote the backups",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Without it nothing is archived and nothing restored. An older one may not read what a newer has "
    "written.",
    remedy="Build the image anew and deploy: the role postgres installs it from Debian.",
    source="pgBackRest user guide, Upgrading pgBackRest",
    reads=("backup",),
    part=POSTGRES,
)
def tool(look: Look) -> Iterator[Evidence]:
    found = section(look, "installed")
    if not found["tool"]:
        yield bad(f"pgBackRest does not run in the database's image: {found['tool_error']}")
        return
    for each in readable(look):
        newer = sorted(
            {s["version"] for s in each["sets"] if _version(s["version"]) > _version(found["tool"])},
            key=_version,
        )
        if newer:
            yield bad(f"was written by {newer[-1]}, and {found['tool']} is in the image", title(each))
    yield note(f"pgBackRest {found['tool']}")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


@check(
    "backup.before_replace",
    rows="DEP-03",
    title="A good backup is fresh before a deploy changes anything",
    phases=(PREFLIGHT,),
    severity=WARNING,
    why="A new image or a migration that goes wrong is undone by a restore, and what was written since the "
    "backup comes from the WAL alone.",
    remedy="python runner.py backup. A deploy that replaces the database's image takes one by itself, or "
    "refuses.",
    source="ours: the schedule has one each hour; a day without is an accident",
    reads=("backup",),
    thresholds=(Threshold("validation_backup_before_replace_hours", 24, "h", "ours: a day"),),
    part=POSTGRES,
)
def before_replace(look: Look) -> Iterator[Evidence]:
    limit = look.threshold("validation_backup_before_replace_hours") * 3600
    good = [s for each in readable(look) for s in each["sets"] if not s["error"]]
    old = age(look, max((found["stopped"] for found in good), default=None))
    if old is None:
        yield bad("there is no backup yet")
    elif old > limit:
        yield bad(f"the newest good backup is {span(old)} old, and {span(limit)} are allowed")
    else:
        yield note(f"the newest good backup is {span(old)} old")


@check(
    "backup.restore",
    rows="ours",
    title="No restore was left half done",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="While a restore in the database's place is under way no job runs: one that was interrupted and "
    "forgotten ends all backups.",
    remedy="python runner.py restore --resume goes on with it, python runner.py restore --rollback returns "
    "to the old database.",
    source="ours: an hour is longer than a restore of what fits one host should be waited for unseen",
    reads=("backup",),
    thresholds=(
        Threshold("validation_backup_restore_minutes", 60, "min", "ours: then somebody should look"),
    ),
    part=POSTGRES,
)
def restore(look: Look) -> Iterator[Evidence]:
    found = observed(look).get("restore")
    if found and found.get("error"):
        yield bad(found["error"].rstrip("."))
        return
    if not found or not found["touched"]:
        yield note("none is under way")
        return
    old = elapsed(look, found["began"])
    late = old > look.threshold("validation_backup_restore_minutes") * 60
    yield (bad if late else warn)(
        f"a restore has been under way for {span(old)}. {found['says'].rstrip('.')}"
    )


@check(
    "backup.configuration",
    rows="BKP-16",
    title="The backups carry the configuration too",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="WAL and data files hold no postgresql.conf, no pg_hba.conf and no schedule: on a new host the data "
    "would be back, and nobody would know how they were served.",
    remedy="It is written into stanchion.configuration (database postgres) before each backup: python "
    "runner.py backup. Secrets are not in it: python runner.py secrets export.",
    source="PostgreSQL manual, Continuous Archiving, Caveats",
    reads=("backup",),
    part=POSTGRES,
)
def configuration(look: Look) -> Iterator[Evidence]:
    kept = section(look, "configuration")
    if kept["saved"] is None:
        yield bad("was never saved")
        return
    newest = max((s["started"] for each in readable(look) for s in each["sets"]), default=0)
    # What a deploy has changed since comes with the next backup.
    if kept["differs"] and is_late(look, "incr" if "incr" in scheduled(look) else "full"):
        yield bad(f"has changed since it was saved: {', '.join(kept['differs'])}")
    elif kept["saved"] > newest and elapsed(look, kept["saved"]) > _DAY:
        yield bad("was saved after the newest backup")
    else:
        yield note(f"{count(kept['files'], 'file')}, saved {_ago(look, kept['saved'])}")
