"""Which secrets outlive their host: the marker on it, and the file that they are handed over in."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.stanchion.stack.plugins.action import secret_export as action
from ansible_collections.stanchion.stack.plugins.modules import secret_export as module

ROOT = Path(__file__).resolve().parents[3]
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"


def marked(path, **contents):
    path.write_text(json.dumps({n: {"sha256": module.fingerprint(c), "at": 1} for n, c in contents.items()}))
    return path


def test_what_was_exported_as_it_is(tmp_path):
    (tmp_path / "a").write_text("one")
    files = {"a": str(tmp_path / "a")}
    assert module.look(files, tmp_path / "marker") == ["a"]
    marker = marked(tmp_path / "marker", a=b"one")
    assert module.look(files, marker) == []
    (tmp_path / "a").write_text("two")
    assert module.look(files, marker) == ["a"]


def test_a_secret_that_is_not_there_yet_was_not_exported(tmp_path):
    marker = marked(tmp_path / "marker", a=b"one")
    assert module.look({"a": str(tmp_path / "a")}, marker) == ["a"]


def test_a_damaged_marker_remembers_nothing(tmp_path):
    (tmp_path / "a").write_text("one")
    (tmp_path / "marker").write_text("{")
    assert module.look({"a": str(tmp_path / "a")}, tmp_path / "marker") == ["a"]


@pytest.fixture
def export():
    """The action with its half on the host replaced: it hands over what it is given, and remembers."""

    def run(output, secrets):
        said = []

        def on_host(args, task_vars):
            said.append(args)
            return {"secrets": secrets} if args["state"] == "read" else {"changed": True}

        plugin = object.__new__(action.ActionModule)
        plugin._on_host = on_host
        plugin._connection = SimpleNamespace(_play_context=SimpleNamespace(no_log=False))
        names = {"stack_name": "s", "inventory_hostname": "h"}
        return plugin._export({"files": {}}, output, VaultSecret(b"pw"), names), said

    return run


def test_a_disk_that_is_full_leaves_no_half_of_the_file(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        action.write_new(tmp_path / "vault.yml", b"new")
    assert list(tmp_path.iterdir()) == []


def test_the_file_holds_the_secrets_and_nothing_else_does(tmp_path, export):
    output = tmp_path / "vault.yml"
    result, said = export(output, {"backup_passphrase": "canary\n", "backup_sftp_private_key": KEY})
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert "canary" not in output.read_text() + repr(result)
    plain = VaultLib([("default", VaultSecret(b"pw"))]).decrypt(output.read_bytes())
    assert yaml.safe_load(plain) == {"backup_passphrase": "canary", "backup_sftp_private_key": KEY}
    # What is remembered is what the file on the host holds, with its line end.
    assert said[-1]["fingerprints"]["backup_passphrase"] == module.fingerprint(b"canary\n")
    assert result["backups"]["result"]["exported"] == ["backup_passphrase", "backup_sftp_private_key"]


def test_no_secret_is_no_file(tmp_path, export):
    result, _ = export(tmp_path / "vault.yml", {})
    assert result["failed"]
    assert not (tmp_path / "vault.yml").exists()


def test_a_file_that_is_there_is_not_written_over(tmp_path):
    path = tmp_path / "vault.yml"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        action.write_new(path, b"new")
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def over_ssh(tmp_path):
    """Export a secret in a real play, over an ssh whose other side is this machine; return what it prints."""
    (tmp_path / "ssh").write_text('#!/bin/sh\nfor last; do :; done\nexec /bin/sh -c "$last"\n')
    (tmp_path / "ssh").chmod(0o700)
    (tmp_path / "secret").write_text("canary-of-the-export\n")
    (tmp_path / "password").write_text("pw\n")
    exported = {
        "state": "exported",
        "files": {"backup_passphrase": str(tmp_path / "secret")},
        "marker": str(tmp_path / "marker"),
        "output": str(tmp_path / "vault.yml"),
        "vault_password_file": str(tmp_path / "password"),
    }
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"stanchion.stack.secret_export": exported}]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
        "ANSIBLE_SSH_EXECUTABLE": str(tmp_path / "ssh"),
        "ANSIBLE_PIPELINING": "True",
    }

    def run(**more):
        python = f"ansible_python_interpreter={sys.executable}"
        program = Path(sys.executable).with_name("ansible-playbook")
        done = subprocess.run(
            [program, "-i", "there,", "-c", "ssh", "-e", python, "-vvvv", "play.yml"],
            cwd=tmp_path,
            env={**os.environ, **environment, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    return run


def test_a_verbose_run_over_ssh_prints_no_secret_and_still_tells_its_result(over_ssh, tmp_path):
    printed = over_ssh()
    assert (tmp_path / "vault.yml").read_text().startswith("$ANSIBLE_VAULT;")
    # ssh did tell what it does, and once not what it got.
    assert "SSH: EXEC" in printed
    assert "censored due to no log" in printed
    assert '"exported": ["backup_passphrase"]' in " ".join(printed.split()).replace("[ ", "[").replace(
        " ]", "]"
    )
    assert "canary-of-the-export" not in printed


def test_nothing_is_exported_where_ansible_prints_all_that_it_gets(over_ssh, tmp_path):
    printed = over_ssh(ANSIBLE_DEBUG="1")
    assert "unset it. Nothing was exported" in printed
    assert "canary-of-the-export" not in printed
    assert not (tmp_path / "vault.yml").exists()
