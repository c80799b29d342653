"""Backups that a deploy asks for: before another image takes over, the first one, and one after a hole."""

import os
import subprocess
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from ansible_collections.stanchion.stack.plugins.modules import backup_install
from stanchion_backup import __main__, backups
from stanchion_backup.drills import drill
from stanchion_backup.errors import BackupError, BusyError
from stanchion_backup.host import docker, jobs, leftovers
from stanchion_backup.repository import pgbackrest, retention
from stanchion_backup.repository.pgbackrest import BackupSet, Contents
from stanchion_backup.restored import scratch
from stanchion_backup.settings import Repository, load
from test_backup_settings import raw, written


@pytest.fixture
def settings(tmp_path):
    return load(written(tmp_path, raw(state_dir=str(tmp_path / "state"))))


def held(monkeypatch, hours, error=False, code=0):
    stopped = int(time.time() - hours * 3600)
    one = BackupSet("L", "full", stopped - 1, stopped, 1, 1, error, "0" * 24, "0" * 24)
    contents = Contents(1, code, "", "7", "", "", (one,))
    monkeypatch.setattr(pgbackrest, "contents", lambda _: [contents])


def fails(*_, **__):
    raise BackupError("The server does not answer.")


def test_a_new_backup_is_taken(settings, monkeypatch):
    record = {"repositories": {"repo1": {"label": "20261125-1I"}}}
    monkeypatch.setattr(backups, "take", lambda *_, expire: record if not expire else None)
    found = backups.before_replace(settings, 24, 0)
    assert found == {"done": ["20261125-1I in repo1"], "warning": ""}


def test_a_young_one_is_enough_and_it_is_said(settings, monkeypatch):
    monkeypatch.setattr(backups, "take", fails)
    held(monkeypatch, hours=23)
    found = backups.before_replace(settings, 24, 0)
    assert found["done"] == []
    assert "does not answer. The newest good one, L, is 23.0 h old" in found["warning"]


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        ({"hours": 25}, "the newest good backup is 25.0 h old"),
        ({"hours": 1, "error": True}, "there is no good backup"),
        ({"hours": 1, "code": 99}, "there is no good backup"),
    ],
)
def test_otherwise_the_image_stays(settings, monkeypatch, picture, says):
    monkeypatch.setattr(backups, "take", fails)
    held(monkeypatch, **picture)
    with pytest.raises(BackupError, match=says) as caught:
        backups.before_replace(settings, 24, 0)
    assert "does not answer" in str(caught.value)
    assert "stack_backup_before_replace" in str(caught.value)


@pytest.mark.parametrize(
    ("was_off", "kinds", "done"),
    [
        (False, ("full", "incr"), []),
        (False, ("incr",), ["first full backup in repo1"]),
        (True, ("full",), ["new full backup in repo1"]),
    ],
)
def test_a_full_backup_where_there_is_none_and_after_a_hole(settings, monkeypatch, was_off, kinds, done):
    sets = tuple(BackupSet("L", kind, 1, 2, 1, 1, False, "0" * 24, "0" * 24) for kind in kinds)
    monkeypatch.setattr(pgbackrest, "contents", lambda _: [Contents(1, 0, "", "7", "", "", sets)])
    taken = []
    # After a hole those from before it are all that leads to where it began.
    monkeypatch.setattr(
        backups, "take", lambda _, kind, where, wait, expire: taken.append((kind, len(where), expire))
    )
    marker = settings.folder / backup_install.ARCHIVE_OFF
    if was_off:
        settings.folder.mkdir(parents=True)
        marker.touch()
    assert backups.first_full(settings, 0) == done
    assert taken == [("full", 1, not was_off)] * len(done)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("kinds", "proved", "was_off", "complete"),
    [
        (("full",), True, False, True),
        (("incr",), True, False, False),
        (("full",), False, False, False),
        (("full",), True, True, False),
    ],
)
def test_a_deploy_has_no_more_to_do_once_a_full_backup_was_proved(
    settings, monkeypatch, kinds, proved, was_off, complete
):
    sets = tuple(BackupSet("L", kind, 1, 2, 1, 1, False, "0" * 24, "0" * 24) for kind in kinds)
    monkeypatch.setattr(pgbackrest, "contents", lambda _: [Contents(1, 0, "", "7", "", "", sets)])
    if proved:
        drilled_once(settings, "repo1", "L")
    if was_off:
        settings.folder.mkdir(parents=True, exist_ok=True)
        (settings.folder / backup_install.ARCHIVE_OFF).touch()
    assert drill.is_complete(settings) is complete


def test_a_server_that_is_away_is_complete_once_anything_of_it_was_proved(outage, monkeypatch):
    settings, _ = outage
    remember(settings, "repo1", "repo2")
    hold(monkeypatch, settings, "L")
    drilled_once(settings, "repo1", "L")
    assert drill.is_complete(settings) is False
    drilled_once(settings, "repo2", "of before", where=AWAY.where, started=2.0)
    assert drill.is_complete(settings) is True


def test_a_job_that_runs_counts_as_one_that_could_not_be_taken(settings, monkeypatch):
    held(monkeypatch, hours=1)
    with jobs.alone(settings, wait=1):
        found = backups.before_replace(settings, 24, 0)
    assert "Another job" in found["warning"]


AWAY = Repository(2, "sftp", "sftp://keeper@b/backups", "stack_backup_network")


@pytest.fixture
def outage(settings, monkeypatch):
    """Two repositories of which the second does not answer; what was asked of the server is returned."""
    both = replace(settings, repositories=(settings.repositories[0], AWAY))
    local = Contents(1, 0, "", "7", "", "", (), archive="17-1")
    silent = Contents(2, pgbackrest.UNREADABLE, "timeout connecting", "", "", "", ())
    monkeypatch.setattr(pgbackrest, "contents", lambda _: [local, silent])
    monkeypatch.setattr(pgbackrest, "remember_image", lambda _: None)
    monkeypatch.setattr(pgbackrest, "has_segment", lambda _, held, segment: (held.key, segment) == (1, "S"))
    monkeypatch.setattr(backups, "Database", lambda _: SimpleNamespace(switch_wal=lambda: "S"))
    monkeypatch.setattr(backups.canary, "write", lambda _: None)
    asked = []
    monkeypatch.setattr(pgbackrest, "check", lambda _: asked.append("check"))
    monkeypatch.setattr(pgbackrest, "create_stanza", lambda _: asked.append("create"))
    monkeypatch.setattr(leftovers, "sweep", lambda _: None)
    monkeypatch.setattr(docker, "docker", lambda *_: "")
    monkeypatch.setattr(
        backups, "take", lambda _, kind, where, wait, expire: asked.extend(each.name for each in where)
    )
    return both, asked


def test_a_repository_that_is_opened_later_gets_the_timelines_histories(
    settings, monkeypatch, tmp_path, outage
):
    """ "recovery target timeline 2 does not exist": a server archives a history once, when it begins."""
    _, asked = outage
    opened = Contents(1, 0, "", "7", "", "", (), archive="17-1")
    monkeypatch.setattr(
        pgbackrest, "contents", lambda _: [opened, replace(opened, key=2, system_identifier="")]
    )
    status = tmp_path / "pg_wal" / "archive_status"
    status.mkdir(parents=True)
    names = ["00000002.history.done", "00000003.history.ready", "000000020000000000000007.done"]
    for name in names:
        (status / name).touch()

    def inside(*argv):
        assert argv[:2] == ("exec", settings.container)
        subprocess.run(argv[2:], env={**os.environ, "PGDATA": str(tmp_path)}, check=True)
        asked.append("offered")

    monkeypatch.setattr(docker, "docker", inside)
    backups.settle(outage[0], 1.0)
    assert asked == ["create", "offered", "check"]
    assert {each.name for each in status.iterdir()} == {
        "00000002.history.ready",
        "00000003.history.ready",
        "000000020000000000000007.done",
    }
    # One that was open already has them.
    monkeypatch.setattr(pgbackrest, "contents", lambda _: [opened, replace(opened, key=2)])
    backups.settle(outage[0], 1.0)
    assert asked[3:] == ["check"]


def remember(settings, *names):
    taken = {name: {"label": "L"} for name in names}
    jobs.keep(settings, {"job": "full", "started": 1.0, "pid": 1, "outcome": "ok", "repositories": taken})


def test_a_deploy_does_not_wait_for_a_server_that_is_away(outage):
    settings, asked = outage
    remember(settings, "repo1", "repo2")
    found = backups.settle(settings, 0)
    assert found["done"] == []
    assert found["scheduled"] is False  # there is no table
    assert found["warning"] == (
        "repo2 (sftp://keeper@b/backups) can't be reached, and its WAL waits in pg_wal: timeout connecting"
    )
    backups.first_full(settings, 0)
    assert asked == ["repo1"]


@pytest.mark.parametrize(("proved", "drilled"), [([], ["repo1"]), (["repo1"], [])])
def test_the_first_drill_of_a_server_that_is_away_is_a_warning(outage, monkeypatch, proved, drilled):
    settings, asked = outage
    remember(settings, "repo1", "repo2")
    for name in proved:
        hold(monkeypatch, settings, "L")
        drilled_once(settings, name, "L")
    monkeypatch.setattr(
        drill, "drill", lambda _, where, wait: asked.extend(each.name for each in where) or {"drills": []}
    )
    found = drill.first(settings, 0)
    assert asked == drilled
    assert found["done"] == [f"first drill of {name}" for name in drilled]
    assert found["warning"] == (
        "repo2 (sftp://keeper@b/backups) can't be reached, and no restore from it was ever proved: "
        "timeout connecting"
    )


def hold(monkeypatch, settings, label):
    """Have the first repository hold one full backup, while the second does not answer."""
    full = BackupSet(label, "full", 1, 2, 1000, 10, False, "0" * 24, "0" * 24)
    _, silent = pgbackrest.contents(settings)
    well = Contents(1, 0, "", "7", "", "", (full,), archive="17-1")
    monkeypatch.setattr(pgbackrest, "contents", lambda _: [well, silent])


def drilled_once(settings, name, label, **more):
    record = {
        "job": "drill",
        "started": 1.0,
        "pid": 1,
        "outcome": "ok",
        "repo": name,
        "set": {"label": label},
    }
    jobs.keep(settings, {**record, **more})


@pytest.mark.parametrize(
    ("label", "where", "drilled"),
    [
        ("held", "demo-backup", []),
        # Proved was a backup of another place under the same name; or one that is no longer held.
        ("held", "/mnt/old", ["repo1"]),
        ("gone", "demo-backup", ["repo1"]),
    ],
)
def test_a_repository_that_holds_nothing_proved_is_drilled_at_a_deploy(
    outage, monkeypatch, label, where, drilled
):
    settings, asked = outage
    remember(settings, "repo1", "repo2")
    hold(monkeypatch, settings, "held")
    repo1 = replace(settings.repositories[0], where="demo-backup")
    settings = replace(settings, repositories=(repo1, AWAY))
    drilled_once(settings, "repo1", label, where=where)
    monkeypatch.setattr(
        drill, "drill", lambda _, where, wait: asked.extend(each.name for each in where) or {}
    )
    drill.first(settings, 0)
    assert asked == drilled


def test_the_first_drill_of_a_server_that_was_never_reached_is_made(outage, monkeypatch):
    settings, asked = outage
    remember(settings, "repo1")
    monkeypatch.setattr(drill, "drill", lambda _, where, wait: asked.extend(where) or {})
    assert drill.first(settings, 0)["warning"] == ""
    assert [each.name for each in asked] == ["repo1", "repo2"]


def test_a_server_that_was_never_reached_is_no_outage(outage):
    settings, asked = outage
    remember(settings, "repo1")
    assert backups.settle(settings, 0)["done"] == ["opened repo2"]
    assert asked == ["create", "check"]


@pytest.mark.parametrize("job", [backups.verify, lambda settings, each: backups.take(settings, "incr", each)])
def test_every_heavy_job_takes_a_killed_drills_copy_away_first(settings, monkeypatch, job):
    swept = []
    monkeypatch.setattr(pgbackrest, "sweep", lambda _: swept.append("job"))
    monkeypatch.setattr(scratch, "sweep", lambda _, purpose: swept.append(purpose))
    for name in ("backup", "verify"):
        monkeypatch.setattr(pgbackrest, name, lambda *_: swept.append("work"))
    monkeypatch.setattr(backups, "_save_configuration", lambda _: "saved")
    monkeypatch.setattr(backups, "_archived", lambda _: "")
    monkeypatch.setattr(backups, "_newest", lambda *_: {})
    job(settings, settings.repositories)
    assert swept == ["job", "drill", "work"]


@pytest.mark.parametrize("locked", [1, 2])
def test_a_job_that_meets_the_engines_own_lock_is_skipped(settings, monkeypatch, locked):
    two = replace(settings, repositories=tuple(Repository(key, "volume", "v") for key in (1, 2)))

    def job(_, repository, *__):
        if repository.key <= locked:
            raise BusyError("[050]: unable to acquire lock")

    monkeypatch.setattr(pgbackrest, "backup", job)
    monkeypatch.setattr(leftovers, "sweep", lambda _: None)
    monkeypatch.setattr(backups, "_save_configuration", lambda _: "saved")
    monkeypatch.setattr(backups, "_newest", lambda *_: {})
    with pytest.raises(BackupError) as ended:
        backups.take(two, "full", two.repositories)
    [kept] = jobs.records(two, "full")
    # In one of them there is a backup, and in the other none: that is no skip.
    assert isinstance(ended.value, BusyError) == (locked == 2)
    assert kept["outcome"] == {1: "failed", 2: "skipped"}[locked]


@pytest.mark.parametrize("verb", ["settle", "first-full", "watch", "observe", "restore", "plan", "windows"])
def test_a_repository_is_named_only_to_what_asks_one(verb, capsys):
    with pytest.raises(SystemExit):
        __main__.parser().parse_args([verb, "--repo", "repo2"])
    assert "--repo" in capsys.readouterr().err


def test_letting_go_tells_what_went(settings, monkeypatch):
    sets = [BackupSet(label, "full", 1, 2, 1, 1, False, "0" * 24, "0" * 24) for label in ("old", "new")]
    monkeypatch.setattr(
        pgbackrest, "contents_of", lambda *_: Contents(1, 0, "", "7", "", "", tuple(sets), archive="17-1")
    )
    monkeypatch.setattr(pgbackrest, "expire_sets", lambda *_: sets.pop(0))
    monkeypatch.setattr(leftovers, "sweep", lambda _: None)
    given = __main__.parser().parse_args(["expire"])
    for number, label in enumerate(("old", "new")):
        taken = {"repo1": {"label": label, "type": "full"}}
        jobs.keep(settings, {"job": "full", "started": number, "pid": 1, "repositories": taken})
    assert retention.taken(settings) == {"repo1": ["old", "new"]}
    asked = {"repo1": {"where": settings.repositories[0].where, "retention": 1}}
    monkeypatch.setattr(retention, "asked", lambda *_: asked)
    assert __main__.act(settings, given)["expired"] == {"repo1": ["old"]}
    # And the check of what retention has to have kept does not miss it.
    assert retention.taken(settings) == {"repo1": ["new"]}
    [kept] = jobs.records(settings, "expire")
    assert kept["outcome"] == "ok"


def test_a_configuration_that_cannot_be_saved_does_not_cost_the_backup(settings, monkeypatch):
    taken = []
    monkeypatch.setattr(
        backups.configuration, "save", lambda _: (_ for _ in ()).throw(OSError("no such folder"))
    )
    monkeypatch.setattr(leftovers, "sweep", lambda _: None)
    monkeypatch.setattr(pgbackrest, "backup", lambda *given: taken.append(given))
    held(monkeypatch, hours=0)
    monkeypatch.setattr(pgbackrest, "contents_of", lambda *_: pgbackrest.contents(settings)[0])
    record = backups.take(settings, "full", settings.repositories[:1])
    assert len(taken) == 1
    assert record["configuration"] == "no such folder"


@pytest.mark.parametrize(
    ("kind", "asked", "timeline", "lets_go"),
    [
        ("full", True, 0, True),
        # Nothing is of the timeline that a restore has begun: the history from before it stays.
        ("full", True, 2, False),
        ("full", False, 0, False),
        ("incr", True, 0, False),
    ],
)
def test_backups_are_let_go_only_for_a_full_one_that_is_not_the_first_of_its_timeline(
    settings, monkeypatch, kind, asked, timeline, lets_go
):
    told = []
    held(monkeypatch, hours=1)
    monkeypatch.setattr(pgbackrest, "contents_of", lambda *_: pgbackrest.contents(settings)[0])
    monkeypatch.setattr(pgbackrest, "backup", lambda *given: told.append(given[2:]))
    monkeypatch.setattr(backups, "_save_configuration", lambda _: "saved")
    monkeypatch.setattr(leftovers, "sweep", lambda _: None)
    monkeypatch.setattr(backups.volume_record, "read", lambda _: {"timeline": timeline})
    record = backups.take(settings, kind, settings.repositories, expire=asked)
    assert told == [(kind, lets_go)]
    assert record["repositories"]["repo1"]["expire"] == lets_go


def test_a_timeline_without_a_backup_is_backed_up_whole(settings, monkeypatch):
    """The full backup at the end of a restore may have failed: the next deploy takes it."""
    taken = []
    held(monkeypatch, hours=1)
    monkeypatch.setattr(backups, "take", lambda _, kind, *given, **more: taken.append(kind))
    for timeline, kinds in ((0, []), (2, ["full"])):
        monkeypatch.setattr(backups.volume_record, "read", lambda _, n=timeline: {"timeline": n})
        backups.first_full(settings, 0)
        assert taken == kinds


def test_a_backup_before_an_adoption_is_of_a_stopped_server_in_each_repository(settings, monkeypatch):
    settings = replace(settings, repositories=(Repository(1, "volume", "v"), Repository(2, "sftp", "s")))
    said = []

    def job(given, arguments, *_, **__):
        said.append((given.image, arguments))
        return docker.Done(0, "P00   INFO: new backup label = 20261130-000000F\n", "")

    monkeypatch.setattr(pgbackrest, "job", job)
    monkeypatch.setattr(leftovers, "sweep", lambda _: None)
    told = backups.before_adoption(settings, "image", 0)
    assert told["labels"] == {"repo1": "20261130-000000F", "repo2": "20261130-000000F"}
    assert {image for image, _ in said} == {"image"}
    assert [arguments[-1] for _, arguments in said] == ["stanza-create", "backup", "backup"]
    assert all("--no-online" in arguments for _, arguments in said)
    assert all("--no-expire-auto" in arguments for _, arguments in said[1:])


def test_nothing_is_adopted_without_one(settings, monkeypatch):
    monkeypatch.setattr(leftovers, "sweep", lambda _: None)
    monkeypatch.setattr(pgbackrest, "job", lambda *_, **__: docker.Done(40, "", "ERROR: no space left"))
    with pytest.raises(BackupError, match="no space left"):
        backups.before_adoption(settings, "image", 0)
