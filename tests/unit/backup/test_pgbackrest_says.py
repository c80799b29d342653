"""What pgBackRest 2.55.1 says, as it was recorded: read for what it means."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from stanchion_backup.errors import BackupError, BusyError
from stanchion_backup.host import docker
from stanchion_backup.host.docker import Done
from stanchion_backup.repository import pgbackrest, wal
from stanchion_backup.repository.pgbackrest import Contents
from stanchion_backup.settings import load
from test_backup_settings import raw, written

RECORDED = Path(__file__).parent / "recorded"
FULL = "20261125-175255F"


def said(name):
    return (RECORDED / f"{name}.txt").read_text()


def info(name, key=1):
    [stanza] = json.loads((RECORDED / f"info-{name}.json").read_text())
    return pgbackrest.parse(stanza, key)


# The repository's contents


def test_sets_are_read_with_what_they_need():
    held = info("one")
    assert held.well
    assert held.message == ""
    assert held.system_identifier == "7712168413936640025"
    full = held.sets[0]
    assert (full.label, full.type, full.needs, full.error) == (FULL, "full", (), False)
    assert (full.size, full.stored) == (31442166, 3776960)
    assert full.stopped - full.started == 2
    newest = held.sets[-1]
    assert (newest.type, newest.needs, newest.timeline) == ("diff", (FULL,), 1)
    assert held.wal_min <= full.wal_first <= newest.wal_last <= held.wal_max


def test_a_backup_of_a_stopped_server_is_none_to_recover_from():
    [stanza] = json.loads((RECORDED / "info-one.json").read_text())
    before = {**stanza["backup"][0], "label": "20261124-000000F", "archive": {"start": None, "stop": None}}
    stanza["backup"].insert(0, before)
    assert pgbackrest.parse(stanza, 1) == info("one")
    stanza["backup"] = [before]
    assert pgbackrest.parse(stanza, 1).sets == ()


def test_each_repository_has_its_own_sets_and_its_own_wal():
    first, second = info("two", 1), info("two", 2)
    assert [each.type for each in first.sets] == ["full", "diff"]
    assert [each.label for each in second.sets] == ["20261125-175648F"]
    assert first.wal_max == "00000001000000000000000B"
    assert (second.wal_min, second.wal_max) == ("", "")
    assert first.system_identifier == second.system_identifier != ""


def test_a_repository_without_the_stanza_has_nothing_and_says_so():
    held = info("no-stanza")
    assert (held.code, held.message, held.sets, held.system_identifier) == (1, "missing stanza path", (), "")


def test_a_wrong_passphrase_is_called_that_and_its_garbage_is_not_shown():
    held = info("wrong-passphrase")
    assert not held.well
    assert held.message.startswith("wrong passphrase")
    assert "\ufffd" not in held.message


# What is wrong


def ended(text, code=1):
    return Done(code, text, "")


def test_the_error_is_told_with_its_hints_alone():
    text = (
        "2026-11-25 17:53:54.941 P00   INFO: backup command begin 2.55.1: --exec-id=1-ee\n"
        "2026-11-25 17:53:55.100 P00  ERROR: [056]: unable to find primary cluster - cannot proceed\n"
        "                                    HINT: are all available clusters in recovery?\n"
        "2026-11-25 17:53:55.100 P00   INFO: backup command end: aborted with exception [056]\n"
    )
    assert pgbackrest.complaint(ended(text, 56)) == (
        "[056]: unable to find primary cluster - cannot proceed HINT: are all available clusters in recovery?"
    )


def test_a_restore_with_a_wrong_passphrase_is_called_that():
    text = pgbackrest.complaint(ended(said("restore-wrong-passphrase"), 75))
    assert text.startswith("wrong passphrase")
    assert text.endswith("[075]: no backup set found to restore")


def test_a_manifest_that_cannot_be_read_is_no_wrong_passphrase():
    text = pgbackrest.complaint(ended(said("restore-manifests-truncated"), 95))
    assert text.startswith(f"the manifest of {FULL} and its copy are damaged")
    assert "passphrase" not in text


@pytest.mark.parametrize(
    ("done", "text"),
    [
        (Done(docker.TIMED_OUT, "half a line", "no answer within 60 s"), "no answer within 60 s"),
        (Done(1, "", "docker: no such image\n"), "docker: no such image"),
        (Done(2, "", ""), "it ended with 2"),
        (
            Done(127, "", "ionice: failed to execute pgbackrest: No such file or directory\n"),
            "there is no pgbackrest in the image: ionice: failed to execute pgbackrest: "
            "No such file or directory",
        ),
        (
            Done(126, "", 'exec failed: exec: "pgbackrest": executable file not found in $PATH: unknown\n'),
            "there is no pgbackrest in the image: exec failed: "
            'exec: "pgbackrest": executable file not found in $PATH: unknown',
        ),
    ],
)
def test_what_ends_without_an_error_of_pgbackrest_is_told_too(done, text):
    assert pgbackrest.complaint(done) == text


def test_a_lock_that_another_process_holds_is_no_failure():
    with pytest.raises(BusyError, match="is another pgBackRest process running"):
        pgbackrest._must(
            ended("P00  ERROR: [050]: unable to acquire lock: is another pgBackRest process running?", 50),
            "The full backup",
        )
    with pytest.raises(BackupError, match=r"The full backup failed: \[039\]: no") as failed:
        pgbackrest._must(ended("P00  ERROR: [039]: no", 39), "The full backup")
    assert not isinstance(failed.value, BusyError)


@pytest.mark.parametrize(("kind", "expires"), [("full", True), ("full", False), ("incr", False)])
def test_a_backup_lets_others_go_only_where_it_is_told_to(tmp_path, monkeypatch, kind, expires):
    settings = load(written(tmp_path, raw()))
    asked = []
    monkeypatch.setattr(
        pgbackrest, "job", lambda _, arguments, *__, **___: asked.extend(arguments) or ended("", 0)
    )
    monkeypatch.setattr(pgbackrest, "free_bytes", lambda *_: None)
    pgbackrest.backup(settings, settings.repositories[0], kind, expires)
    assert f"--type={kind}" in asked
    assert ("--no-expire-auto" not in asked) == expires


# A disk that is full


def test_a_full_disk_is_told_before_a_backup_waits_for_wal_that_cannot_arrive(tmp_path, monkeypatch):
    repository = {"key": 1, "kind": "folder", "where": "/mnt/backup"}
    settings = load(written(tmp_path, raw(repository=str(tmp_path), repositories=[repository])))
    asked = []
    monkeypatch.setattr(
        pgbackrest, "job", lambda _, given, *__, **___: asked.append(given[-1]) or ended("", 0)
    )
    monkeypatch.setattr(
        pgbackrest.docker.os, "statvfs", lambda _: SimpleNamespace(f_bavail=10, f_frsize=4096)
    )
    with pytest.raises(
        BackupError, match=r"repo1 \(/mnt/backup\) failed: no space left on device: 40960 bytes"
    ) as failed:
        pgbackrest.backup(settings, settings.repositories[0], "full", expire=False)
    assert asked == []
    assert "`stanchion-shop expire`" in str(failed.value)


def test_what_is_beyond_the_retention_makes_room_for_a_backup(tmp_path, monkeypatch):
    repository = {"key": 1, "kind": "folder", "where": "/mnt/backup"}
    settings = load(written(tmp_path, raw(repository=str(tmp_path), repositories=[repository])))
    asked = []

    def job(_, given, *__, **___):
        asked.append(given[-1])
        return ended("", 0)

    monkeypatch.setattr(pgbackrest, "job", job)
    room = lambda _: SimpleNamespace(f_bavail=10_000 if asked else 10, f_frsize=4096)  # noqa: E731
    monkeypatch.setattr(pgbackrest.docker.os, "statvfs", room)
    pgbackrest.backup(settings, settings.repositories[0], "full", expire=True)
    assert asked == ["expire", "backup"]
    asked.clear()
    with pytest.raises(BackupError, match="no space left"):
        pgbackrest.backup(settings, settings.repositories[0], "incr", expire=False)
    assert asked == []


def test_of_a_repository_elsewhere_nobody_knows_what_is_left(tmp_path):
    elsewhere = {"key": 2, "kind": "sftp", "where": "sftp://backup@vault/shop", "network": "backup"}
    settings = load(written(tmp_path, raw(repositories=[elsewhere])))
    assert pgbackrest.free_bytes(settings, settings.repositories[0]) is None


# Verification: it ends with 0 in every one of these


def test_a_good_repository_has_no_findings():
    assert pgbackrest.findings(said("verify-good")) == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (
            "verify-bundle-flipped",
            [f"{FULL}/bundle/1: invalid checksum", f"backup {FULL} is invalid"],
        ),
        (
            "verify-wal-flipped",
            [
                "17-1/0000000100000000/000000010000000000000005-"
                "b08f59a47c563492d84b9c8782a818489bd64f7d.zst: invalid checksum"
            ],
        ),
        (
            "verify-wal-garbled",
            [
                "17-1/0000000100000000/00000001000000000000000F-"
                "9853b93f3a4122bc11f64e8fcac24a71b375aaf5.zst: invalid result: [29] raised from local-1 "
                "protocol: zst error: [-20] Data corruption detected"
            ],
        ),
        ("verify-manifests-truncated", [f"backup {FULL} is invalid, its manifest can't be read"]),
        ("verify-wrong-passphrase", ["no usable backup.info file", "no usable archive.info file"]),
    ],
)
def test_what_is_damaged_is_named(name, found):
    assert pgbackrest.findings(said(name)) == found


@pytest.mark.parametrize("text", ["", "stanza: shop\n", "stanza: shop\nstatus: error\n"])
def test_silence_is_no_proof(text):
    assert pgbackrest.findings(text) == ["no word that it is well"]


# The chain of WAL


@dataclass(frozen=True)
class Backup:
    label: str
    wal_first: str
    wal_last: str


def segment(number, timeline=1):
    return wal.name_of(timeline, number)


def chain(first, last, timeline=1):
    return [segment(number, timeline) for number in range(first, last + 1)]


F = Backup("F", segment(4), segment(5))
LATER = Backup("D", segment(8), segment(8))


def test_a_chain_without_a_hole():
    assert wal.missing(chain(4, 9), [F, LATER], segment(9)) == []


def test_wal_from_before_the_oldest_backup_is_nobodys_need():
    assert wal.missing([segment(1), *chain(4, 9)], [F, LATER]) == []


@pytest.mark.parametrize(
    ("held", "found"),
    [
        (
            [*chain(4, 6), *chain(8, 9)],
            ["WAL segment 000000010000000000000007 is missing: no older backup gets past it"],
        ),
        (
            [*chain(4, 5), segment(7), segment(9)],
            [
                "WAL segment 000000010000000000000006 is missing: no older backup gets past it",
                "WAL segment 000000010000000000000008 is missing, without which D can't be restored at all",
            ],
        ),
        (
            chain(7, 9),
            [
                "WAL segments 000000010000000000000004 to 000000010000000000000006 are missing, "
                "without which F can't be restored at all"
            ],
        ),
        (
            [],
            [
                "WAL segments 000000010000000000000004 to 000000010000000000000008 are missing, "
                "without which F, D can't be restored at all"
            ],
        ),
    ],
)
def test_holes_are_named_with_what_they_cost(held, found):
    assert wal.missing(held, [F, LATER]) == found


def test_a_segment_that_the_server_has_handed_over_has_to_be_there():
    assert wal.missing(chain(4, 9), [F], segment(11)) == [
        "WAL segments 00000001000000000000000A to 00000001000000000000000B are missing: "
        "no older backup gets past it"
    ]
    assert wal.missing(chain(4, 9), [F], segment(10, timeline=2)) != []


def test_each_timeline_is_a_chain_of_its_own():
    held = [*chain(4, 9), *chain(7, 12, timeline=2)]
    assert wal.missing(held, [F, Backup("2F", segment(9, 2), segment(9, 2))], segment(12, 2)) == []
    held.remove(segment(10, 2))
    assert len(wal.missing(held, [F, Backup("2F", segment(9, 2), segment(9, 2))])) == 1


def test_a_log_has_256_segments():
    assert chain(255, 256) == ["0000000100000000000000FF", "000000010000000100000000"]
    assert wal.missing(chain(250, 260), [Backup("F", segment(250), segment(250))]) == []


def test_a_container_that_was_killed_is_called_so():
    done = ended(
        "2026-11-25 18:42:39.320 P00   INFO: check archive for prior segment 000000010000000000000017", 137
    )
    assert pgbackrest.complaint(done).startswith("its container was killed before it was done")


def test_the_history_of_a_timeline_is_asked_for_by_name_and_may_be_missing(tmp_path, monkeypatch):
    settings = load(written(tmp_path, raw()))
    asked, says = [], [ended("text", 0), ended("", 1), ended("Error response from daemon: no", 1)]
    monkeypatch.setattr(pgbackrest, "ask", lambda _, *given, **__: asked.append(given) or says.pop(0))
    held = Contents(1, 0, "", "7", "", "", (), archive="17-1")
    assert pgbackrest.history(settings, held, 11) == "text"
    assert pgbackrest.history(settings, held, 11) == ""
    with pytest.raises(BackupError, match="Error response from daemon"):
        pgbackrest.history(settings, held, 11)
    assert asked == 3 * [("--repo=1", "--ignore-missing", "repo-get", "archive/shop/17-1/0000000B.history")]


def test_the_last_segment_is_that_of_the_live_timeline(monkeypatch):
    held = Contents(1, 0, "", "7", "", "000000040000000000000009", ())
    names = ["000000030000000000000007", "000000030000000000000008", "000000040000000000000009"]
    listed = SimpleNamespace(segments=dict.fromkeys(names, 0))
    monkeypatch.setattr(pgbackrest, "archive", lambda *_: listed)
    assert pgbackrest.wal_max_on(None, held, 4) == "000000040000000000000009"
    assert pgbackrest.wal_max_on(None, held, 3) == "000000030000000000000008"
    assert pgbackrest.wal_max_on(None, held, 2) == ""


def test_the_image_outlives_its_container(monkeypatch, tmp_path):
    settings = load(written(tmp_path, raw(state_dir=str(tmp_path))))
    settings.folder.mkdir(exist_ok=True)
    there = {"Image": "sha256:1", "Config": {"Image": "stanchion/postgres:1"}}
    monkeypatch.setattr(pgbackrest.docker, "inspect", lambda *_: there)
    pgbackrest.remember_image(settings)
    assert pgbackrest.image_of(settings) == "sha256:1"
    monkeypatch.setattr(pgbackrest.docker, "inspect", lambda *_: None)
    assert pgbackrest.image_of(settings) == "stanchion/postgres:1"


def test_a_segment_is_waited_for_only_where_it_is_missing(tmp_path, monkeypatch):
    known = load(written(tmp_path, raw(state_dir=str(tmp_path))))
    two = replace(known.repositories[0], key=2)
    known = replace(known, repositories=(known.repositories[0], two))
    held = [Contents(key, 0, "", "", "", "", (), archive="17-1") for key in (1, 2)]
    asked = []
    monkeypatch.setattr(pgbackrest.time, "sleep", lambda _: None)
    monkeypatch.setattr(
        pgbackrest, "has_segment", lambda _, each, segment: asked.append(each.key) or each.key == 1
    )
    assert pgbackrest.wait_for(known, held, "S", 0.01) == [two]
    assert asked.count(1) == 1
    assert asked.count(2) > 1
    assert pgbackrest.wait_for(known, held[:1], "S", 60.0) == []
