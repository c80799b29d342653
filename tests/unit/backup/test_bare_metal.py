"""A lost host's database on a new host: what is refused, what goes on, and what is left of a failure."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stanchion_backup import bare_metal, docker, files, pgbackrest, scratch
from stanchion_backup.bare_metal import Wanted
from stanchion_backup.errors import BackupError, RefusedError
from stanchion_backup.pgbackrest import Archive, BackupSet, Contents
from stanchion_backup.settings import Settings, load
from test_backup_settings import raw, written

WANTED = Wanted("image", "shop-pgdata")
LAST = "000000010000000000000009"
SET = BackupSet("20261125-175810F", "full", 1, 2, 30, 3, False, LAST, LAST)
HELD = Contents(1, 0, "", "7", "", "", (SET,), archive="17-1")
IDENTITY = {"system_identifier": "7", "major": "17", "encoding": "UTF8", "provider": "libc", "collation": "C"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A host without a database."""
    state = tmp_path / "state"
    (state / "postgres").mkdir(parents=True)
    record = str(state / "postgres" / "volume.json")
    return load(written(tmp_path, raw(state_dir=str(state), volume_record=record)))


@pytest.fixture
def host(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the engine and the repository say, and what was removed; a test may change it."""
    says = SimpleNamespace(held=HELD, newest=time.time() - 3600, volumes=[], identity=IDENTITY, removed=[])
    says.replayed = LAST

    class Copy:
        def __init__(self, _: Any, purpose: str, repository: Any, volume: str) -> None:
            assert purpose == bare_metal.PURPOSE

        def restore(self, target: Any) -> None:
            assert (target.kind, target.label, target.timeline) == ("latest", SET.label, "1")

        def recover(self, within: float) -> SimpleNamespace:
            return SimpleNamespace(
                last_transaction="2026-11-25 18:17:04+00", last_segment=says.replayed, gap="it is damaged"
            )

        def database(self, name: str) -> SimpleNamespace:
            return SimpleNamespace(one=lambda _: says.identity)

        def stop(self) -> None:
            pass

        def remove(self, keep_volume: bool = False) -> None:
            says.removed.append("copy, not its volume" if keep_volume else "copy")

    archive = Archive({LAST: 0}, {})
    monkeypatch.setattr(bare_metal, "Scratch", Copy)
    monkeypatch.setattr(bare_metal.handover, "make_ready", lambda _: 2)
    monkeypatch.setattr(scratch, "sweep", lambda *_: None)
    monkeypatch.setattr(scratch, "see_room", lambda _: (1, 2))
    monkeypatch.setattr(pgbackrest, "contents_of", lambda *_: says.held)
    monkeypatch.setattr(
        pgbackrest, "archive", lambda *_: Archive(dict.fromkeys(archive.segments, int(says.newest)), {})
    )
    monkeypatch.setattr(docker, "inspect", lambda _, name: {"Name": name} if name in says.volumes else None)

    def remove(kind: str, names: list[str]) -> None:
        says.removed.extend(names)
        says.volumes = [each for each in says.volumes if each not in names]

    monkeypatch.setattr(docker, "remove", remove)
    monkeypatch.setattr(docker, "labels", lambda *_: [])
    return says


def restore(settings: Settings) -> dict[str, Any]:
    return bare_metal.restore(settings, settings.repositories[0], WANTED, 0)


def record(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(settings.volume_record).read_text())
    return found


def test_the_volume_is_recorded_as_the_database_with_the_repositorys_identifier(
    settings: Settings, host: SimpleNamespace
) -> None:
    told = restore(settings)
    kept = record(settings)
    assert (kept["volume"], kept["state"], kept["system_identifier"]) == ("shop-pgdata", "active", "7")
    assert (kept["timeline"], told["label"]) == (2, SET.label)
    assert bare_metal.is_under_way(settings)
    assert host.removed == ["copy, not its volume"]
    assert not (settings.folder / "bare_metal.json").exists()
    bare_metal.finish(settings)
    assert not bare_metal.is_under_way(settings)
    assert record(settings)["system_identifier"] == "7"


def test_the_same_command_again_goes_on(settings: Settings, host: SimpleNamespace) -> None:
    restore(settings)
    assert restore(settings) == {"stack": settings.stack, "done": []}


def test_a_host_that_has_a_database_is_refused(settings: Settings, host: SimpleNamespace) -> None:
    Path(settings.volume_record).write_text('{"volume": "shop-pgdata", "state": "active"}')
    with pytest.raises(RefusedError, match="has a database already"):
        restore(settings)


def test_a_repository_into_which_wal_still_comes_is_refused(
    settings: Settings, host: SimpleNamespace
) -> None:
    quiet = 2 * settings.archive_timeout + bare_metal.SLACK
    host.newest = time.time() - quiet + 10
    with pytest.raises(RefusedError, match="Shut the old host off"):
        restore(settings)
    host.newest = time.time() - quiet - 10
    assert restore(settings)["done"]


def test_an_empty_repository_is_refused_with_its_reason(settings: Settings, host: SimpleNamespace) -> None:
    host.held = Contents(1, 99, "wrong passphrase", "", "", "", ())
    with pytest.raises(RefusedError, match="no backup to restore: wrong passphrase"):
        restore(settings)
    assert not Path(settings.volume_record).exists()


def test_a_volume_of_unknown_origin_stays(settings: Settings, host: SimpleNamespace) -> None:
    host.volumes = ["shop-pgdata"]
    with pytest.raises(RefusedError, match="no record of what it is"):
        restore(settings)
    assert host.removed == []


def test_the_volume_of_one_that_was_interrupted_is_filled_anew(
    settings: Settings, host: SimpleNamespace
) -> None:
    settings.folder.mkdir(exist_ok=True)
    (settings.folder / "bare_metal.json").write_text('{"volume": "shop-pgdata"}')
    host.volumes = ["shop-pgdata"]
    restore(settings)
    assert host.removed[0] == "shop-pgdata"


def killed(step: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore, and be killed right after the record of the database was written, or before it is."""
    write = files.write_json

    def written(path: Path, content: Any) -> None:
        if step == "before" and path == Path(settings.volume_record):
            raise KeyboardInterrupt
        write(path, content)
        if step == "after" and path == Path(settings.volume_record):
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(files, "write_json", written)
        with pytest.raises(KeyboardInterrupt):
            restore(settings)


@pytest.mark.parametrize("step", ["before", "after"])
def test_a_finished_database_is_not_removed_when_its_record_is_not_there(
    settings: Settings, host: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    killed(step, settings, monkeypatch)
    Path(settings.volume_record).unlink(missing_ok=True)
    host.volumes, host.removed = ["shop-pgdata"], []
    with pytest.raises(RefusedError, match="restored and finished here"):
        restore(settings)
    assert host.removed == []


@pytest.mark.parametrize("ends", [restore, bare_metal.finish])
def test_nothing_is_left_of_one_that_was_killed_with_its_record_written(
    settings: Settings, host: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, ends: Any
) -> None:
    killed("after", settings, monkeypatch)
    assert (settings.folder / "bare_metal.json").exists()
    ends(settings)
    assert not (settings.folder / "bare_metal.json").exists()


def test_a_word_on_the_volume_that_nobody_can_read_removes_nothing(
    settings: Settings, host: SimpleNamespace
) -> None:
    settings.folder.mkdir(exist_ok=True)
    (settings.folder / "bare_metal.json").write_text("{")
    with pytest.raises(RefusedError, match="can't be read"):
        restore(settings)
    assert host.removed == []


def test_another_database_than_the_repository_says_is_not_recorded(
    settings: Settings, host: SimpleNamespace
) -> None:
    host.identity = {**IDENTITY, "system_identifier": "8"}
    with pytest.raises(BackupError, match="is the database 8"):
        restore(settings)
    assert host.removed == ["copy"]
    assert not Path(settings.volume_record).exists()


def test_a_recovery_that_ended_before_the_newest_wal_is_no_restore(
    settings: Settings, host: SimpleNamespace
) -> None:
    host.replayed = "000000010000000000000008"
    with pytest.raises(
        BackupError, match="before the newest WAL, segment 000000010000000000000009: it is damaged"
    ):
        restore(settings)
    assert not Path(settings.volume_record).exists()
    assert host.removed == ["copy"]


def test_the_timeline_is_that_of_the_segment_that_came_last() -> None:
    """After a way back from a restore the repository has a later timeline, and it was abandoned."""
    sets = [replace(SET, label=f"on{n}", wal_last=f"{n:08X}{'0' * 15}9") for n in (3, 4)]
    held = replace(HELD, sets=tuple(sets))
    assert bare_metal.newest_along(held, "00000003" + "0" * 16).label == "on3"
    assert bare_metal.newest_along(held, "00000004" + "0" * 16).label == "on4"
    assert bare_metal.newest_along(replace(HELD, sets=(sets[0],)), "00000004" + "0" * 16).label == "on3"
