"""The archive, the backups, their schedule and their proofs."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator

from stack import Stack

from fires.fire import Broken, Fire, by_shell, by_sql

STATE = "/var/lib/stanchion/{stack}/backup"
CONFIG = f"{STATE}/config/pgbackrest.conf"
CRON = "/etc/cron.d/stanchion-{stack}"
WATCH = "/etc/cron.d/stanchion-{stack}-recovery"
REPOSITORY = "/var/lib/docker/volumes/{stack}-backup/_data"
# In the database's container, whose root it may not write to itself.
PROGRAM = "$(docker inspect --format '{{.GraphDriver.Data.MergedDir}}' {stack}-db)/usr/bin/pgbackrest"
# More than validation_archive_ready.
WAITING = 12


@contextlib.contextmanager
def unarchived(stack: Stack) -> Iterator[None]:
    """A server that archives nothing, and has a dozen segments to archive."""
    settings = f"/var/lib/stanchion/{stack.name}/postgres/config/postgresql.conf"
    psql = ["docker", "exec", "-i", f"{stack.name}-db", "psql", "-U", "postgres", "-XAtq", "-d", "postgres"]
    reload = "SELECT pg_reload_conf();\nSELECT pg_sleep(0.5);\n"
    # Each its own transaction: a segment is switched only once something is in it.
    switches = "SELECT pg_logical_emit_message(true, 'x', 'x'); SELECT pg_switch_wal();\n" * WAITING
    stack.host.run(f"/usr/local/sbin/stanchion-{stack.name}", "watch")
    stack.host.run("cp", "-p", settings, "/run/postgresql.kept")
    stack.host.run("sh", "-euc", f"echo \"archive_command = ''\" >> {settings}")
    try:
        stack.host.run(*psql, stdin=reload)
        stack.host.run(f"/usr/local/sbin/stanchion-{stack.name}", "watch")
        stack.host.run(*psql, stdin=switches.replace("; ", ";\n"))
        time.sleep(3)
        yield
    finally:
        stack.host.run("cp", "-p", "/run/postgresql.kept", settings)
        stack.host.run(*psql, stdin=reload)
        stack.host.run(f"/usr/local/sbin/stanchion-{stack.name}", "settle")


@contextlib.contextmanager
def impatient(stack: Stack) -> Iterator[None]:
    """A schedule of one job, which is due each second, as far as the command knows."""
    path = f"{STATE.format(stack=stack.name)}/settings.json"
    settings = json.loads(stack.host.run("cat", path))
    settings["schedule"] = {"incr": {"cron": "* * * * *", "period": 1}}
    stack.host.run("cp", "-p", path, "/run/settings.kept")
    stack.host.run("sh", "-c", f"cat > {path}", stdin=json.dumps(settings))
    try:
        yield
    finally:
        stack.host.run("cp", "-p", "/run/settings.kept", path)


@contextlib.contextmanager
def failed_drill(stack: Stack) -> Iterator[None]:
    """The record of a drill in which nothing held, and none of one that was well."""
    folder = f"{STATE.format(stack=stack.name)}/records"
    wrong = [
        {"name": name, "ok": False, "expected": 1, "seen": 2, "reason": ""}
        for name in ("marker b", "amcheck")
    ]
    now = time.time()
    record = {
        "stack": stack.name,
        "job": "drill",
        "outcome": "failed",
        "exit": 1,
        "error": "marker b is there",
        "started": now - 9,
        "ended": now,
        "seconds": 9.0,
        "repo": "repo1",
        "assertions": wrong,
        "rpo_seconds": 7200.0,
        "rto_seconds": 7200.0,
    }
    keep = f"mkdir -p /run/drills; for f in {folder}/drill-*; do [ ! -e $f ] || mv $f /run/drills; done"
    stack.host.run("sh", "-euc", keep)
    stack.host.run("sh", "-c", f"cat > {folder}/drill-made.json", stdin=json.dumps(record))
    try:
        yield
    finally:
        put_back = f"rm {folder}/drill-made.json; mv /run/drills/* {folder}; rmdir /run/drills"
        stack.host.run("sh", "-euc", put_back)


@contextlib.contextmanager
def half_restored(stack: Stack) -> Iterator[None]:
    """The journal of a restore that was interrupted two hours ago."""
    path = f"{STATE.format(stack=stack.name)}/restore.json"
    journal = {
        "stack": stack.name,
        "began": time.time() - 7200,
        "asked": "latest",
        "request": {},
        "name": f"{stack.name}-restore-made",
        "old": {"volume": f"{stack.name}-pgdata"},
        "steps": ["halt", "copy", "hand_over"],
        "touched": True,
    }
    stack.host.run("sh", "-c", f"cat > {path}", stdin=json.dumps(journal))
    try:
        yield
    finally:
        stack.host.run("rm", path)


def in_configuration(name: str, do: str) -> Broken:
    """Change pgbackrest.conf by sed, which keeps owner and mode."""
    kept = f"/run/pgbackrest.{name}"
    return by_shell(f"cp -p {CONFIG} {kept}; sed -i '{do}' {CONFIG}", f"cp -p {kept} {CONFIG}")


ALL = "backups"
TOOLLESS = "no pgbackrest"

# What is broken first is put back last: a backup can be taken again only once WAL is archived.
FIRES = [
    Fire(
        "schedule.skipped",
        ALL,
        by_shell(
            f"flock {STATE}/job.lock sh -c 'for i in 1 2 3; do"
            " /usr/local/sbin/stanchion-{stack} backup --type incr --scheduled; done'",
            "/usr/local/sbin/stanchion-{stack} backup --type incr",
        ),
        r"incr: skipped 3 times in a row",
    ),
    Fire("archive.mode", ALL, unarchived, r"archive_command: is empty"),
    Fire(
        "archive.fresh",
        ALL,
        None,
        r"repo1 .*: does not hold what was written .* ago, allowed are 2 s",
        variables={"stack_archive_timeout": 1},
    ),
    Fire("archive.waiting", ALL, None, r"1\d segments of WAL, the oldest for"),
    Fire(
        "archive.timeout",
        ALL,
        None,
        r"archive_timeout: is 60 s, and 30 s are the most",
        variables={"validation_archive_timeout": 30},
    ),
    Fire(
        "archive.gap",
        ALL,
        by_shell(
            f"f=$(ls {REPOSITORY}/archive/{{stack}}/*/*/*-*.zst | sort | tail -2 | head -1);"
            " echo $f > /run/segment.path; mv $f /run/segment.kept",
            "mv /run/segment.kept $(cat /run/segment.path)",
        ),
        r"repo1 .*: WAL segment \w+ is missing",
    ),
    Fire(
        "archive.one_writer",
        ALL,
        by_shell(
            f"f=$(ls {REPOSITORY}/archive/{{stack}}/*/*/*-*.zst | tail -1); d=${{f%/*/*}}/000000FE00000000;"
            " mkdir -m 755 $d; cp $f $d/000000FE00000000000000FE-${f##*-}; echo $d > /run/foreign.path",
            "rm -r $(cat /run/foreign.path)",
        ),
        r"repo1 .*: 000000FE00000000000000FE came .* ago, and is not of the live timeline",
    ),
    Fire(
        "archive.queue_max",
        ALL,
        in_configuration("queue", r"/^\[global\]/a archive-push-queue-max=1MB"),
        r"past 1MB WAL is dropped: 0\.\d h",
    ),
    Fire(
        "backup.retention",
        ALL,
        in_configuration("retention", "/^repo1-retention-full=/d"),
        r"has no retention",
    ),
    Fire(
        "backup.page_errors",
        ALL,
        in_configuration("pages", r"/^\[global\]/a checksum-page=n"),
        r"checksum-page is off",
    ),
    Fire(
        "backup.encrypted",
        ALL,
        by_shell(
            f"chmod 0644 {STATE}/config/conf.d/secrets.conf", f"chmod 0400 {STATE}/config/conf.d/secrets.conf"
        ),
        r"has the mode 0644",
    ),
    Fire(
        "backup.configuration",
        ALL,
        by_sql(
            "ALTER TABLE stanchion.configuration RENAME TO kept",
            "DROP TABLE IF EXISTS stanchion.configuration;"
            " ALTER TABLE stanchion.kept RENAME TO configuration",
            "postgres",
        ),
        r"was never saved",
    ),
    Fire("backup.restore", ALL, half_restored, r"under way for 2 h.*the old database is being stopped"),
    Fire("schedule.jobs", ALL, impatient, r"incr: has not been done for"),
    Fire("backup.age", ALL, None, r"the newest backup is .* old, allowed are 2 s"),
    Fire(
        "backup.full_age",
        ALL,
        None,
        r"the newest full backup is .* old, allowed are 0 s",
        variables={"validation_backup_full_days": 0},
    ),
    Fire("backup.verified", ALL, None, r"nobody reads the backups"),
    Fire(
        "schedule.installed",
        ALL,
        by_shell(f"cp -p {CRON} /run/cron.kept; echo '# by hand' >> {CRON}", f"cp -p /run/cron.kept {CRON}"),
        r"is not as it was written, added: # by hand",
    ),
    Fire(
        "schedule.watch",
        ALL,
        by_shell(
            f"cp -p {WATCH} /run/watch.kept; sed -i 's/^[*]/# &/' {WATCH}", f"cp -p /run/watch.kept {WATCH}"
        ),
        r"is not as it was written, missing: [*] [*] [*] [*] [*] root",
    ),
    Fire("schedule.cron", ALL, by_shell("service cron stop", "service cron start"), r"no cron runs"),
    Fire(
        "schedule.metrics",
        ALL,
        by_sql(
            "UPDATE stanchion.canary SET t = t - interval '10 min'",
            "UPDATE stanchion.canary SET t = t + interval '10 min'",
            "postgres",
        ),
        r"the canary row is 1\d min old",
    ),
    Fire("proof.window", ALL, None, r"the last restorable moment is 1\d min ago"),
    Fire("proof.age", ALL, failed_drill, r"proved nothing: marker b is there"),
    Fire("proof.coverage", ALL, None, r"0 of \d+ backups? proved; not proved: \d+-\d+F"),
    Fire("proof.complete", ALL, None, r"marker b: expected 1, seen 2"),
    Fire("proof.amcheck", ALL, None, r"amcheck: expected 1, seen 2"),
    Fire("proof.rto", ALL, None, r"2 h measured, backup_rto is"),
    Fire("proof.rpo", ALL, None, r"2 h measured, backup_rpo is"),
    Fire(
        "backup.tool",
        TOOLLESS,
        by_shell(f"mv {PROGRAM} {PROGRAM}.kept", f"mv {PROGRAM}.kept {PROGRAM}"),
        r"pgBackRest does not run in the database's image",
    ),
    Fire("backup.repository", TOOLLESS, None, r"repo1 .*pgbackrest"),
    Fire(
        "backup.declared",
        "no backups",
        None,
        r"stack_backup is false",
        variables={"stack_backup": False},
    ),
    Fire(
        "backup.before_replace",
        "next image",
        None,
        r"the newest good backup is .* old, and 0 s are allowed",
        variables={"validation_backup_before_replace_hours": 0},
        phase="preflight",
    ),
]
