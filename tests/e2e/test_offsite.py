"""A second repository off the host, over SFTP to a real OpenSSH server; and a host that is lost."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import MACHINE
from sftp import Server
from stack import Host, Run, Stack

SECRETS = "/var/lib/stanchion/medication-tracker/secrets"
COMMAND = "stanchion-medication-tracker"
# What a lost host's database is compared by.
DIGEST = "SELECT count(*) || ' ' || md5(string_agg(v, ',' ORDER BY id)) FROM ledger"


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
def exported(declared: Stack, server: Server, password_file: Path) -> Path:
    """The stack's secrets, handed over before the deploy that needs them."""
    early = declared.runner("deploy")
    assert early.code == 2, early.text
    assert "its passphrase would be on this host alone" in early.text
    path = password_file.parent / "vault.yml"
    done = declared.runner("secrets export", "--to", str(path), "--vault-password-file", str(password_file))
    assert done.code == 0, done.text
    server.let_in(declared.host.run("ssh-keygen", "-y", "-f", f"{SECRETS}/backup_sftp_key"))
    return path


@pytest.fixture(scope="module")
def offsite(declared: Stack, exported: Path) -> Stack:
    """The stack with both repositories, deployed."""
    declared.deploy()
    return declared


def command(stack: Stack, *argv: str) -> dict[str, Any]:
    """Run the backups' command on its host, and return what it says, failed or not."""
    return json.loads(stack.host.run(COMMAND, *argv, "--json", check=False, timeout=300))


def repositories(stack: Stack) -> dict[str, dict[str, Any]]:
    return {f"repo{each['key']}": each for each in command(stack, "observe")["repositories"]}


def secrets_of(stack: Stack) -> list[str]:
    """Return what must be nowhere: the passphrases, the database's passwords, and a line of the key."""
    files = "backup_passphrase backup_offsite_passphrase app_password postgres_password"
    words = stack.host.run("sh", "-c", f"cd {SECRETS}; for file in {files}; do cat $file; echo; done").split()
    assert len(words) == len(files.split())
    return [*words, stack.host.run("sed", "-n", "3p", f"{SECRETS}/backup_sftp_key").strip()]


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


def test_each_repository_is_verified_and_proved(offsite: Stack) -> None:
    verified = command(offsite, "verify")
    assert verified["repositories"] == {"repo1": "ok", "repo2": "ok"}
    proved = command(offsite, "drill", "--repo", "repo2", "--target", "latest")
    assert proved.get("error", "") == "", proved
    (record,) = proved["drills"]
    assert record["verdict"] == "proved", record


def passwords_of(stack: Stack) -> list[str]:
    """Return the database's passwords, which must be nowhere either."""
    names = ("app_password", "postgres_password")
    return [stack.host.run("cat", f"{SECRETS}/{name}").strip() for name in names]


def test_no_secret_is_in_an_argument_an_inspect_a_log_or_an_artifact(offsite: Stack) -> None:
    host, secrets = offsite.host, [*secrets_of(offsite), *passwords_of(offsite)]
    assert all(len(each) > 20 for each in secrets)
    # Every command line of the host, and of its containers' processes, while a backup and a drill run.
    jobs = f"{COMMAND} backup --type full && {COMMAND} drill --repo repo2 --target latest"
    seen = host.run(
        "sh",
        "-c",
        f"{{ ( {jobs} ) >/dev/null 2>&1 & pid=$!; while kill -0 $pid 2>/dev/null; do"
        " for file in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $file 2>/dev/null; echo; done;"
        " docker ps -aq | xargs -r docker inspect 2>/dev/null; done; wait $pid; echo both ended with $?; }"
        " | sort -u",
        timeout=300,
    )
    # The sampling has seen what it is about.
    assert "both ended with 0" in seen
    assert "pgbackrest --log-level-console=info" in seen
    assert "io.stanchion.one-shot=drill" in seen
    logs = host.run(
        "sh",
        "-c",
        "cd /var/lib/stanchion/medication-tracker && cat backup/log/* backup/records/* runs.jsonl;"
        " docker logs medication-tracker-db 2>&1",
    )
    kept = offsite.folder.parent / "state"
    files = [path for path in kept.rglob("*") if path.is_file()]
    assert files
    for secret in secrets:
        assert secret not in seen
        assert secret not in logs
        found = [path for path in files if secret in path.read_text(errors="replace")]
        assert found == []


def test_an_outage_shows_and_holds_nothing_up(offsite: Stack, server: Server) -> None:
    server.pause()
    try:
        before = repositories(offsite)
        offsite.sql("CREATE TABLE IF NOT EXISTS outage (at timestamptz); INSERT INTO outage VALUES (now())")
        failed = command(offsite, "backup", "--type", "incr")
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
    assert command(offsite, "verify", "--repo", "repo2")["repositories"] == {"repo2": "ok"}


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
    written = offsite.sql(DIGEST)
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
    done = another.runner("deploy", "--format", "json", *asked, *word)
    assert done.code == 0, f"{done.out}{done.err}"

    assert another.sql(DIGEST) == written
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
    (drilled,) = command(another, "drill", "--repo", "repo2", "--target", "older")["drills"]
    assert drilled["verdict"] == "proved", drilled
    assert drilled["set"]["label"] in [one["label"] for one in both["repo2"]["sets"] if one["timeline"] == 1]
    # The passwords are those of the vault, so that the application of the old host would get in as well.
    vault = subprocess.run(
        ["ansible-vault", "view", str(exported)], capture_output=True, text=True, check=True, env=os.environ
    )
    secrets = yaml.safe_load(vault.stdout)
    kept = another_host.run("cat", f"{SECRETS}/app_password").strip()
    assert secrets["postgres_application_password"] == kept

    refused = another.runner("deploy", *asked, *word)
    assert refused.code == 2
    assert "has a database of the stack already" in refused.text
    assert another.runner("destroy", "--yes", "--delete-data", another.name).code == 0
