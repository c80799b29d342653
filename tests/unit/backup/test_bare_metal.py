"""A lost host's database on a new host: what is refused, what goes on, and what is left of a failure."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stanchion_backup.errors import BackupError, RefusedError
from stanchion_backup.host import docker, files
from stanchion_backup.repository import pgbackrest
from stanchion_backup.repository.pgbackrest import Archive, BackupSet, Contents
from stanchion_backup.repository.wal import name_of
from stanchion_backup.restored import scratch
from stanchion_backup.restores import bare_metal
from stanchion_backup.restores.bare_metal import Wanted
from stanchion_backup.settings import Repository, Settings, load
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
    # Of the lost host's record, in the copy.
    says.kept = []

    class Copy:
        def __init__(self, _: Any, purpose: str, repository: Any, volume: str) -> None:
            assert purpose == bare_metal.PURPOSE

        def is_to_be_the_database(self) -> None:
            pass

        def restore(self, target: Any) -> None:
            assert (target.kind, target.label, target.timeline) == ("latest", SET.label, "1")

        def recover(self, within: float) -> SimpleNamespace:
            return SimpleNamespace(
                last_transaction="2026-11-25 18:17:04+00", last_segment=says.replayed, gap="it is damaged"
            )

        def database(self, name: str) -> SimpleNamespace:
            return SimpleNamespace(
                one=lambda query: {"made": True} if "to_regclass" in query else says.identity,
                rows=lambda _: says.kept,
            )

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


# Which timeline, and with which backup


HOUR = 3600
# Timeline 1 was left in its segment 6; timeline 2 goes on from there.
FORK = {2: (0, "1\t0/6000100\tbefore 2026-11-25 11:00:00+00\n")}
REPOSITORY = Repository(1, "volume", "shop-backup")


def backup(timeline: int, segment: int, hour: float) -> BackupSet:
    """Return a backup that ended at this hour, with this segment."""
    name = name_of(timeline, segment)
    stopped = int(hour * HOUR)
    return BackupSet(f"{timeline}at{segment}", "full", stopped - 1, stopped, 30, 3, False, name, name)


def archive(came: dict[int, dict[int, float]], histories: Any = FORK) -> Archive:
    """Return an archive: by timeline, the hour at which each segment came."""
    return Archive(
        {name_of(each, n): int(hour * HOUR) for each, rows in came.items() for n, hour in rows.items()},
        histories,
    )


def holding(*sets: BackupSet) -> Contents:
    return replace(HELD, sets=sets)


def test_a_backup_from_before_the_restore_leads_over_it_and_one_from_after_does_not() -> None:
    """The host is lost after a restore to 11:00, before the full backup at its end has come."""
    held = holding(backup(1, 5, 10.75), backup(1, 7, 11.75))
    kept = archive({1: {5: 10.75, 6: 11.5, 7: 11.75}, 2: {6: 12.0, 7: 12.25}})
    assert bare_metal.timeline_of(REPOSITORY, held, kept) == 2
    assert bare_metal.newest_along(REPOSITORY, held, kept, 2).label == "1at5"
    assert bare_metal.newest_along(REPOSITORY, held, kept, 1).label == "1at7"


def test_a_backup_of_an_earlier_timeline_that_is_no_ancestor_does_not_lead_there() -> None:
    """Timeline 3 went off from timeline 1, as `restore --timeline 1` makes it: 2 is no part of it."""
    kept = archive({1: {5: 10}, 2: {8: 12}, 3: {6: 13}}, {**FORK, 3: (0, "1\t0/6000200\tbefore\n")})
    held = holding(backup(1, 5, 10), backup(2, 8, 12))
    assert bare_metal.newest_along(REPOSITORY, held, kept, 3).label == "1at5"


def test_a_timeline_that_no_backup_leads_along_is_refused_with_those_that_there_are() -> None:
    kept = archive({1: {7: 11.75}, 2: {6: 12, 7: 12.25}})
    with pytest.raises(RefusedError, match=r"along timeline 2, or no WAL of it; it has both for 1\."):
        bare_metal.newest_along(REPOSITORY, holding(backup(1, 7, 11.75)), kept, 2)
    with pytest.raises(RefusedError, match="along timeline 4"):
        bare_metal.newest_along(REPOSITORY, holding(backup(1, 7, 11.75)), kept, 4)


def test_a_restore_of_which_the_history_alone_has_come_is_not_passed_over() -> None:
    held, history = holding(backup(1, 5, 10)), {2: (12 * HOUR, FORK[2][1])}
    kept = archive({1: {5: 10, 7: 11.75}}, history)
    assert bare_metal.timeline_of(REPOSITORY, held, kept) == 2
    with pytest.raises(RefusedError, match="along timeline 2, or no WAL of it"):
        bare_metal.newest_along(REPOSITORY, held, kept, 2)


def test_after_a_way_back_from_a_restore_the_later_timeline_is_not_taken() -> None:
    held = holding(backup(1, 5, 10), backup(1, 9, 14))
    kept = archive({1: {5: 10, 9: 14, 10: 14.5}, 2: {6: 12, 7: 12.5}})
    assert bare_metal.timeline_of(REPOSITORY, held, kept) == 1


@pytest.mark.parametrize(
    ("came", "sets", "doubt"),
    [
        # As `cp -r` makes them.
        ({1: {5: 20, 7: 20}, 2: {6: 20, 8: 20}}, [(1, 5, 10), (2, 8, 12)], "have not kept their times"),
        ({1: {5: 10, 7: 12}, 2: {6: 11, 7: 12}}, [(1, 5, 10)], "have the same time"),
        (
            {1: {5: 10, 7: 13}, 2: {6: 11, 8: 12}},
            [(1, 5, 10), (2, 8, 12)],
            "newest file is of timeline 1, the newest backup is of none that leads there",
        ),
    ],
)
def test_where_times_cannot_be_believed_the_operator_is_asked(
    came: dict[int, dict[int, float]], sets: list[tuple[int, int, float]], doubt: str
) -> None:
    held, kept = holding(*(backup(*each) for each in sets)), archive(came)
    with pytest.raises(RefusedError, match=doubt) as refused:
        bare_metal.timeline_of(REPOSITORY, held, kept)
    told = str(refused.value)
    newest = "timeline 2 and ended at 1970-01-01 12:00:00+00" if len(sets) > 1 else "timeline 1"
    for part in ("(1, newest file of 1970-01-0", "; 2, newest file of ", newest, "--restore-timeline N"):
        assert part in told


def test_of_one_timeline_the_times_do_not_matter() -> None:
    assert (
        bare_metal.timeline_of(REPOSITORY, holding(backup(1, 5, 10)), archive({1: {5: 99, 6: 99}}, {})) == 1
    )


def test_the_operators_word_chooses_the_timeline(
    settings: Settings, host: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = archive({1: {5: 20, 7: 20, 9: 20}, 2: {6: 20, 8: 20}})
    first = replace(backup(1, 5, 10), label=SET.label)
    host.held = holding(first, backup(2, 8, 12))
    monkeypatch.setattr(pgbackrest, "archive", lambda *_: kept)
    with pytest.raises(RefusedError, match="--restore-timeline N"):
        restore(settings)
    named = replace(WANTED, timeline=1)
    # All of it is replayed: its last segment is 9.
    host.replayed = name_of(1, 8)
    with pytest.raises(BackupError, match=f"before the newest WAL, segment {name_of(1, 9)}"):
        bare_metal.restore(settings, settings.repositories[0], named, 0)
    host.replayed = name_of(1, 9)
    told = bare_metal.restore(settings, settings.repositories[0], named, 0)
    assert (told["label"], told["timeline"]) == (SET.label, 2)


def test_what_the_lost_hosts_restores_left_out_is_known_here_too(
    settings: Settings, host: SimpleNamespace
) -> None:
    host.kept = [{"content": json.dumps({"volume": "gone", "forks": [{"timeline": 1, "parent": 0}]})}]
    restore(settings)
    assert record(settings)["forks"] == [{"timeline": 1, "parent": 0}]
