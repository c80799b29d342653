"""Restores: beside the live database, in its place, refused, killed, resumed and rolled back."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from stack import Stack

# Five rows a second, as the application writes them, whatever becomes of the database.
LOAD = """\
while [ -e /run/load ]; do
    row='{"name": "load '$(date +%s%N)'", "dosage": "1"}'
    curl -s -o /dev/null -m 2 -H 'Content-Type: application/json' -d "$row" "$1"
    sleep 0.2
done
"""
# 130 MB that nobody has read: who reads them first marks each page, and no page can be compressed.
FRESH = (
    "CREATE TABLE fresh WITH (autovacuum_enabled = false) AS SELECT "
    + ", ".join(f"sha512('{column}' || i::text::bytea) AS {column}" for column in "abcdefgh")
    + " FROM generate_series(1, 230000) i"
)


def refusal(stack: Stack, *arguments: str) -> str:
    """Run the host's command, insist that it is refused, and return the reason."""
    answer = stack.on_host(*arguments, check=False)
    assert answer.get("exit") == 2, answer
    return str(answer["error"])


def now(stack: Stack) -> str:
    """Return the database's clock, well between what is committed before and after."""
    time.sleep(0.2)
    moment = stack.sql("SELECT clock_timestamp()")
    time.sleep(0.2)
    return moment


def record(stack: Stack) -> dict[str, Any]:
    """Return the record of the database's volume."""
    return json.loads(stack.host.run("cat", f"/var/lib/stanchion/{stack.name}/postgres/volume.json"))


def journal(stack: Stack) -> dict[str, Any] | None:
    """Return the journal of a restore that is not finished."""
    text = stack.host.run("cat", f"/var/lib/stanchion/{stack.name}/backup/restore.json", check=False)
    return json.loads(text) if text else None


def names(stack: Stack) -> set[str]:
    """Return the names of all medications but those of the load."""
    rows = stack.sql("SELECT name FROM medications WHERE name NOT LIKE 'load %'")
    return set(rows.splitlines())


@contextlib.contextmanager
def load(stack: Stack) -> Iterator[None]:
    """Have the application write all the time."""
    stack.host.run("touch", "/run/load")
    process = subprocess.Popen(
        ["docker", "exec", stack.host.container, "sh", "-c", LOAD, "sh", f"{stack.url()}/medications"]
    )
    try:
        yield
    finally:
        stack.host.run("rm", "-f", "/run/load")
        process.wait(timeout=30)


def restored(stack: Stack, *arguments: str) -> dict[str, Any]:
    """Restore in the live database's place, and return the result."""
    run = stack.runner("restore", *arguments, "--no-input", "--format", "json")
    assert run.code == 0, run.text
    stack.remember()
    return run.result


def start_and_kill(stack: Stack, step: str, *arguments: str) -> None:
    """Start a restore and SIGKILL all of it once a step of its journal is done."""

    def done() -> bool:
        left = journal(stack)
        return bool(left and (step in left["done"] or left.get(step)))

    try:
        stack.kill_when(done, "restore", *arguments, "--no-input")
    finally:
        # In the test's own host alone, and of its command alone: sshd keeps what it was told to run.
        stack.host.run("pkill", "-9", "-f", f"stanchion-{stack.name}.pyz restore", check=False)


@pytest.mark.parametrize(
    "kind", ["lsn", "backup", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("xid", "name"))]
)
def test_a_copy_beside_the_database_ends_where_it_was_told(stack: Stack, kind: str) -> None:
    """The row before the target is there, the one after it is not; the live database has both."""
    if kind == "backup":
        stack.on_host("backup", "--type", "incr")
    before = f"before {kind}"
    stack.sql(f"INSERT INTO medications (name, dosage) VALUES ('{before}', '1')")
    value = {
        "lsn": lambda: stack.sql("SELECT pg_current_wal_insert_lsn()"),
        "xid": lambda: stack.sql(f"SELECT xmin FROM medications WHERE name = '{before}'"),
        "name": lambda: stack.sql("SELECT 'here' FROM pg_create_restore_point('here')"),
        "backup": lambda: newest(stack),
    }[kind]()
    stack.sql(f"INSERT INTO medications (name, dosage) VALUES ('after {kind}', '1')")
    copy = stack.on_host("restore", "--to", f"{kind}:{value}")["copy"]["container"]
    try:
        psql = ["docker", "exec", copy, "psql", "-U", "postgres", "-XAtq", "-d", "medication_tracker", "-c"]
        found = stack.host.run(*psql, f"SELECT name FROM medications WHERE name LIKE '% {kind}'").splitlines()
        # A backup alone is as old as its end.
        assert found == ([] if kind == "backup" else [before])
        assert stack.host.run(*psql, "SHOW archive_mode").strip() == "off"
        assert stack.host.inspect(copy)["HostConfig"]["NetworkMode"] == "none"
        assert {before, f"after {kind}"} <= names(stack)
    finally:
        stack.on_host("restore", "--drop", copy)
    assert copy not in stack.host.run("docker", "volume", "ls", "-q")


def newest(stack: Stack) -> str:
    """Return the label of the newest backup."""
    return str(stack.on_host("observe")["repositories"][0]["sets"][-1]["label"])


def test_what_cannot_be_restored_is_refused_with_the_reason_and_the_window(stack: Stack) -> None:
    """Nothing is made, and what could be restored is said. A name that the WAL does not have fails."""
    before = stack.host.run("docker", "volume", "ls", "-q")
    reasons = {
        ("--to", "2026-01-01 12:00:00"): "no zone",
        ("--to", "2020-01-01 12:00:00+00"): "before the end of the first backup",
        ("--to", "2199-01-01 12:00:00+00"): "in the future",
        ("--to", "lsn:0/1"): "can restore: 20",
        ("--to", "lsn:FF/1"): "after the last WAL",
        ("--to", "backup:20200101-000000F"): "no backup 20200101-000000F",
        ("--to", "latest", "--timeline", "99"): "no timeline 99",
        ("--to", "latest", "--from", "repo7"): "no repo7",
        ("--to", "tomorrow"): "none of latest",
    }
    for arguments, reason in reasons.items():
        told = refusal(stack, "restore", *arguments)
        assert reason in told, told
    assert "no restored copy" in refusal(stack, "restore", "--drop", record(stack)["volume"])
    unknown = stack.on_host("restore", "--to", "name:nobody made it", check=False)
    assert "before configured recovery target was reached" in unknown["error"], unknown
    assert stack.host.run("docker", "volume", "ls", "-q") == before
    run = stack.runner("restore", "--to", "2026-01-01 12:00:00")
    assert (run.code, "no zone" in run.text) == (2, True), run.text


def test_a_moment_between_two_rows_under_load_killed_and_a_deploy_changes_nothing(stack: Stack) -> None:
    """Killed with the old database down, when nothing else is done; resumed, the application writes on."""
    first_volume, first_set = record(stack)["volume"], newest(stack)
    with load(stack):
        stack.add_medication("first of one")
        moment = now(stack)
        stack.add_medication("second of one")
        start_and_kill(stack, "halt", "--to", moment, "--replace", stack.name)
        deploy = stack.runner("deploy")
        assert (deploy.code, "restore --resume" in deploy.text) == (2, True), deploy.text
        backup = stack.runner("backup")
        assert (backup.code, "restore --rollback" in backup.text) == (6, True), backup.text
        result = restored(stack, "--resume")
        rows = int(stack.sql("SELECT count(*) FROM medications"))
        time.sleep(1)
        assert int(stack.sql("SELECT count(*) FROM medications")) > rows
    assert {"first of one"} == names(stack) & {"first of one", "second of one"}
    timeline = record(stack)["timeline"]
    assert stack.sql("SHOW archive_mode") == "on"
    assert first_volume in stack.host.run("docker", "volume", "ls", "-q").split()
    closing = result["backups"][-1]["result"]
    assert any("new full backup" in done for done in closing["done"])
    assert closing["old_database"] == "stopped, with all it had committed in the repository"
    assert [each["phase"] for each in result["validations"]] == ["deploy"]
    auto = stack.sql("SELECT count(*) FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'")
    assert auto == "0", "nothing of the restore is left in postgresql.auto.conf"
    assert stack.on_host("watch", "--scheduled")["canary"]
    assert stack.deploy("--no-validate").result["changed"] == 0
    # What lies between is on the old timeline, and the way there is said.
    assert f"--timeline {timeline - 1}" in refusal(stack, "plan", "--to", moment)
    along = ("--to", "latest", "--timeline", str(timeline - 1), "--set", first_set)
    copy = stack.on_host("restore", *along)
    assert copy["set"]["label"] == first_set
    psql = ["docker", "exec", copy["copy"]["container"], "psql", "-U", "postgres", "-XAtq"]
    asked = "SELECT count(*) FROM medications WHERE name = 'second of one'"
    assert stack.host.run(*psql, "-d", "medication_tracker", "-c", asked).strip() == "1"
    stack.on_host("restore", "--drop", copy["copy"]["container"])
    assert stack.runner("restore", "--drop-volume", first_volume).code == 0
    assert first_volume not in stack.host.run("docker", "volume", "ls", "-q").split()
    assert stack.runner("restore", "--drop-volume", record(stack)["volume"]).code == 2
    stack.remember()


@pytest.mark.long
def test_a_restored_database_is_restored_again(stack: Stack) -> None:
    """Twice in one go, by moments: each restore begins a timeline, and holds what the one before it held."""
    for number in ("one", "two"):
        timeline = record(stack)["timeline"]
        with load(stack):
            stack.add_medication(f"kept of {number}")
            moment = now(stack)
            stack.add_medication(f"dropped of {number}")
            restored(stack, "--to", moment, "--replace", stack.name)
        assert record(stack)["timeline"] == timeline + 1
    of_this = {f"{what} of {number}" for what in ("kept", "dropped") for number in ("one", "two")}
    assert names(stack) & of_this == {"kept of one", "kept of two"}


def extensions(stack: Stack) -> dict[str, str]:
    """Return the extensions of each database."""
    asked = "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension"
    return {name: stack.sql(asked, name) for name in ("medication_tracker", "postgres", "template1")}


@pytest.mark.long
def test_the_newest_state_killed_twice_resumed_and_rolled_back(stack: Stack) -> None:
    """Killed with the old database down, and with the application let in to what was read whole.

    The old database returns with every row, once it was named what is lost; the next backup is good.
    """
    before, there = record(stack), extensions(stack)
    stack.sql(FRESH, "postgres")
    stack.add_medication("kept by the roll-back")
    start_and_kill(stack, "halt", "--to", "latest", "--replace", stack.name, "--deep")
    assert stack.curl("/medications")[0] == 0
    start_and_kill(stack, "opened", "--resume")
    left = journal(stack)
    assert left is not None
    assert left["facts"]["deep"]
    # The copy is the database now: more WAL of its timeline than a server keeps, and no trace of the look.
    assert record(stack)["volume"] == left["name"] != before["volume"]
    assert "kept by the roll-back" in names(stack)
    assert extensions(stack) == there
    refused = stack.runner("restore", "--rollback", "--no-input")
    assert (refused.code, f"--discard-writes {left['name']}" in refused.text) == (2, True), refused.text
    restored(stack, "--rollback", "--discard-writes", left["name"])
    after = record(stack)
    assert (after["volume"], after["timeline"]) == (before["volume"], before["timeline"])
    assert "kept by the roll-back" in names(stack)
    stack.sql("DROP TABLE fresh", "postgres")
    assert journal(stack) is None
    stack.on_host("backup", "--type", "incr")
    assert stack.deploy().result["changed"] == 0
    # The newest moment, along the timeline that the database is on.
    copy = stack.on_host("restore", "--to", "latest")
    assert copy["timeline"] == before["timeline"]
    stack.on_host("restore", "--drop", copy["copy"]["container"])
    assert stack.runner("restore", "--drop-volume", left["name"]).code == 0
    stack.remember()


@pytest.mark.long
def test_a_lost_volume_comes_back_with_all_that_was_archived(stack: Stack) -> None:
    """The runbook's case: the container and its volume are gone, and nothing more can be archived.

    What the checks find then is told, and keeps nobody from the new backup.
    """
    stack.add_medication("archived before the loss")
    segment = stack.sql("SELECT pg_walfile_name(pg_switch_wal())")
    deadline = time.monotonic() + 60
    while stack.sql("SELECT last_archived_wal FROM pg_stat_archiver") < segment:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    volume = record(stack)["volume"]
    stack.host.run("docker", "rm", "--force", f"{stack.name}-db")
    stack.host.run("docker", "volume", "rm", volume)
    find = ("-e", "validation_environment_secret_length=1000", "--no-input", "--format", "json")
    run = stack.runner("restore", "--to", "latest", "--replace", stack.name, *find)
    assert (run.code, run.result["status"]) == (1, "unsafe"), run.text
    failed = [each for each in run.result["validations"][-1]["findings"] if each["outcome"] == "fail"]
    assert [each["slug"] for each in failed] == ["environment.secret_files"]
    closing = run.result["backups"][-1]["result"]
    assert closing["old_database"] == "its volume is gone, with what was not archived"
    assert any("new full backup" in done for done in closing["done"])
    assert "archived before the loss" in names(stack)
    assert record(stack)["volume"] != volume
