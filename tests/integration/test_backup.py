"""Backups after what the scenario did to them: the schedule, what cron did by itself, the archive."""

from __future__ import annotations

import json
import time

from testinfra.host import Host

STACK = "backup-scenario"
DATABASE = f"{STACK}-db"
STATE = f"/var/lib/stanchion/{STACK}"
RECORDS = f"{STATE}/backup/records"
PROGRAM = f"/usr/local/sbin/stanchion-{STACK}"
METRICS = f"{STATE}/backup/metrics/stanchion_backup.prom"


def observe(host: Host) -> dict:
    return json.loads(host.check_output("%s observe", PROGRAM))


def value(host: Host, query: str, database: str = "postgres") -> str:
    return host.check_output("docker exec %s psql -U postgres -XAtd %s -c %s", DATABASE, database, query)


def test_cron_did_it_by_itself(host: Host) -> None:
    """A backup, and the metrics with their canary row: nobody else asks for either here."""
    kept = host.check_output("cat %s/incr-*.json", RECORDS)
    assert '"outcome": "ok"' in kept
    assert "stanchion_backup_canary_timestamp_seconds{" in host.file(METRICS).content_string


def test_the_schedule_is_cron_s(host: Host) -> None:
    file = host.file(f"/etc/cron.d/stanchion-{STACK}")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)
    lines = [line for line in file.content_string.splitlines() if line.startswith(("*", "1"))]
    assert lines == [
        f"* * * * * root {PROGRAM} watch --scheduled",
        f"15 1 * * 0 root {PROGRAM} backup --type full --scheduled",
        f"* * * * * root {PROGRAM} backup --type incr --scheduled",
    ]
    assert host.process.filter(comm="cron")


def test_the_archive_works(host: Host) -> None:
    assert value(host, "SHOW archive_mode") == "on"
    assert value(host, "SHOW archive_timeout") == "1min"
    before = observe(host)["repositories"][0]["wal"]["max"]
    # Where nothing was written, there is nothing to switch, and the segment is one that is still to come.
    segment = value(host, "SELECT pg_walfile_name(pg_logical_emit_message(true, 'test', 'x'))")
    value(host, "SELECT pg_switch_wal()")
    deadline = time.monotonic() + 20
    while (newest := observe(host)["repositories"][0]["wal"]["max"]) < segment:
        assert time.monotonic() < deadline, newest
        time.sleep(0.5)
    assert newest > before


def test_a_new_full_backup_leads_over_the_time_without_an_archive(host: Host) -> None:
    """The scenario's last one was taken when the archive was turned on again."""
    log = host.file(f"{STATE}/backup/log/backup.log").content_string
    assert log.count("full: ok") == 3, log
    assert not host.file(f"{STATE}/backup/archive_off").exists


def test_data_went_through_all_of_it(host: Host) -> None:
    assert value(host, "SELECT word FROM kept", "medication_tracker") == "of the first day"


def test_the_repository_is_encrypted_and_whole(host: Host) -> None:
    held = observe(host)["repositories"][0]
    assert held["code"] == 0
    assert {each["type"] for each in held["sets"]} >= {"full", "incr"}
    assert not any(each["error"] for each in held["sets"])
    assert held["system_identifier"] == value(host, "SELECT system_identifier FROM pg_control_system()")
    folder = host.check_output("docker volume inspect --format {{.Mountpoint}} %s-backup", STACK)
    assert host.file(f"{folder}/backup/{STACK}/backup.info").content.startswith(b"Salted__")


def test_jobs_leave_no_container_behind(host: Host) -> None:
    deadline = time.monotonic() + 20
    while left := host.check_output(
        "docker ps -aq --filter label=io.stanchion.stack=%s --filter label=io.stanchion.one-shot", STACK
    ):
        assert time.monotonic() < deadline, left
        time.sleep(0.5)


def test_nobody_else_reads_the_secrets(host: Host) -> None:
    passphrase = host.file(f"{STATE}/secrets/backup_passphrase")
    assert (passphrase.user, passphrase.mode) == ("root", 0o400)
    secret = passphrase.content_string.strip()
    config = host.file(f"{STATE}/backup/config/conf.d/secrets.conf")
    assert (config.uid, config.mode) == (999, 0o400)
    assert secret in config.content_string
    elsewhere = host.run(
        "grep -rlF %s %s/backup --exclude-dir=conf.d; docker inspect %s | grep -F %s",
        *(secret, STATE, DATABASE, secret),
    )
    assert elsewhere.stdout == ""


def test_a_failure_was_told_and_a_skip_was_not(host: Host) -> None:
    told = host.file("/var/tmp/backup-scenario-failures").content_string
    assert '"outcome": "failed"' in told
    assert "skipped" not in told
