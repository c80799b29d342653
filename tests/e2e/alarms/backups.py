"""Archive, backups and proofs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from fires.backups import failed_drill, half_restored, unarchived
from fires.fire import Broken, by_shell, by_sql
from stack import Stack

from alarms.alarm import Alarm
from alarms.host import REPOSITORY

ARCHIVE, REPO, RECORDS, OLD = "no archive", "no repository", "records", "old"
COMMAND = "/usr/local/sbin/stanchion-{stack}"
# The repositories are asked each five minutes; without what was seen last, at once.
LOOK = f"rm -f /var/lib/stanchion/{{stack}}/backup/metrics/picture.json; {COMMAND} watch > /dev/null"
SWITCH = (
    "docker exec {stack}-db psql -U postgres -Xq -c \"SELECT pg_logical_emit_message(true, 'x', 'x')\""
    " -c 'SELECT pg_switch_wal()' > /dev/null"
)


def seen(broken: Broken) -> Broken:
    """Have the backups' job look while it is broken, and once it is not."""

    @contextlib.contextmanager
    def both(stack: Stack) -> Iterator[None]:
        look = LOOK.replace("{stack}", stack.name)
        try:
            with broken(stack):
                stack.host.run("sh", "-euc", look)
                yield
        finally:
            stack.host.run("sh", "-euc", look)

    return both


@contextlib.contextmanager
def late(stack: Stack) -> Iterator[None]:
    """A schedule of two jobs that are due each second, as far as the command knows."""
    path = f"/var/lib/stanchion/{stack.name}/backup/settings.json"
    settings = json.loads(stack.host.run("cat", path))
    due = {"cron": "* * * * *", "period": 1}
    settings["schedule"] = {"incr": due, "verify": due}
    stack.host.run("cp", "-p", path, "/run/settings.kept")
    stack.host.run("sh", "-c", f"cat > {path}", stdin=json.dumps(settings))
    try:
        yield
    finally:
        stack.host.run("cp", "-p", "/run/settings.kept", path)


@contextlib.contextmanager
def nothing_may_be_older(stack: Stack) -> Iterator[None]:
    """Thresholds that the real ages of backup and proof have passed."""
    stack.with_variables(validation_backup_full_days=0.00005, validation_proof_days_warning=0.00005).deploy(
        "--no-validate"
    )
    try:
        yield
    finally:
        stack.deploy("--no-validate")


ALARMS = [
    Alarm("ArchiveBehind", ARCHIVE, "archiving is off, and a dozen segments wait", seen(unarchived)),
    Alarm(
        "RecoveryPointOverTarget",
        ARCHIVE,
        "the rows that tell the restorable moment are made ten minutes older",
        seen(
            by_sql(
                "UPDATE stanchion.canary SET t = t - interval '10 min'",
                "UPDATE stanchion.canary SET t = t + interval '10 min'",
                "postgres",
            )
        ),
        "repo1",
    ),
    Alarm(
        "RepositoryDown",
        REPO,
        "the repository is moved away",
        seen(
            by_shell(
                f"mkdir {REPOSITORY}/away; mv {REPOSITORY}/archive {REPOSITORY}/backup {REPOSITORY}/away;"
                f" {SWITCH}; ! {COMMAND} backup --type incr",
                f"mv {REPOSITORY}/away/* {REPOSITORY}; rmdir {REPOSITORY}/away;"
                f" {COMMAND} settle > /dev/null; {COMMAND} backup --type incr",
            )
        ),
        "repo1",
    ),
    Alarm("ArchiveFailing", REPO, "the same, and a segment is due"),
    Alarm("BackupFailed", REPO, "the same, and a backup is tried", of="incr"),
    Alarm(
        "VerifyFailed",
        RECORDS,
        "a file of the repository is cut short, and verified",
        seen(
            by_shell(
                f"f=$(ls {REPOSITORY}/backup/{{stack}}/*F/bundle/1); echo $f > /run/bundle.path; cp -p $f "
                f"/run/bundle.kept;"
                f" truncate -s -100 $f; ! {COMMAND} verify",
                f"cp -p /run/bundle.kept $(cat /run/bundle.path); {COMMAND} verify",
            )
        ),
    ),
    Alarm("DrillFailed", RECORDS, "the record of a drill in which nothing held", seen(failed_drill)),
    Alarm("RecoveryTimeOverTarget", RECORDS, "the same, and it took two hours"),
    Alarm("BackupMissed", RECORDS, "a schedule in which a backup is due each second", seen(late), "incr"),
    Alarm("JobMissed", RECORDS, "the same of another job", of="verify"),
    Alarm(
        "RestoreUnfinished",
        "half a restore",
        "the journal of a restore that was interrupted",
        seen(half_restored),
    ),
    Alarm(
        "BackupTooOld", OLD, "its real age passes a threshold of four seconds", nothing_may_be_older, "repo1"
    ),
    Alarm("ProofTooOld", OLD, "the same of the last drill"),
]
