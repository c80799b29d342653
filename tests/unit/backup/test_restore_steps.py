"""What a restore would do, and how far one in the live database's place has come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stanchion_backup.errors import BackupError, BusyError, RefusedError
from stanchion_backup.host import docker, jobs, leftovers, volume_record
from stanchion_backup.host.database import QueryError
from stanchion_backup.host.stopping import Stopped
from stanchion_backup.repository import pgbackrest
from stanchion_backup.repository.pgbackrest import Archive, BackupSet, Contents
from stanchion_backup.repository.wal import name_of
from stanchion_backup.restored import handover, scratch
from stanchion_backup.restored.scratch import Recovery, see_all_replayed
from stanchion_backup.restores import journal, planning, replacing
from stanchion_backup.restores.journal import COPY, HALT, HAND_OVER, Journal
from stanchion_backup.restores.planning import Request
from stanchion_backup.settings import Settings, load
from test_backup_settings import raw, written

MINUTE = 60
NEW = "shop-restore-20261125t120000"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A stack whose database is shop-pgdata, on timeline 1, and does not answer."""
    record = tmp_path / "volume.json"
    record.write_text(json.dumps({"volume": "shop-pgdata", "timeline": 1, "system_identifier": "7"}))
    return load(written(tmp_path, raw(state_dir=str(tmp_path), volume_record=str(record))))


def only_volumes(kind: str, name: str) -> dict[str, str] | None:
    return {"Name": name} if kind == "volume" else None


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A repository with backups at minutes 2 and 6, WAL up to minute 9, and a disk with room."""
    sets = [
        BackupSet(
            f"set{n}", "full", n * MINUTE - 1, n * MINUTE, 1 << 30, 1, False, name_of(1, n), name_of(1, n)
        )
        for n in (2, 6)
    ]
    seen: dict[str, Any] = {
        "contents": Contents(1, 0, "", "7", "", name_of(1, 9), tuple(sets), "17-1"),
        "archive": Archive({name_of(1, n): n * MINUTE for n in range(1, 10)}, {}),
        "free": 10 << 30,
    }
    monkeypatch.setattr(pgbackrest, "contents_of", lambda *_: seen["contents"])
    monkeypatch.setattr(pgbackrest, "archive", lambda *_: seen["archive"])
    monkeypatch.setattr(planning, "running", lambda _: False)
    monkeypatch.setattr(planning, "_newest", lambda *_: None)
    monkeypatch.setattr(docker, "free_bytes", lambda: seen["free"])
    return seen


@pytest.mark.parametrize(
    ("to", "label"),
    [
        ("latest", "set6"),
        ("1970-01-01 00:05:00Z", "set2"),
        ("1970-01-01 00:08:00Z", "set6"),
        ("lsn:0/5000000", "set2"),
        ("lsn:0/8000000", "set6"),
        ("backup:set2", "set2"),
        # Where they are, nobody knows: from the beginning.
        ("xid:900", "set2"),
        ("name:here", "set2"),
    ],
)
def test_it_begins_with_the_newest_backup_that_can_lead_there(
    settings: Settings, held: dict[str, Any], to: str, label: str
) -> None:
    planned = planning.plan(settings, Request(to))
    assert planned.backup.label == label
    options = pgbackrest.restore_options(planned.target)
    assert f"--set={label}" in options
    # pgBackRest refuses the option for a backup alone.
    assert ("--target-timeline=1" in options) == (not to.startswith("backup:"))


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Request("1970-01-01 00:01:00Z"), "before the end of the first backup"),
        (Request("1970-01-01 00:30:00Z"), "after what repo1 holds"),
        (Request("lsn:0/F000000"), "after the last WAL"),
        (Request("backup:set3"), r"no backup set3 \(it has set2, set6\)"),
        (Request("latest", timeline=4), r"no timeline 4 \(it has 1\)"),
        (Request("latest", source="repo2"), "no repo2"),
        (Request("latest", source="elsewhere"), "no elsewhere; it has repo1"),
        (Request("1970-01-01 00:05:00Z", label="set6"), "before the end of the backup set6"),
    ],
)
def test_what_cannot_be_is_refused(
    settings: Settings, held: dict[str, Any], request_: Request, reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason):
        planning.plan(settings, request_)


def test_too_little_disk_is_refused_with_what_is_needed(settings: Settings, held: dict[str, Any]) -> None:
    held["free"] = 1 << 30
    with pytest.raises(RefusedError, match=r"needs 1382 MiB.* has 1024 MiB free.*`backups` names copies"):
        planning.plan(settings, Request("latest"))


def test_a_repository_that_cannot_be_read_is_refused_with_its_reason(
    settings: Settings, held: dict[str, Any]
) -> None:
    held["contents"] = Contents(1, 99, "the passphrase is wrong", "", "", "", ())
    with pytest.raises(RefusedError, match="the passphrase is wrong"):
        planning.plan(settings, Request("latest"))


def test_a_moment_that_a_restore_went_back_behind_is_on_the_other_timeline(
    settings: Settings, held: dict[str, Any]
) -> None:
    fork = {"timeline": 2, "parent": 1, "left": 7.2 * MINUTE, "began": 8.5 * MINUTE}
    Path(settings.volume_record).write_text(json.dumps({"volume": NEW, "timeline": 2, "forks": [fork]}))
    segments = {**held["archive"].segments, **{name_of(2, n): n * MINUTE for n in range(7, 12)}}
    held["archive"] = Archive(segments, {2: (9 * MINUTE, "1\t0/7000100\tbefore\n")})
    with pytest.raises(RefusedError, match="Give --timeline 1"):
        planning.plan(settings, Request("1970-01-01 00:08:00Z"))
    assert planning.plan(settings, Request("1970-01-01 00:07:06Z")).timeline == 2
    assert planning.plan(settings, Request("1970-01-01 00:08:00Z", timeline=1)).timeline == 1
    with pytest.raises(RefusedError, match="no backup of timeline 2 yet"):
        planning.plan(settings, Request("latest"))
    assert planning.plan(settings, Request("latest", label="set6")).timeline == 2


def begun(steps: tuple[str, ...] = journal.OTHER_STEPS, **more: Any) -> Journal:
    return Journal("shop", 0.0, "time x", {"to": "x"}, NEW, {"volume": "shop-pgdata"}, steps, **more)


def test_the_journal_comes_back_as_it_was_and_knows_the_next_step(settings: Settings) -> None:
    left = begun()
    journal.finish(settings, left, COPY)
    again = journal.read(settings)
    assert again == left
    assert again.next_step() == HALT
    for step in (HALT, HAND_OVER):
        journal.finish(settings, left, step)
    assert left.next_step() is None
    journal.remove(settings)
    assert journal.read(settings) is None


def test_a_journal_that_nobody_can_read_is_no_missing_one(settings: Settings) -> None:
    settings.folder.mkdir()
    journal.path(settings).write_text("{")
    ways = (
        rf"{journal.path(settings)}, can't be read.*{settings.volume_record}: the `volume`.*move the journal"
    )
    for text in ("{", "[]", "{}"):
        journal.path(settings).write_text(text)
        with pytest.raises(BackupError, match=ways):
            journal.read(settings)
        # Not a way that ends in the same words.
        with pytest.raises(BusyError, match=ways):
            journal.give_way(settings)


def test_it_says_which_ways_there_are() -> None:
    assert "--resume" in begun().says()
    assert "returns to the volume shop-pgdata" in begun().says()
    assert f"--discard-writes {NEW}" in begun(opened=1.0).says()
    assert "--resume" not in begun(rolled_back=1.0).says()


@pytest.mark.parametrize("touched", [False, True])
def test_jobs_wait_only_for_a_restore_that_has_touched_the_database(
    settings: Settings, touched: bool
) -> None:
    journal.write(settings, begun(touched=touched))
    assert journal.is_under_way(settings) == touched
    with jobs.alone(settings, 1.0, restoring=True):
        pass
    if touched:
        with pytest.raises(BusyError, match="--resume"), jobs.alone(settings, 1.0):
            pass


@pytest.mark.parametrize("touched", [False, True])
@pytest.mark.parametrize("error", [RefusedError, Stopped, BusyError])
def test_one_that_ends_with_the_database_down_is_a_failure_whatever_ended_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], touched: bool
) -> None:
    def ends(*_: object) -> None:
        raise error("so it is.")

    removed: list[str] = []
    monkeypatch.setattr(replacing, "_hand_over", ends)
    monkeypatch.setattr(scratch.Scratch, "remove", lambda copy: removed.append(copy.volume))
    left = begun(touched=touched, done={COPY: 1.0, HALT: 2.0})
    journal.write(settings, left)
    with pytest.raises(BackupError if touched else error, match="so it is") as ended:
        replacing._go(settings, left, None, {})
    if touched:
        assert type(ended.value) is BackupError
        assert "restore --resume` goes on" in str(ended.value)
    else:
        assert "The live database was not touched" in str(ended.value)
    assert removed == ([] if touched else [NEW])
    assert (journal.read(settings) is None) == (not touched)


def test_a_roll_back_over_writes_of_the_application_wants_them_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(docker, "names", lambda *_: [])
    monkeypatch.setattr(docker, "inspect", only_volumes)
    monkeypatch.setattr(docker, "remove", lambda kind, names: done.extend(f"{kind} {each}" for each in names))
    Path(settings.volume_record).write_text(
        json.dumps({"volume": NEW, "timeline": 2, "restore": {"to": "x"}})
    )
    journal.write(settings, begun(touched=True, opened=5.0, done={COPY: 1.0, HALT: 2.0, HAND_OVER: 3.0}))
    for word in ("", "shop-pgdata"):
        with pytest.raises(RefusedError, match=f"--discard-writes {NEW}"):
            replacing.rollback(settings, word, 1.0)
    replacing.rollback(settings, NEW, 1.0)
    record = volume_record.read(settings)
    assert (record["volume"], record["replaced"][0]["volume"]) == ("shop-pgdata", NEW)
    assert f"volume {NEW}" not in done
    with pytest.raises(RefusedError, match="rolled back"):
        replacing.resume(settings, 1.0)
    # The roles failed meanwhile, and it is run again: what the application wrote is still there.
    replacing.rollback(settings, NEW, 1.0)
    assert f"volume {NEW}" not in done
    assert volume_record.read(settings) == record


def test_a_roll_back_to_a_volume_that_is_gone_is_refused_before_anything_stops(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []
    monkeypatch.setattr(docker, "inspect", lambda *_: None)
    monkeypatch.setattr(replacing, "_stop_database", lambda _: stopped.append("database"))
    Path(settings.volume_record).write_text(json.dumps({"volume": NEW, "restore": {"to": "x"}}))
    left = begun(touched=True, done={COPY: 1.0, HALT: 2.0, HAND_OVER: 3.0}, old_gone=True)
    journal.write(settings, left)
    assert "There is no old volume to return to" in left.says()
    with pytest.raises(RefusedError, match="no volume shop-pgdata to return to"):
        replacing.rollback(settings, "", 1.0)
    assert (stopped, journal.read(settings)) == ([], left)


def test_a_copy_that_died_with_its_host_is_started_before_it_is_stopped(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    more: list[dict[str, str]] = []
    dead = {"State": {"Running": False, "ExitCode": 255}}
    monkeypatch.setattr(docker, "inspect", lambda *_: dead)
    for name in ("wait", "stop", "remove"):
        monkeypatch.setattr(replacing.Scratch, name, lambda *_, name=name, **__: said.append(name))
    monkeypatch.setattr(
        replacing.Scratch, "start", lambda *_, **given: said.append("start") or more.append(given)
    )
    monkeypatch.setattr(handover, "make_ready", lambda _: said.append("ready") or 2)
    facts = {"system_identifier": "7", "fork": {"timeline": 2}}
    left = begun(touched=True, done={COPY: 1.0, HALT: 2.0}, facts=facts)
    left.old["forks"] = [{"timeline": 1}]
    replacing._hand_over(settings, left)
    assert said == ["start", "wait", "stop", "ready", "remove"]
    assert more == [{"wal_keep_size": "1TB"}]
    record = volume_record.read(settings)
    assert (record["volume"], record["forks"]) == (NEW, [{"timeline": 1}, {"timeline": 2}])


def test_a_database_that_was_killed_at_its_stop_is_not_the_newest_state(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replacing, "_control", lambda *_: {"Database cluster state": "in production"})
    monkeypatch.setattr(docker, "inspect", only_volumes)
    assert "in its volume alone" in replacing._last_of(settings, begun())
    with pytest.raises(BackupError, match="did not stop cleanly"):
        replacing._last_of(settings, begun(facts={"old_answered": True}))


def test_a_volume_that_is_damaged_says_nothing_of_its_cluster(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker, "run", lambda *_: docker.Done(1, "", "could not open file"))
    monkeypatch.setattr(docker, "inspect", only_volumes)
    monkeypatch.setattr(pgbackrest, "image_of", lambda _: "image")
    assert "in its volume alone" in replacing._last_of(settings, begun())


@pytest.fixture
def old(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The old database: it answers, how it ends and what the repository has; and what was done to it."""
    seen: dict[str, Any] = {"state": "shut down", "archived": True, "flush": None, "did": []}

    def did(what: str, error: Exception | None = None) -> None:
        seen["did"].append(what)
        if error:
            raise error

    control = {"Latest checkpoint's REDO WAL file": name_of(1, 9)}
    monkeypatch.setattr(docker, "inspect", only_volumes)
    monkeypatch.setattr(planning, "running", lambda _: True)
    monkeypatch.setattr(
        replacing.Database, "execute", lambda *_: did("checkpoint", QueryError("canceling statement"))
    )
    monkeypatch.setattr(replacing, "_stop_backends", lambda _: did("backends"))
    monkeypatch.setattr(planning, "flush", lambda *_: did("flush", seen["flush"]))
    monkeypatch.setattr(replacing, "_stop_database", lambda _: did("database"))
    monkeypatch.setattr(
        replacing, "_control", lambda *_: {**control, "Database cluster state": seen["state"]}
    )
    monkeypatch.setattr(pgbackrest, "contents_of", lambda *_: None)
    monkeypatch.setattr(pgbackrest, "has_segment", lambda *_: seen["archived"])
    return seen


def test_a_checkpoint_that_is_too_slow_ends_no_halt_and_keeps_nobody_out(
    settings: Settings, old: dict[str, Any]
) -> None:
    left = begun(journal.LATEST_STEPS)
    replacing._halt(settings, left)
    assert old["did"] == ["checkpoint", "backends", "flush", "database"]
    assert left.facts["old_database"] == "stopped, with all it had committed in the repository"


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"state": "in production"}, "did not stop cleanly"),
        ({"archived": False}, f"last WAL segment, {name_of(1, 8)}, is not in repo1"),
        # It came after all, at the stop.
        ({"flush": BackupError("not yet")}, "stopped, with all it had committed"),
    ],
)
def test_what_became_of_the_old_database_is_told_as_it_was_seen_after_its_end(
    settings: Settings, old: dict[str, Any], how: dict[str, Any], told: str
) -> None:
    old.update(how)
    left = begun()
    replacing._halt(settings, left)
    assert told in left.facts["old_database"]
    with pytest.raises(BackupError, match=r"not yet|Roll back, which starts the old database again"):
        replacing._halt(settings, begun(journal.LATEST_STEPS))


def test_what_was_half_filled_makes_room_before_the_next_try_looks_for_it(
    settings: Settings, held: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    held["free"] = 1 << 30
    done: list[str] = []

    def remove(copy: Any) -> None:
        done.append(copy.volume)
        held["free"] = 10 << 30

    monkeypatch.setattr(replacing.Scratch, "remove", remove)
    monkeypatch.setattr(leftovers, "sweep", lambda _: done.append("of killed jobs"))
    monkeypatch.setattr(replacing, "_make", lambda *_: done.append("copy"))
    monkeypatch.setattr(replacing, "_hand_over", lambda *_: done.append("hand over"))
    journal.write(settings, begun(journal.LATEST_STEPS, touched=True, done={HALT: 1.0}))
    left = journal.read(settings)
    left.request = {"to": "latest"}
    journal.write(settings, left)
    record = replacing.resume(settings, 1.0)
    assert "restore --resume` on the controller starts" in record["done"][-1]
    assert done == [NEW, "of killed jobs", "copy", "hand over"]


def test_the_newest_state_is_only_what_was_replayed_to_the_end() -> None:
    gap = Recovery("", "", 2, 3, last_segment=name_of(1, 5), gap="WAL segment 6 is missing")
    see_all_replayed(gap, name_of(1, 5))
    with pytest.raises(BackupError, match="WAL segment 6 is missing"):
        see_all_replayed(gap, name_of(1, 7))


def test_a_roll_back_before_anything_was_handed_over_takes_the_copy_away(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(docker, "inspect", only_volumes)
    monkeypatch.setattr(docker, "remove", lambda kind, names: done.extend(f"{kind} {each}" for each in names))
    journal.write(settings, begun(touched=True, done={COPY: 1.0}))
    replacing.rollback(settings, "", 1.0)
    assert f"volume {NEW}" in done
    assert volume_record.read(settings)["volume"] == "shop-pgdata"
    replacing.close(settings, 1.0)
    assert journal.read(settings) is None
    assert "restore" not in volume_record.read(settings)


def test_the_full_backup_after_a_restore_lets_none_from_before_it_go(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def take(*_: Any, expire: bool = True) -> dict[str, Any]:
        asked.append(expire)
        return {"repositories": {}}

    monkeypatch.setattr(replacing.backups, "take", take)
    monkeypatch.setattr(docker, "inspect", lambda *_: None)
    journal.write(settings, begun(touched=True, done={COPY: 1.0, HALT: 2.0, HAND_OVER: 3.0}))
    replacing.close(settings, 1.0)
    assert asked == [False]


def test_without_a_restore_there_is_nothing_to_resume_or_roll_back(settings: Settings) -> None:
    for act in (lambda: replacing.resume(settings, 1.0), lambda: replacing.rollback(settings, "", 1.0)):
        with pytest.raises(RefusedError, match="No restore was interrupted"):
            act()


def test_another_stacks_name_replaces_nothing(settings: Settings) -> None:
    with pytest.raises(RefusedError, match="this host's stack is shop"):
        replacing.replace(settings, Request("latest"), "stop", False, 1.0)


@pytest.mark.parametrize(
    ("marked", "missing"),
    [
        (["00000002.history", name_of(2, 7), name_of(2, 8)], None),
        (["00000002.history", name_of(2, 8)], name_of(2, 7)),
        ([name_of(2, 7), name_of(2, 8)], "00000002.history"),
    ],
)
def test_a_copy_that_lost_wal_of_its_timeline_is_not_put_in_service(
    marked: list[str], missing: str | None
) -> None:
    if missing is None:
        handover.check_chain(name_of(2, 9), "0/7000100", marked)
        return
    with pytest.raises(BackupError, match=missing):
        handover.check_chain(name_of(2, 9), "0/7000100", marked)


@pytest.mark.parametrize(
    ("text", "epoch"),
    [
        ("1970-01-01 00:01:00+00", 60.0),
        ("1970-01-01 01:01:00.5+01", 60.5),
        ("1970-01-01 05:31:00.25+05:30", 60.25),
        ("", None),
    ],
)
def test_times_of_the_servers_log(text: str, epoch: float | None) -> None:
    assert replacing._epoch(text) == epoch


def test_the_copy_is_filled_with_its_archive_off_and_the_set_that_was_taken_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[list[str]] = []
    answer = docker.Done(0, "INFO: repo1: restore backup set 20261125-120000F, recovery will start\n", "")
    monkeypatch.setattr(docker, "run", lambda argv, **_: said.append(argv) or answer)
    repository, target = settings.repositories[0], pgbackrest.Target("name", "here", None, "2")
    assert pgbackrest.restore(repository, target, ["docker", "run", "image"]) == "20261125-120000F"
    assert said[0][:5] == ["docker", "run", "image", "pgbackrest", "--repo=1"]
    assert {"--type=name", "--target=here", "--target-timeline=2", "--archive-mode=off"} <= set(said[0])
    answer = docker.Done(1, "", "ERROR: [075]: no backup set found to restore\n")
    with pytest.raises(BackupError, match=r"Restoring from repo1 .* failed: .*no backup set found"):
        pgbackrest.restore(repository, target, ["docker", "run", "image"])
