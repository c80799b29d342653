"""Secret files are described, never read; records are read."""

import json
import os

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_files
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError


def entry(path):
    return _facts_files.file_facts([str(path)])["entries"][str(path)]


def test_secret_file_is_described_without_its_content(tmp_path):
    secret = tmp_path / "password"
    secret.write_text("canary-password")
    secret.chmod(0o440)
    tmp_path.chmod(0o700)
    found = entry(secret)
    assert (found["exists"], found["kind"], found["mode"], found["size"]) == (True, "file", "0440", 15)
    assert found["uid"] == os.getuid()
    assert found["parent"]["root_only"] == (os.getuid() == 0)
    assert found["content"] == "ascii"
    assert "canary" not in json.dumps(found)


@pytest.mark.parametrize(
    ("raw", "content"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b" \t\r\n", "empty"),
        (b"sesame\n", "ascii"),
        (b"open sesame", "ascii"),
        ("bl\u00e5b\u00e6r".encode(), "text"),
        (b"two\nlines\n", "other"),
        (b"a\x00b", "other"),
        (b"\x7f", "other"),
        (b"\xff\xfe", "other"),
        (b"x" * 65536, "ascii"),
        (b"x" * 65537, "other"),
    ],
)
def test_what_a_file_is_made_of_is_one_word(tmp_path, raw, content):
    (tmp_path / "secret").write_bytes(raw)
    assert entry(tmp_path / "secret")["content"] == content


def test_missing_file_and_missing_folder(tmp_path):
    found = entry(tmp_path / "none" / "password")
    assert found["exists"] is False
    assert found["parent"]["exists"] is False


def test_folder_open_to_others(tmp_path):
    tmp_path.chmod(0o755)
    assert entry(tmp_path / "password")["parent"]["root_only"] is False


def test_link_and_folder_are_told_from_files(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert entry(tmp_path / "link")["kind"] == "link"
    assert entry(tmp_path)["content"] is None
    assert entry(tmp_path)["kind"] == "directory"


def test_user_without_a_name(tmp_path, monkeypatch):
    def nobody(_):
        raise KeyError

    monkeypatch.setattr(_facts_files.pwd, "getpwuid", nobody)
    monkeypatch.setattr(_facts_files.grp, "getgrgid", nobody)
    assert entry(tmp_path)["owner"] == str(os.getuid())


def test_volume_record(tmp_path):
    assert _facts_files.volume_record(str(tmp_path))["record"] is None
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "volume.json").write_text('{"volume": "data"}')
    facts = _facts_files.volume_record(str(tmp_path))
    assert (facts["exists"], facts["record"]) == (True, {"volume": "data"})


def test_damaged_record_is_an_error_not_an_absence(tmp_path):
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "volume.json").write_text("{")
    with pytest.raises(UnreadableError, match="is not JSON"):
        _facts_files.volume_record(str(tmp_path))


def test_recorded_volume(tmp_path):
    assert _facts_files.recorded_volume(str(tmp_path)) is None
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "volume.json").write_text('{"volume": "data"}')
    assert _facts_files.recorded_volume(str(tmp_path)) == "data"


@pytest.mark.parametrize("text", ["[]", "{}", '{"volume": ""}', '{"volume": 1}'])
def test_a_record_that_names_no_volume_is_an_error(tmp_path, text):
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "volume.json").write_text(text)
    with pytest.raises(UnreadableError, match="names no volume"):
        _facts_files.recorded_volume(str(tmp_path))


def test_image_records(tmp_path):
    assert _facts_files.image_records(tmp_path / "none")["entries"] == {}
    (tmp_path / "postgres.json").write_text('{"tag": "1"}')
    assert _facts_files.image_records(tmp_path)["entries"] == {"postgres": {"tag": "1"}}


def test_libraries_of_the_database_s_image(tmp_path):
    status = tmp_path / "70/root/var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text(
        "Package: libc6\nStatus: install ok installed\nVersion: 2.41-12\n\n"
        "Package: libc6-dev\nVersion: 1\n\nPackage: libicu76\nArchitecture: amd64\nVersion: 76.1-4\n"
    )
    containers = [
        {"name": "s-db", "pid": 70, "role": "postgres"},
        {"name": "s-other", "pid": 71, "role": "postgres"},
        {"name": "s-stopped", "pid": None, "role": "postgres"},
        {"name": "s-backend", "pid": 70, "role": "backend"},
    ]
    assert _facts_files.library_facts(containers, tmp_path) == {
        "entries": {"s-db": {"libc6": "2.41-12", "libicu76": "76.1-4"}, "s-other": {}}
    }
