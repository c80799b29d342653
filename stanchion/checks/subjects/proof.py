"""Proved restores: how old, of which backups, of what, and how long and how much they would have cost."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.backup_view import age, elapsed, observed, readable, scheduled, section, title
from stanchion.checks.container import BACKEND, POSTGRES
from stanchion.checks.look import Look, Row
from stanchion.checks.model import Evidence, SkipError, bad, note, warn
from stanchion.checks.registry import CRITICAL, RUNTIME, WARNING, Threshold, check
from stanchion.checks.words import count, span

# Rows of the application are in these; Alembic's table has one for any of them.
_OF_THE_APPLICATION = ("table ", "sql ")
_VERSIONS = "alembic_version"
_DAY = 86400
_RUN = "Run a drill: python runner.py drill."
_RED = (
    "Read docs/runbooks/drill.md for the assertion that is named, and /var/lib/stanchion/NAME/backup/records "
    "for all of the last drill. When the cause is mended: python runner.py drill."
)


def _each(look: Look) -> Iterator[tuple[str, Row]]:
    """Return how the drills went, of each repository with its name where there are several."""
    drills = section(look, "drills")
    several = drills.get("repositories") or {}
    yield from several.items() if len(several) > 1 else [("", drills)]


def _lasts(look: Look) -> list[tuple[str, Row]]:
    """Return the record of the last drill that was made, of each repository.

    Raises:
        SkipError: there was none yet; proof.age tells that.
    """
    found = [(name, each["last"]) for name, each in _each(look) if each["last"] is not None]
    if not found:
        raise SkipError("no drill has been made yet: proof.age tells since when one is due")
    return found


def _of(repository: str, what: str) -> str:
    return f"{repository}, {what}" if repository else what


@check(
    "proof.age",
    rows="RST-01",
    title="A restore was proved lately",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="A backup that was never restored is a hope. What has changed since the last proof (an image, a key, "
    "a disk) is not proved.",
    remedy=_RUN + " See schedule.jobs where the weekly one was not made.",
    source="ours: the drill is weekly, so ten days are one that was missed, and a month is nobody looking",
    reads=("backup",),
    thresholds=(
        Threshold("validation_proof_days_warning", 10, "d", "ours: the weekly drill was missed"),
        Threshold("validation_proof_days", 30, "d", "ours: four were missed"),
    ),
    part=POSTGRES,
)
def proof_age(look: Look) -> Iterator[Evidence]:
    for name, drills in _each(look):
        yield from _age(look, name, drills)


def _age(look: Look, name: str, drills: Row) -> Iterator[Evidence]:
    first, most = (
        look.threshold(limit) * _DAY for limit in ("validation_proof_days_warning", "validation_proof_days")
    )
    last, old = drills["last"], age(look, drills["last_success"])
    if last is not None and last["outcome"] == "failed":
        ago = span(elapsed(look, last["ended"]))
        yield bad(f"the last drill, {ago} ago, proved nothing: {last['error']}", name)
    if old is None:
        since = age(look, section(look, "installed").get("cron_since"))
        level = bad if since is not None and since > most else warn
        yield level(f"no restore of {'it' if name else 'this stack'} was ever proved", name)
    elif old > first:
        yield (bad if old > most else warn)(f"the last proved restore is {span(old)} old", name)
    else:
        yield note(f"the last proved restore is {span(old)} old, {_rate(drills)}", name)


def _rate(drills: Row) -> str:
    success = drills["success"]
    return f"{success['ok']} of {success['of']} drills proved"


@check(
    "proof.coverage",
    rows="RST-01",
    title="The backups that are kept were proved",
    phases=(RUNTIME,),
    severity=WARNING,
    why="A proof is of one backup and of the WAL after it. The others may lack a file that nobody has read.",
    remedy=_RUN + " It prefers what is not proved yet; --set LABEL chooses. What lies on a timeline that a "
    "restore has left is no drill's to prove, and only noted: restore --to backup:LABEL makes a copy of it.",
    source="ours: coverage = backups restored and proved / backups kept. A full one has to be restored, "
    "itself or with one that leans on it: that reads a part of it, and does not count as its proof",
    reads=("backup",),
    part=POSTGRES,
)
def coverage(look: Look) -> Iterator[Evidence]:
    drills = section(look, "drills")
    weekly = scheduled(look).get("drill")
    left = section(look, "abandoned")
    for each in readable(look):
        abandoned = left.get(f"repo{each['key']}", [])
        held = drills["coverage"].get(
            f"repo{each['key']}", {"proved": 0, "kept": len(each["sets"]), "labels": []}
        )
        text = f"{held['proved']} of {count(held['kept'], 'backup')} proved"
        read = {
            label for found in each["sets"] if found["label"] in held["labels"] for label in found["needs"]
        }
        # One that came after the last drill gets its turn in the next.
        due = weekly["period"] + _DAY if weekly else 0.0
        old = [
            found["label"]
            for found in each["sets"]
            if found["type"] == "full"
            and found["label"] not in {*held["labels"], *read, *abandoned}
            and elapsed(look, found["stopped"]) > due
        ]
        if old:
            yield bad(f"{text}; not proved: {', '.join(old)}", title(each))
        elif part := sorted(read - set(held["labels"])):
            yield note(f"{text}; of {', '.join(part)} only what did not change since was read", title(each))
        else:
            yield note(text, title(each))
        if abandoned:
            yield note(
                f"on a timeline that a restore has left, and not drilled: {', '.join(abandoned)}", title(each)
            )


@check(
    "proof.complete",
    rows="RST-02",
    title="The last drill has asked everything, and everything was well",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="A restore that starts proves that files are there. Whether they hold the state of that moment, "
    "whole and readable by the application, is what the assertions ask.",
    remedy=_RED,
    source="CloudNativePG's own tests of backups (rows before and after the target); pgbackrest_auto "
    "(pg_checksums, amcheck, dump); ours: the backend beside the copy. A warning where this host has a "
    "backend and it was not asked, no page has a checksum, or nothing of the application was compared",
    reads=("backup",),
    part=POSTGRES,
)
def complete(look: Look) -> Iterator[Evidence]:
    for name, last in _lasts(look):
        yield from _asked(look, name, last)


def _asked(look: Look, name: str, last: Row) -> Iterator[Evidence]:
    asked = last.get("assertions") or []
    for each in asked:
        if each["ok"] is False:
            yield bad(_told(each), _of(name, each["name"]))
        elif each["ok"] is None:
            level = warn if _is_missed(look, each) else note
            yield level(f"not asked: {each['reason']}", _of(name, each["name"]))
    rows = [each for each in asked if _is_of_the_application(each["name"])]
    if rows and all(each["ok"] is None for each in rows):
        yield warn(
            "no row of the application was compared: each table changed meanwhile, or is too large. Ask for "
            "what does not change in backup_assertions, or raise backup_sentinel_size",
            name,
        )
    if last["outcome"] != "ok" and not any(each["ok"] is False for each in asked):
        yield bad(f"it ended before its assertions: {last['error']}", name)
    well = sum(each["ok"] is True for each in asked)
    yield note(f"{well} of {count(len(asked), 'assertion')} held, in {span(last['seconds'])}", name)


def _is_missed(look: Look, assertion: Row) -> bool:
    """Say whether one that was not asked leaves a hole in the proof that nobody has chosen."""
    if assertion["name"] == "backend":
        return look.has(BACKEND) and "backup_read_path" not in assertion["reason"]
    return bool(assertion["name"] == "page checksums")


def _is_of_the_application(name: str) -> bool:
    return name.startswith(_OF_THE_APPLICATION) and not name.endswith(_VERSIONS)


def _told(assertion: Row) -> str:
    if assertion.get("reason"):
        return str(assertion["reason"])
    return f"expected {assertion['expected']}, seen {assertion['seen']}"


@check(
    "proof.amcheck",
    rows="INT-03",
    title="Tables and indexes of the restored copy are whole",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="An index that misses rows gives wrong answers in silence. pg_amcheck with all its options may only "
    "be run on a copy, as it locks writers out.",
    remedy="REINDEX what is named, in the live database, and drill again. A broken heap is restored: python "
    "runner.py restore.",
    source="PostgreSQL manual, pg_amcheck --heapallindexed --parent-check",
    reads=("backup",),
    part=POSTGRES,
)
def amcheck(look: Look) -> Iterator[Evidence]:
    for name, last in _lasts(look):
        found = [each for each in last.get("assertions") or [] if "amcheck" in each["name"]]
        if not found:
            yield bad("the last drill did not get as far as pg_amcheck", name)
        for each in found:
            level, text = (note, "nothing was found") if each["ok"] is True else (bad, _told(each))
            yield level(text, _of(name, each["name"]))


@check(
    "proof.rto",
    rows="RST-03",
    title="The measured restore is within backup_rto",
    phases=(RUNTIME,),
    severity=WARNING,
    why="How long a restore takes is known before it is needed, or learned while everybody waits.",
    remedy="Raise backup_rto, or make it faster: backup_processes, a faster disk for the repository, full "
    "backups more often (less WAL to replay). The record of the drill has every phase.",
    source="CloudNativePG, Regularly test restoring; ours: the last drill",
    reads=("backup",),
    part=POSTGRES,
)
def rto(look: Look) -> Iterator[Evidence]:
    objective = float(section(look, "objectives")["rto"])
    for name, last in _lasts(look):
        until = " until the database served; no backend was asked" if last.get("rto_to") == "database" else ""
        yield _measured(last.get("rto_seconds"), objective, f"{until}, backup_rto", name)


@check(
    "proof.rpo",
    rows="RST-03",
    title="The measured loss of data is within backup_rpo",
    phases=(RUNTIME,),
    severity=WARNING,
    why="What the repository did not hold yet would have been lost with the host.",
    remedy="Lower stack_archive_timeout, or raise backup_rpo; see archive.fresh for a repository that is "
    "behind.",
    source="ours: the start of the last drill minus the newest row that the repository held then",
    reads=("backup",),
    part=POSTGRES,
)
def rpo(look: Look) -> Iterator[Evidence]:
    objective = float(section(look, "objectives")["rpo"])
    for name, last in _lasts(look):
        yield _measured(last.get("rpo_seconds"), objective, ", backup_rpo", name)


def _measured(seconds: float | None, objective: float, which: str, name: str) -> Evidence:
    if seconds is None:
        return bad("the last drill ended before it was measured", name)
    text = f"{span(seconds)} measured{which} is {span(objective)}"
    return (bad if seconds > objective else note)(text, name)


def _restorable(look: Look, canary: Row, repo: str) -> float | None:
    """Return the moment up to which everything is in a repository; None where it holds no row.

    After a while in which no row was written, because the database was away, the newest row that it holds is
    old, and nothing lies in between: the oldest row that it does not hold tells. Before that row, at most an
    archive timeout is not there either.
    """
    held: float | None = canary["restorable"].get(repo)
    pending: float | None = canary["pending"].get(repo)
    if held is None or pending is None:
        return held
    return max(held, pending - float(look.stack["archive_timeout"]))


@check(
    "proof.window",
    rows="RST-04",
    title="The last restorable moment is younger than backup_rpo",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="Between that moment and now lies what would be lost if the host were gone this minute.",
    remedy="See archive.fresh where WAL does not arrive, and schedule.metrics where the rows stop: then "
    "stanchion-NAME watch, which cron runs each minute.",
    source="ours: the newest row of stanchion.canary in a repository, and the oldest that is in none; within "
    "two archive timeouts and the writer's minute it cannot be younger",
    reads=("backup",),
    part=POSTGRES,
)
def window(look: Look) -> Iterator[Evidence]:
    canary = section(look, "canary")
    objective = float(observed(look)["objectives"]["rpo"])
    # A row is a minute old at worst, then waits for the switch: less than that cannot be asked for.
    limit = max(objective, 2 * float(look.stack["archive_timeout"]) + 60)
    for each in readable(look):
        old = age(look, _restorable(look, canary, f"repo{each['key']}"))
        if old is None:
            yield bad("holds no row: no moment is known to be restorable", title(each))
        elif old > limit:
            yield bad(
                f"the last restorable moment is {span(old)} ago, {span(limit)} are allowed", title(each)
            )
        else:
            yield note(f"the last restorable moment is {span(old)} ago", title(each))
