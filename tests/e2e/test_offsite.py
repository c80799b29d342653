"""A second repository off the host, over SFTP to a real OpenSSH server; and a host that is lost."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from machines import MACHINE
from sftp import Server
from stack import Host, Run, Stack

STATE = "/var/lib/stanchion/medication-tracker"
SECRETS = f"{STATE}/secrets"
COMMAND = "stanchion-medication-tracker"
# What a lost host's database is compared by: all that a drill compares a copy by.
FACTS = f"""\
import json, pathlib, sys
sys.path.insert(0, "{STATE}/backup/{COMMAND}.pyz")
from stanchion_backup import settings
from stanchion_backup.restored import facts
from stanchion_backup.host.database import Database
known = settings.load(pathlib.Path("{STATE}/backup/settings.json"))
print(json.dumps(facts.read(lambda name: Database(known.container, name), known)))
"""
# Until its standard input ends: every command line, and every other second all containers.
SAMPLE = """\
import pathlib, select, shutil, subprocess, sys
seen, passed = set(), 0
while not select.select([sys.stdin], [], [], 0.1)[0]:
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            seen.add(path.read_bytes().replace(b"\\0", b" ").decode(errors="replace"))
        except OSError:
            pass
    if passed % 20 == 0 and shutil.which("docker"):
        names = subprocess.run(["docker", "ps", "-aq"], capture_output=True, text=True).stdout.split()
        told = subprocess.run(["docker", "inspect", *names], capture_output=True, text=True).stdout
        seen.update(told.splitlines())
    passed += 1
print("\\n".join(sorted(seen)))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(MACHINE.removesuffix("-e2e") + "-sftp")
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def password_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vault") / "password"
    path.write_text("only for this test\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def declared(first_stack: Stack, first_deploy: Run, server: Server) -> Stack:
    """The stack with a second repository, not deployed yet."""
    return first_stack.with_variables(stack_backup_offsite=server.declared())


@pytest.fixture(scope="module")
def seen_at_export() -> list[str]:
    """What could be seen while secrets were exported."""
    return []


@pytest.fixture(scope="module")
def exported(declared: Stack, server: Server, password_file: Path, seen_at_export: list[str]) -> Path:
    """The stack's secrets, handed over before the deploy that needs them."""
    early = declared.runner("deploy")
    assert early.code == 2, early.text
    assert "its passphrase would be on this host alone" in early.text
    path = password_file.parent / "vault.yml"
    with sampled(declared.host) as seen:
        done = declared.runner(
            "secrets export", "--to", str(path), "--vault-password-file", str(password_file)
        )
    seen_at_export += seen
    assert done.code == 0, done.text
    server.let_in(declared.host.run("ssh-keygen", "-y", "-f", f"{SECRETS}/backup_sftp_key"))
    return path


@pytest.fixture(scope="module")
def offsite(first_stack: Stack, declared: Stack, exported: Path) -> Stack:
    """The stack with both repositories, deployed.

    After a restore in place: the second one is opened when its database's timeline has long begun.
    """
    if first_stack.sql("SELECT timeline_id FROM pg_control_checkpoint()") == "1":
        done = first_stack.runner("restore", "--to", "latest", "--replace", first_stack.name, "--no-input")
        assert done.code == 0, done.text
    declared.deploy()
    return declared


def facts_of(stack: Stack) -> dict[str, Any]:
    """Return what a copy of the database must have in common with it, on another host as well.

    There each role's password is set anew, to the same: its verifier, whose salt is another, is left out.
    """
    facts: dict[str, Any] = stack.host.python(FACTS)
    facts["roles"] = {role: [*about[:9], *about[10:]] for role, about in facts["roles"].items()}
    assert facts["table public.ledger"]["rows"] == 20000
    return facts


def repositories(stack: Stack) -> dict[str, dict[str, Any]]:
    return {f"repo{each['key']}": each for each in stack.on_host("observe")["repositories"]}


def secrets_of(stack: Stack) -> list[str]:
    """Return what must be nowhere: the passphrases, the database's passwords, and a line of the key."""
    files = "backup_passphrase backup_offsite_passphrase app_password postgres_password"
    words = stack.host.run("sh", "-c", f"cd {SECRETS}; for file in {files}; do cat $file; echo; done").split()
    assert len(words) == len(files.split())
    return [*words, stack.host.run("sed", "-n", "3p", f"{SECRETS}/backup_sftp_key").strip()]


@contextlib.contextmanager
def sampled(*hosts: Host) -> Iterator[list[str]]:
    """Look at all processes and containers of these hosts, and of this machine, as long as it lasts."""
    commands = [[sys.executable], *(["docker", "exec", "-i", host.container, "python3"] for host in hosts)]
    watchers = [
        subprocess.Popen([*each, "-c", SAMPLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for each in commands
    ]
    seen: list[str] = []
    try:
        yield seen
    finally:
        # That of the host first, then what was to be seen of the controller.
        seen += [each.communicate(timeout=60)[0] for each in reversed(watchers)]


def test_the_file_is_encrypted_closed_and_not_written_over(exported: Path, declared: Stack) -> None:
    assert exported.read_text().startswith("$ANSIBLE_VAULT;")
    assert exported.stat().st_mode & 0o777 == 0o600
    again = declared.runner("secrets export", "--to", str(exported))
    assert again.code == 2
    assert "is there already" in again.text


def test_backups_and_wal_arrive_in_both(offsite: Stack, server: Server) -> None:
    both = repositories(offsite)
    assert both["repo2"]["kind"] == "sftp"
    assert both["repo1"]["system_identifier"] == both["repo2"]["system_identifier"] != ""
    for name, each in both.items():
        assert [one["type"] for one in each["sets"]] != [], name
    assert both["repo1"]["wal"]["max"] == both["repo2"]["wal"]["max"]
    # What lies on the server is encrypted there: a manifest is a text otherwise.
    assert server.run("grep -rl pg_control /srv/sftp/backups || true") == ""


def test_each_repository_is_verified(offsite: Stack) -> None:
    verified = offsite.on_host("verify")
    assert verified["repositories"] == {"repo1": "ok", "repo2": "ok"}


def test_no_secret_is_in_an_argument_an_inspect_a_log_or_an_artifact(
    offsite: Stack, seen_at_export: list[str]
) -> None:
    host, secrets = offsite.host, secrets_of(offsite)
    assert all(len(each) > 20 for each in secrets)
    with sampled(host) as seen:
        offsite.on_host("backup", "--type", "full")
        proved = offsite.on_host("drill", "--repo", "repo2", "--target", "latest")
        restored = offsite.on_host("restore", "--to", "latest", "--from", "repo2")
        offsite.on_host("restore", "--drop", restored["copy"]["container"])
    assert [each["verdict"] for each in proved["drills"]] == ["proved"], proved
    # The sampling has seen what it is about.
    assert "pgbackrest --log-level-console=info" in seen[0]
    assert "io.stanchion.one-shot=drill" in seen[0]
    assert '"io.stanchion.one-shot": "drill"' in seen[0], "as the engine tells it"
    assert f"--name {restored['copy']['container']}" in seen[0]
    assert "secrets export" in seen_at_export[-1]
    see_none(secrets, offsite, seen[0], *seen_at_export)


def see_none(secrets: list[str], stack: Stack, *seen: str) -> None:
    """See that no secret is in what was seen, in the host's logs and records, and in what runs have left."""
    logs = stack.host.run(
        "sh",
        "-c",
        f"cd {STATE} && cat backup/log/* backup/records/* runs.jsonl; docker logs {stack.name}-db 2>&1",
    )
    assert logs
    files = [path for path in (stack.folder.parent / "state").rglob("*") if path.is_file()]
    assert files
    for secret in secrets:
        assert all(secret not in each for each in (*seen, logs))
        assert [path for path in files if secret in path.read_text(errors="replace")] == []


@pytest.mark.long
def test_an_outage_shows_and_holds_nothing_up(offsite: Stack, server: Server) -> None:
    server.pause()
    try:
        before = repositories(offsite)
        offsite.sql("CREATE TABLE IF NOT EXISTS outage (at timestamptz); INSERT INTO outage VALUES (now())")
        failed = offsite.on_host("backup", "--type", "incr", check=False)
        assert "repo2 (sftp://" in failed["error"]
        assert "repo1 (" not in failed["error"]
        during = repositories(offsite)
        assert during["repo2"]["code"] != 0
        assert during["repo2"]["message"] != ""
        assert len(during["repo1"]["sets"]) == len(before["repo1"]["sets"]) + 1
        assert during["repo1"]["wal"]["max"] > before["repo1"]["wal"]["max"]
        # What repo2 has not got is kept.
        waiting = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"
        assert int(offsite.sql(waiting)) > 0
        began = time.monotonic()
        offsite.host.run("docker", "stop", "medication-tracker-db", timeout=180)
        stopped = time.monotonic() - began
        state = offsite.host.inspect("medication-tracker-db")["State"]
        offsite.host.run("docker", "start", "medication-tracker-db")
        assert state["ExitCode"] == 0, f"killed after {stopped:.0f} s"
    finally:
        server.go_on()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        both = repositories(offsite)
        if both["repo2"]["wal"]["max"] == both["repo1"]["wal"]["max"]:
            break
        time.sleep(2)
    assert both["repo2"]["wal"]["max"] == both["repo1"]["wal"]["max"]
    assert offsite.on_host("verify", "--repo", "repo2")["repositories"] == {"repo2": "ok"}


@pytest.mark.long
def test_a_lost_hosts_database_comes_up_on_another(
    offsite: Stack,
    exported: Path,
    password_file: Path,
    server: Server,
    another_host: Host,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offsite.sql("DROP TABLE IF EXISTS ledger")
    offsite.sql("CREATE TABLE ledger AS SELECT g AS id, md5(g::text) AS v FROM generate_series(1, 20000) g")
    offsite.add_medication("of the lost host")
    written = facts_of(offsite)
    identifier = offsite.sql("SELECT system_identifier FROM pg_control_system()", "postgres")
    offsite.host.run(COMMAND, "settle", "--json", timeout=300)
    # The host is lost: its database archives no more. Nobody waits for the repository to grow cold.
    offsite.host.run("docker", "kill", *offsite.host.containers(offsite.name), check=False)
    offsite.host.run("rm", "-f", f"/etc/cron.d/stanchion-{offsite.name}")

    folder = tmp_path / "another"
    (folder / "group_vars" / "stack").mkdir(parents=True)
    (folder / "group_vars" / "stack" / "vault.yml").write_bytes(exported.read_bytes())
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(password_file))
    another = dataclasses.replace(offsite, host=another_host, folder=folder, deployed=[])
    asked = ["--restore-from", "repo2"]
    word = ["--old-host-is-fenced", another.name]
    silent = another.runner("deploy", *asked)
    assert (silent.code, "say --old-host-is-fenced medication-tracker" in silent.text) == (2, True)

    warm = another.runner("deploy", *asked, *word)
    assert warm.code != 0
    assert "a database archives there, or did until just now" in warm.text
    # As if minutes had passed; what the times tell of each other stays.
    later = 'for file; do touch -d "@$(($(stat -c %Y "$file") - 300))" "$file"; done'
    server.run(f"find /srv/sftp/backups/archive -type f -exec sh -c '{later}' sh {{}} +")
    with sampled(another_host) as seen:
        done = another.runner("deploy", "--format", "json", *asked, *word)
    assert done.code == 0, f"{done.out}{done.err}"
    assert "pgbackrest" in seen[0]
    see_none([*secrets_of(another), password_file.read_text().strip()], another, *seen)

    assert facts_of(another) == written
    assert another.sql("SELECT system_identifier FROM pg_control_system()", "postgres") == identifier
    record = json.loads(another_host.run("cat", f"/var/lib/stanchion/{another.name}/postgres/volume.json"))
    assert (record["state"], record["system_identifier"]) == ("active", identifier)
    assert "bare_metal" not in record
    # What came back is told: up to which transaction, with which backup.
    (told,) = [each["result"] for each in done.result["backups"] if each["verb"] == "bare-metal"]
    assert told["last_transaction"] != ""
    assert told["label"] in [each["label"] for each in repositories(another)["repo2"]["sets"]]
    assert another.curl("/medications")[0] == 200
    assert another.sql("SELECT count(*) FROM medications WHERE name = 'of the lost host'") == "1"
    both = repositories(another)
    for name, each in both.items():
        # Each has a full backup of the new timeline, and its WAL arrives.
        assert each["sets"][-1]["type"] == "full", name
        assert each["sets"][-1]["timeline"] == record["timeline"] > 1, name
    assert another.sql("SHOW archive_mode", "postgres") == "on"
    # A backup of the lost host still leads here, over the change of timeline.
    (drilled,) = another.on_host("drill", "--repo", "repo2", "--target", "older")["drills"]
    assert drilled["verdict"] == "proved", drilled
    earlier = [one["label"] for one in both["repo2"]["sets"] if one["timeline"] < record["timeline"]]
    assert drilled["set"]["label"] in earlier
    # The passwords are those of the vault, so that the application of the old host would get in as well.
    vault = subprocess.run(
        ["ansible-vault", "view", str(exported)], capture_output=True, text=True, check=True, env=os.environ
    )
    secrets = yaml.safe_load(vault.stdout)
    assert set(secrets.values()) >= set(secrets_of(another)[:4])
    kept = another_host.run("cat", f"{SECRETS}/app_password").strip()
    assert secrets["postgres_application_password"] == kept

    refused = another.runner("deploy", *asked, *word)
    assert refused.code == 2
    assert "has a database of the stack already" in refused.text
    assert another.runner("destroy", "--yes", "--delete-data", another.name).code == 0
