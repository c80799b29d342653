"""Secret files: generated once, derived, kept closed, and refused where they may be known."""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.stanchion.stack.plugins.modules import secret_file
from ansible_collections.stanchion.stack.plugins.modules.secret_file import RefusedError, converge, render

as_root = pytest.mark.skipif(os.getuid() != 0, reason="gives files to other users")


def parameters(path, **changes):
    return {
        "path": str(path),
        "owner": str(os.getuid()),
        "group": str(os.getgid()),
        "mode": "0400",
        "folder_mode": None,
        "value": None,
        "fixed": False,
        "source": None,
        "format": "raw",
        "pgpass": None,
    } | changes


def put(path, content, mode=0o400):
    path.write_text(content)
    path.chmod(mode)
    return path


def test_a_missing_secret_is_generated_once(tmp_path):
    path = tmp_path / "new" / "secret"
    assert converge(parameters(path), False) == {"changed": True, "generated": True, "replaced": False}
    first = path.read_text()
    assert len(first) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert converge(parameters(path), False) == {"changed": False, "generated": False, "replaced": False}
    assert path.read_text() == first


@as_root
def test_its_folder_lets_others_pass_where_that_is_wanted(tmp_path):
    path = tmp_path / "new" / "folder" / "secret"
    wanted = parameters(path, folder_mode="0711")
    assert converge(wanted, True)["changed"]
    assert not path.parent.parent.exists()
    assert converge(wanted, False)["changed"]
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o711
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    assert not converge(wanted, False)["changed"]
    path.parent.chmod(0o755)
    assert converge(wanted, True)["changed"]
    assert converge(wanted, False) == {"changed": True, "generated": False, "replaced": False}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o711
    os.chown(path.parent, 999, 999)
    assert converge(wanted, False)["changed"]
    assert (path.parent.stat().st_uid, path.parent.stat().st_gid) == (0, 0)


def test_two_generated_secrets_differ(tmp_path):
    converge(parameters(tmp_path / "a"), False)
    converge(parameters(tmp_path / "b"), False)
    assert (tmp_path / "a").read_text() != (tmp_path / "b").read_text()


def test_check_mode_writes_nothing(tmp_path):
    path = tmp_path / "new" / "secret"
    assert converge(parameters(path), True)["changed"]
    assert not path.parent.exists()


def test_a_vault_value_replaces_what_is_there(tmp_path):
    path = put(tmp_path / "secret", "old")
    assert converge(parameters(path, value="from the vault\n"), False)["changed"]
    assert path.read_text() == "from the vault"
    assert not converge(parameters(path, value="from the vault"), False)["changed"]


def test_a_line_end_made_by_hand_is_no_difference(tmp_path):
    path = put(tmp_path / "secret", "by hand\n")
    assert not converge(parameters(path, value="by hand"), False)["changed"]


@as_root
def test_owner_and_a_wider_owner_mode_are_corrected(tmp_path):
    path = put(tmp_path / "secret", "s", 0o600)
    assert converge(parameters(path, owner="999", group="999"), False)["changed"]
    seen = path.stat()
    assert (seen.st_uid, seen.st_gid, stat.S_IMODE(seen.st_mode)) == (999, 999, 0o400)
    assert not converge(parameters(path, owner="999", group="999"), False)["changed"]


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o644, 0o620])
def test_an_open_file_is_refused_and_left_alone(tmp_path, mode):
    path = put(tmp_path / "secret", "known to others", mode)
    with pytest.raises(RefusedError, match="Others may know"):
        converge(parameters(path, value="new"), False)
    assert path.read_text() == "known to others"


@pytest.mark.parametrize("content", ["", "\n", "  \n", "two\nlines"])
def test_an_empty_or_broken_file_is_refused(tmp_path, content):
    with pytest.raises(RefusedError):
        converge(parameters(put(tmp_path / "secret", content)), False)


@as_root
def test_a_strangers_file_is_refused(tmp_path):
    path = put(tmp_path / "secret", "s")
    os.chown(path, 1234, 1234)
    with pytest.raises(RefusedError, match="belongs to user 1234"):
        converge(parameters(path), False)


def test_a_link_is_refused(tmp_path):
    put(tmp_path / "elsewhere", "s")
    (tmp_path / "secret").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RefusedError, match="no regular file"):
        converge(parameters(tmp_path / "secret"), False)


def test_pgpass_is_derived_and_follows_its_source(tmp_path):
    source = put(tmp_path / "source", "p:a\\ss")
    fields = {"host": "db", "port": 5432, "database": "d", "user": "u"}
    wanted = parameters(tmp_path / "pgpass", source=str(source), format="pgpass", pgpass=fields)
    assert converge(wanted, False)["changed"]
    assert (tmp_path / "pgpass").read_text() == "db:5432:d:u:p\\:a\\\\ss\n"
    assert not converge(wanted, False)["changed"]
    source.unlink()
    put(source, "other")
    assert converge(wanted, False)["changed"]


def test_in_check_mode_a_source_that_is_still_to_come_is_a_change(tmp_path):
    assert converge(parameters(tmp_path / "x", source=str(tmp_path / "no")), True)["changed"]


def test_raw_has_no_line_end():
    assert render("secret", "raw", None) == "secret"


def test_nothing_half_written_stays(tmp_path, monkeypatch):
    path = put(tmp_path / "secret", "old")

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(OSError, match="disk full"):
        converge(parameters(path, value="new"), False)
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]
    assert path.read_text() == "old"


def test_generated_secrets_need_no_escaping():
    assert set(secret_file.ALPHABET) & set(":\\'\"@/ ") == set()


def test_what_data_was_encrypted_with_is_not_replaced(tmp_path):
    path = put(tmp_path / "secret", "old")
    with pytest.raises(RefusedError, match="holds another secret than the one that is given"):
        converge(parameters(path, value="new", fixed=True), False)
    assert path.read_text() == "old"
    assert not converge(parameters(path, value="old\n", fixed=True), False)["changed"]


def test_what_data_will_be_encrypted_with_is_written(tmp_path):
    assert converge(parameters(tmp_path / "secret", value="new", fixed=True), False)["changed"]
    assert (tmp_path / "secret").read_text() == "new"
