"""Restored copies: one that was proved is kept whatever becomes of the records; one half-filled is not."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stanchion_backup.errors import BackupError
from stanchion_backup.host import docker, files, leftovers
from stanchion_backup.restores import copies
from stanchion_backup.restores.planning import Request
from stanchion_backup.settings import Settings, load
from test_backup_settings import raw, written

REQUEST = Request("latest")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A stack with a database."""
    record = tmp_path / "volume.json"
    record.write_text(json.dumps({"volume": "shop-pgdata"}))
    return load(written(tmp_path, raw(state_dir=str(tmp_path), volume_record=str(record))))


@pytest.fixture
def host(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The engine: its volumes, and how the next restore ends."""
    host = SimpleNamespace(volumes=[], ends=None, made=0)

    def fill(copy: Any, *_: Any) -> None:
        host.volumes.append(copy.volume)
        if host.ends:
            raise host.ends

    def remove(kind: str, names: list[str]) -> None:
        host.volumes = [each for each in host.volumes if kind != "volume" or each not in names]

    def name(_: Settings) -> str:
        host.made += 1
        return f"shop-restore-{host.made}"

    planned = SimpleNamespace(repository=settings.repositories[0], as_dict=lambda: {"target": "latest"})
    monkeypatch.setattr(copies, "plan", lambda *_: planned)
    monkeypatch.setattr(copies, "fill", fill)
    monkeypatch.setattr(copies, "prove", lambda *_: None)
    monkeypatch.setattr(copies, "fresh_name", name)
    monkeypatch.setattr(docker, "remove", remove)
    monkeypatch.setattr(docker, "names", lambda *_: host.volumes)
    monkeypatch.setattr(docker, "inspect", lambda *_: None)
    monkeypatch.setattr(leftovers, "sweep", lambda _: None)
    return host


def restore(settings: Settings) -> None:
    copies.restore(settings, REQUEST, False, 1.0)


def test_a_copy_outlives_its_record(settings: Settings, host: SimpleNamespace) -> None:
    restore(settings)
    for path in (settings.folder / "records").iterdir():
        path.unlink()
    restore(settings)
    assert host.volumes == ["shop-restore-1", "shop-restore-2"]
    assert [each["target"] for each in copies.listed(settings)] == ["latest", "latest"]


@pytest.mark.parametrize("mark", [None, "", "{"])
def test_a_copy_of_which_nobody_knows_anything_stays_until_it_is_dropped(
    settings: Settings, host: SimpleNamespace, mark: str | None
) -> None:
    host.volumes = ["shop-restore-0"]
    if mark is not None:
        (settings.folder / "copies").mkdir(parents=True)
        (settings.folder / "copies" / "shop-restore-0.json").write_text(mark)
    restore(settings)
    assert "shop-restore-0" in host.volumes
    copies.drop(settings, "shop-restore-0", 1.0)
    assert host.volumes == ["shop-restore-1"]


def test_what_was_begun_and_not_proved_goes_with_the_next(
    settings: Settings, host: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        # Killed: it takes nothing away itself.
        killed.setattr(copies.Scratch, "remove", lambda _: pytest.fail("unlink"))
        host.ends = BackupError("killed")
        with pytest.raises(pytest.fail.Exception):
            restore(settings)
    host.ends = None
    assert host.volumes == ["shop-restore-1"]
    restore(settings)
    assert host.volumes == ["shop-restore-2"]
    assert [path.name for path in (settings.folder / "copies").iterdir()] == ["shop-restore-2.json"]


def test_a_proved_copy_is_kept_where_the_disk_has_no_room_for_its_mark(
    settings: Settings, host: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = files.write_json

    def full(path: Path, content: Any) -> None:
        if content.get("proved"):
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(files, "write_json", full)
    restore(settings)
    restore(settings)
    assert host.volumes == ["shop-restore-1", "shop-restore-2"]


def test_the_database_is_no_leftover(settings: Settings, host: SimpleNamespace) -> None:
    host.volumes = ["shop-pgdata"]
    files.write_json(settings.folder / "copies" / "x.json", {"name": "shop-pgdata", "proved": False})
    restore(settings)
    assert "shop-pgdata" in host.volumes


class Copy:
    """A copy that keeps what was asked of it; `apps` had amcheck before."""

    def __init__(self, checksums: str) -> None:
        self.did: list[object] = []
        self.checksums = checksums
        self.extensions = {"apps"}

    def databases(self) -> list[str]:
        return ["apps", "postgres", "template1"]

    def database(self, name: str) -> SimpleNamespace:
        def one(query: str) -> dict[str, Any]:
            return {"checksums": self.checksums, "there": name in self.extensions}

        return SimpleNamespace(one=one, execute=lambda script: self.did.append(f"{name}: {script}"))

    def bad_pages(self) -> str:
        self.did.append("pages")
        return ""

    def client(self, *_: str) -> str:
        self.did.append("amcheck")
        self.extensions.update(self.databases())
        return ""

    def start(self, *_: str, **settings: str) -> None:
        self.did.append(settings)

    def stop(self) -> None:
        self.did.append("stop")

    def wait(self, _: float) -> None:
        pass


@pytest.mark.parametrize("checksums", ["on", "off"])
def test_a_deep_look_leaves_the_copy_as_it_was_and_keeps_its_wal(checksums: str) -> None:
    copy = Copy(checksums)
    copies._read_all(copy)
    keeps = {"wal_keep_size": "1TB"}
    dropped = sorted(each for each in copy.did if "DROP" in str(each))
    assert dropped == ["postgres: DROP EXTENSION amcheck", "template1: DROP EXTENSION amcheck"]
    assert [each for each in copy.did if each not in dropped] == [
        "stop",
        *(["pages"] if checksums == "on" else []),
        {"full_page_writes": "off", **keeps},
        "amcheck",
        "stop",
        keeps,
    ]
