"""What a repository's archive is seen to hold: what is missing, and what nobody has stopped."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from stanchion_backup.errors import BackupError
from stanchion_backup.host import docker, jobs
from stanchion_backup.repository import archive, pgbackrest
from stanchion_backup.repository.pgbackrest import Archive, Contents
from stanchion_backup.repository.wal import name_of
from stanchion_backup.settings import load
from test_backup_settings import raw, written

HELD = Contents(1, 0, "", "7", "", "", (), archive="17-1")
HISTORY = "1\t0/5000000\tno recovery target specified\n"
RESTORED, LATER = 10_000, 20_000


@pytest.fixture
def settings(tmp_path):
    record = tmp_path / "volume.json"
    record.write_text(json.dumps({"volume": "v", "timeline": 2}))
    return load(written(tmp_path, raw(state_dir=str(tmp_path / "state"), volume_record=str(record))))


@pytest.fixture
def foreign(settings, monkeypatch):
    """Ask for the foreign segment in an archive of these segments and histories."""

    def ask(segments, histories):
        monkeypatch.setattr(pgbackrest, "archive", lambda *_: Archive(segments, histories))
        return archive.listed(settings, HELD, {}, 5.0)["foreign"]

    return ask


def test_a_host_that_was_given_up_and_came_back_is_seen_on_its_old_timeline(foreign):
    live = {name_of(1, 4): RESTORED - 60, name_of(2, 5): RESTORED + 60}
    histories = {2: (RESTORED, HISTORY)}
    assert foreign(live, histories) is None
    again = {**live, name_of(1, 5): LATER, name_of(2, 6): LATER + 60}
    assert foreign(again, histories) == {"segment": name_of(1, 5), "came": LATER}


def test_the_old_host_sees_its_successor(settings, foreign):
    old = dataclasses.replace(settings, volume_record=settings.volume_record + ".old")
    Path(old.volume_record).write_text(json.dumps({"volume": "v", "timeline": 1}))
    found = Archive({name_of(1, 4): 1, name_of(2, 5): LATER}, {2: (RESTORED, HISTORY)})
    assert archive._foreign(old, found) == {"segment": name_of(2, 5), "came": LATER}


def test_what_a_restore_wrote_before_it_was_rolled_back_is_of_this_server(settings, foreign):
    Path(settings.volume_record).write_text(json.dumps({"volume": "v", "timeline": 1}))
    segments = {name_of(1, 4): 1, name_of(2, 5): RESTORED, name_of(1, 5): LATER}
    histories = {2: (RESTORED - 60, HISTORY)}
    assert foreign(segments, histories) == {"segment": name_of(2, 5), "came": RESTORED}
    jobs.keep(settings, {"job": "rollback", "started": 1.0, "ended": RESTORED + 1.0, "pid": 1})
    assert foreign(segments, histories) is None
    assert foreign({**segments, name_of(2, 6): LATER}, histories)["segment"] == name_of(2, 6)


def test_an_archive_that_can_not_be_listed_says_why(settings, monkeypatch):
    def refuse(*_):
        raise BackupError("no answer within 5 s")

    monkeypatch.setattr(pgbackrest, "archive", refuse)
    assert archive.listed(settings, HELD, {}, 5.0) == {"error": "no answer within 5 s"}


def test_what_is_left_of_a_disk(monkeypatch, tmp_path):
    mounts = {"here": str(tmp_path), "elsewhere": str(tmp_path / "none")}
    monkeypatch.setattr(
        docker, "inspect", lambda _, name: {"Mountpoint": mounts[name]} if name in mounts else None
    )
    monkeypatch.setattr(docker, "docker", lambda *_: f"{tmp_path}\n")
    rooms = {str(tmp_path): SimpleNamespace(f_bavail=10, f_frsize=4096)}

    def statvfs(path):
        if path not in rooms:
            raise FileNotFoundError(path)
        return rooms[path]

    monkeypatch.setattr(docker.os, "statvfs", statvfs)
    assert [docker.free_bytes(place) for place in (str(tmp_path), "here", "")] == [40960] * 3
    assert [docker.free_bytes(place) for place in ("elsewhere", "gone")] == [None, None]
