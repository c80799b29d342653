"""The key of the SFTP server: generated once, or given and looked at."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess

import pytest
from ansible_collections.stanchion.stack.plugins.modules.ssh_key import RefusedError, converge

pytestmark = [
    pytest.mark.skipif(os.getuid() != 0, reason="the key file is root's"),
    pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen"),
]


class Module:
    """As much of an AnsibleModule as the functions use."""

    def __init__(self, path, value=None, check_mode=False):
        self.params = {"path": str(path), "value": value, "comment": "test"}
        self.check_mode = check_mode

    def get_bin_path(self, name, required):
        return shutil.which(name)

    def run_command(self, argv, check_rc=False):
        done = subprocess.run(argv, capture_output=True, text=True, check=check_rc, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr


def test_one_is_generated_once(tmp_path):
    path = tmp_path / "key"
    first = converge(
        Module(path),
    )
    assert first["changed"]
    assert first["public_key"].startswith("ssh-ed25519 ")
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert converge(Module(path)) == {"changed": False, "public_key": first["public_key"]}


def test_check_mode_makes_none(tmp_path):
    assert converge(Module(tmp_path / "key", check_mode=True)) == {"changed": True, "public_key": ""}
    assert list(tmp_path.iterdir()) == []


def test_a_given_one_is_kept_however_its_lines_end(tmp_path):
    converge(Module(tmp_path / "old"))
    text = (tmp_path / "old").read_text()
    given = converge(Module(tmp_path / "new", text.replace("\n", "\r\n").strip()))
    assert given["public_key"] == converge(Module(tmp_path / "old"))["public_key"]
    assert (tmp_path / "new").read_text() == text
    assert not converge(Module(tmp_path / "new", text))["changed"]


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_key_is_refused_and_not_written(tmp_path, text):
    with pytest.raises(RefusedError, match="is no private key"):
        converge(Module(tmp_path / "key", text))
    assert not (tmp_path / "key").exists()


def test_a_key_with_a_passphrase_is_refused(tmp_path):
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", tmp_path / "locked"], check=True
    )
    with pytest.raises(RefusedError, match="has a passphrase"):
        converge(Module(tmp_path / "key", (tmp_path / "locked").read_text()))


def test_a_file_that_others_read_is_refused(tmp_path):
    converge(Module(tmp_path / "key"))
    (tmp_path / "key").chmod(0o444)
    with pytest.raises(RefusedError, match="others may know this key"):
        converge(Module(tmp_path / "key"))
