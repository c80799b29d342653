"""The parts of a drill that need no host: choice of a target, comparing facts, reading logs and records."""

import dataclasses
import json
import os
import signal
from types import SimpleNamespace

import pytest
from stanchion_backup.drills import choosing, content, drill, proof
from stanchion_backup.drills.assertions import Sheet
from stanchion_backup.drills.course import Drill
from stanchion_backup.errors import BackupError, BusyError, RefusedError
from stanchion_backup.host import docker, jobs, leftovers, stopping
from stanchion_backup.host.database import Database
from stanchion_backup.repository import pgbackrest, wal
from stanchion_backup.repository.pgbackrest import BackupSet, Contents
from stanchion_backup.repository.windows import Timeline
from stanchion_backup.restored import beside, facts, scratch
from stanchion_backup.restored.canary import Row
from stanchion_backup.restored.markers import Markers
from stanchion_backup.restored.scratch import Recovery
from stanchion_backup.settings import Repository, load
from test_backup_settings import raw, written

REPO = Repository(1, "volume", "demo-backup")
FULL, DIFF, INCR, NEWEST = "20260101-000000F", "20260101-000000F_d", "20260101-000000F_i", "20260108-000000F"


def one_set(label, needs=(), timeline=1, segment=3):
    kind = "full" if label.endswith("F") else "incr"
    wal = f"{timeline:08X}00000000{segment:08X}"
    return BackupSet(label, kind, 0, 1, 1000, 10, False, wal, wal, tuple(needs))


def contents(*sets):
    return Contents(1, 0, "", "7", "", "000000010000000000000009", tuple(sets))


SETS = (one_set(FULL), one_set(DIFF, [FULL]), one_set(INCR, [FULL, DIFF]), one_set(NEWEST))


def record(label, needs=(), outcome="ok", repo="repo1", **more):
    return {
        "outcome": outcome,
        "repo": repo,
        "set": {"label": label, "needs": list(needs)},
        "ended": 1,
        **more,
    }


@pytest.fixture
def settings(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(jobs, "records", lambda _settings, _job: kept)
    known = load(written(tmp_path, raw(state_dir=str(tmp_path / "state"))))
    return known, kept


# What is chosen


FIRST = Timeline(1)


def chosen(settings, kind=None, label=None, sets=SETS, live=FIRST):
    target, taken = choosing.choose(settings, REPO, contents(*sets), live, kind, label)
    return target.kind, target.label, taken.label


def test_the_newest_set_is_left_to_the_engine_and_the_others_have_their_turn(settings):
    known, kept = settings
    drawn = [chosen(known, "time")[1:] for _ in range(200)]
    assert set(drawn) == {(None, NEWEST), *((each.label, each.label) for each in SETS)}
    assert 60 < drawn.count((None, NEWEST)) < 140
    kept.extend(record(each.label) for each in SETS)
    assert {chosen(known, "latest") for _ in range(30)} == {("latest", None, NEWEST)}


def test_sets_that_nothing_has_proved_come_first(settings):
    known, kept = settings
    kept.append(record(NEWEST))
    kept.append(record(INCR, [FULL, DIFF], outcome="failed"))
    kept.append(record(DIFF, [FULL]))
    # A part of the full one was read for the differential: its turn comes all the same.
    assert {chosen(known, "name")[2] for _ in range(60)} == {FULL, INCR}
    kept.append(record(FULL))
    assert {chosen(known, "name") for _ in range(30)} == {("name", INCR, INCR)}
    kept.append(record(INCR, [FULL, DIFF]))
    assert chosen(known, "name") == ("name", None, NEWEST)


def test_every_kind_is_drawn_and_an_older_full_one_only_where_there_is_one(settings):
    known, _ = settings
    assert {chosen(known)[0] for _ in range(200)} == set(choosing.KINDS)
    assert {chosen(known, sets=SETS[:1])[0] for _ in range(200)} == {"latest", "time", "name"}
    assert chosen(known, "older") == ("older", FULL, FULL)
    with pytest.raises(RefusedError, match="no older one"):
        chosen(known, "older", sets=SETS[:1])


def test_a_set_by_name(settings):
    known, _ = settings
    assert chosen(known, "time", DIFF) == ("time", DIFF, DIFF)
    with pytest.raises(RefusedError, match=f"repo1 has no set nope; it has {FULL}"):
        chosen(known, None, "nope")


# Timeline 1 was left in its segment 6.
SECOND = Timeline(2, ((1, 0x6000100),))
PAST = "20260107-000000F"


def test_only_sets_that_lead_along_the_live_timeline_are_drawn(settings):
    known, kept = settings
    sets = (*SETS[:3], one_set(PAST, segment=7), one_set(NEWEST, timeline=2, segment=9))
    drawn = {chosen(known, "latest", sets=sets, live=SECOND)[2] for _ in range(200)}
    assert drawn == {FULL, DIFF, INCR, NEWEST}
    assert chosen(known, "older", sets=sets, live=SECOND) == ("older", FULL, FULL)
    assert chosen(known, "time", FULL, sets, SECOND) == ("time", FULL, FULL)
    with pytest.raises(BackupError, match="no backup that leads along timeline 3"):
        chosen(known, "latest", sets=sets, live=Timeline(3))
    # The engine would take the newest of all, wherever it leads.
    kept.extend(record(each.label) for each in sets)
    assert chosen(known, "latest", sets=sets[:4], live=SECOND) == ("latest", INCR, INCR)


def test_a_set_by_name_that_leads_elsewhere_is_refused(settings):
    known, _ = settings
    sets = (one_set(PAST, segment=7), one_set(NEWEST, timeline=2, segment=9))
    why = f"The backup {PAST} was taken on timeline 1, after 2 had begun.*restore --to backup:{PAST}"
    with pytest.raises(RefusedError, match=why):
        chosen(known, "time", PAST, sets, SECOND)


def test_a_set_that_leads_elsewhere_is_no_failed_drill(settings, monkeypatch):
    known, _ = settings
    sets = (one_set(PAST, segment=7), one_set(NEWEST, timeline=2, segment=9))
    monkeypatch.setattr(pgbackrest, "contents_of", lambda *_: contents(*sets))
    monkeypatch.setattr(pgbackrest, "history", lambda *_: "1\t0/6000100\tbefore\n")
    monkeypatch.setattr(drill.volume_record, "read", lambda _: {"timeline": 2})
    with pytest.raises(RefusedError, match="cannot lead to the live database"):
        drill.drill(known, known.repositories[:1], label=PAST)
    assert not (known.folder / "records").exists()


# How facts are compared


def compared(before, after, copy):
    sheet = Sheet()
    sheet.compare(before, after, copy)
    return {each["name"]: (each["ok"], each["reason"]) for each in sheet.entries}, sheet


def test_what_did_not_change_has_to_be_the_same_in_the_copy():
    before = {"table a": {"rows": 1}, "table b": {"rows": 1}, "roles": {"x": 1}}
    found, sheet = compared(
        before, {**before, "table b": {"rows": 2}}, {"table a": {"rows": 0}, "roles": {"x": 1}}
    )
    assert found["table a"] == (False, "table a: rows 1 is 0 in the copy")
    assert found["table b"] == (None, "it changed in the live database meanwhile")
    assert found["roles"] == (True, "")
    assert sheet.failed == ["table a: rows 1 is 0 in the copy"]
    assert not sheet.proved


def test_what_could_not_be_read_is_red_but_for_what_is_too_large_or_not_there():
    before = {
        "table big": {"unread": "7 bytes are too many for backup_sentinel_size"},
        "migration head": {"unread": "there is no table alembic_version"},
        "table typo": {"unread": "there is no such table"},
        "sql broken": {"unread": "syntax error"},
    }
    found, _ = compared(before, before, before)
    assert {name: ok for name, (ok, _) in found.items()} == {
        "table big": None,
        "migration head": None,
        "table typo": False,
        "sql broken": False,
    }


def test_a_table_that_came_or_went_meanwhile_is_no_failure():
    found, _ = compared({"table a": {"rows": 1}}, {"table b": {"rows": 1}}, {})
    assert [ok for ok, _ in found.values()] == [None, None]


def test_nothing_asked_is_nothing_proved():
    sheet = Sheet()
    assert not sheet.proved
    sheet.add("backend", None, reason="none here")
    assert not sheet.proved
    sheet.add("marker a", True)
    assert sheet.proved


def test_a_long_value_is_kept_by_its_hash():
    sheet = Sheet()
    sheet.equal("roles", ["x" * 500], ["x" * 499])
    (entry,) = sheet.entries
    assert not entry["ok"]
    assert len(entry["expected"]) < 450
    assert entry["expected"] != entry["seen"]
    json.dumps(sheet.entries)


# What the server's log says

PLACED = Markers(
    a=Row(1, "drill-1-a", "2026-01-01 10:00:00+00", 1.0, "0/1"),
    name="stanchion_1",
    t="2026-01-01 10:00:01+00",
    b=Row(2, "drill-1-b", "2026-01-01 10:00:02+00", 3.0, "0/2"),
    segment="000000010000000000000007",
)
BEFORE = "before commit of transaction 9, time 2026-01-01 10:00:02+00"


def gate(settings, kind, stopped, last_before=True, stop_after=True):
    one = Drill(settings, REPO, {"phases": {}})
    recovery = Recovery(stopped, "2026-01-01 10:00:00+00", 2, 3)
    server = {"last_before": last_before, "stop_after": stop_after}
    content.log_gate(one, kind, PLACED, recovery, server)
    return one.sheet.failed


@pytest.mark.parametrize(
    ("kind", "stopped"),
    [
        ("time", BEFORE),
        ("name", 'at restore point "stanchion_1", time 2026-01-01'),
        ("latest", ""),
        ("older", ""),
    ],
)
def test_a_log_that_says_what_was_asked_for(settings, kind, stopped):
    assert gate(settings[0], kind, stopped) == []


@pytest.mark.parametrize(
    ("kind", "stopped", "said"),
    [
        ("time", "", "did not stop before the first commit after 2026-01-01 10:00:01"),
        ("name", 'at restore point "other", time 2026-01-01', "did not stop at restore point"),
        ("name", BEFORE, "did not stop at restore point"),
        ("latest", BEFORE, "stopped early"),
        ("older", 'at restore point "x"', "stopped early"),
    ],
)
def test_a_log_that_says_something_else(settings, kind, stopped, said):
    assert said in gate(settings[0], kind, stopped)[0]


def test_times_in_the_log_that_are_on_the_wrong_side_of_the_target(settings):
    assert "did not stop" in gate(settings[0], "time", BEFORE, stop_after=False)[0]
    assert (
        "last transaction"
        in gate(settings[0], "name", 'at restore point "stanchion_1"', last_before=False)[0]
    )


def markers_in(settings, kind, a, b, later=0, rows=None, gap="", last="000000010000000000000007"):
    one = Drill(settings, REPO, {"phases": {}})
    recovery = Recovery("", "", 2, 3, last, gap)
    seen = {"a": a, "b": b, "later": later, "age": 1.0}
    content.markers_in(one, kind, PLACED, {"rows": 1}, recovery, [{}, seen, rows or {"rows": 1}])
    return one.sheet.failed


def test_the_row_before_is_there_and_the_one_after_only_with_all_wal(settings):
    known = settings[0]
    assert markers_in(known, "time", 1, 0) == []
    assert markers_in(known, "latest", 1, 1) == []
    assert "row after the target is in the copy" in markers_in(known, "name", 1, 1)[0]
    assert "row after the target is not in the copy" in markers_in(known, "older", 1, 0)[0]
    assert "3 canary rows of the copy are later" in markers_in(known, "time", 1, 0, later=3)[0]
    assert "canary rows" in markers_in(known, "time", 1, 0, rows={"rows": 2})[0]


def test_a_gap_in_the_wal_is_the_one_cause_that_is_told(settings):
    gap = "WAL segment 000000010000000000000006 is missing in the repository"
    told = markers_in(settings[0], "latest", 0, 0, gap=gap, last="000000010000000000000005")
    assert told == [f"the row before the target is not in the copy: {gap}"]


def test_a_dead_writer_is_called_dead(settings):
    one = Drill(settings[0], REPO, {"phases": {}})
    for age in (119.0, 17 * 60.0, None):
        content.writer(one, age)
    first, second = one.sheet.failed
    assert "newest row is 17 min old" in first
    assert "there is no row of it" in second


RESTORED = """\
2026-01-01 10:00:00.000 UTC [1] LOG:  restored log file "000000010000000000000004" from archive
2026-01-01 10:00:00.000 UTC [1] LOG:  restored log file "0000000100000000000000FF" from archive
"""
SAID = """\
2026-01-01 10:00:00.000 P00  ERROR: [042]: raised from local-1 protocol: unable to get X:
                                    repo1: X.zst [FormatError] zst error
2026-01-01 10:00:01.000 UTC [1] LOG:  redo done
"""


def test_the_segment_that_is_missing_is_named_and_one_that_is_damaged_with_the_reason():
    assert scratch._gap(RESTORED) == "WAL segment 000000010000000100000000 is missing in the repository"
    told = scratch._gap(SAID + RESTORED)
    assert told.startswith("WAL segment 000000010000000100000000 is damaged")
    assert told.endswith("zst error")
    assert "redo done" not in told
    refused = "incorrect resource manager data checksum in record at 0/FF000028"
    told = scratch._gap(f"{RESTORED}2026-01-01 10:00:01.000 UTC [1] LOG:  {refused}\n")
    assert told == f"WAL segment 0000000100000000000000FF is damaged: {refused}"
    assert scratch._gap("") == "no WAL came out of the repository"


def test_segments_are_counted_as_postgres_counts_them():
    assert wal.after("00000001000000000000000F") == "000000010000000000000010"
    assert wal.after("0000000A00000001000000FF") == "0000000A0000000200000000"


# What the records say


def test_a_drill_proves_its_set_and_not_those_of_which_it_reads_a_part():
    kept = [record(INCR, [FULL]), record(DIFF, outcome="failed"), record(NEWEST, repo="repo2")]
    assert proof.labels(kept, REPO) == {INCR}
    assert proof.labels(kept, dataclasses.replace(REPO, key=2)) == {NEWEST}


def test_the_picture_counts_what_is_kept(settings):
    known, kept = settings
    kept += [
        record(INCR, [FULL], rpo_seconds=10.0, rto_seconds=4.0),
        record(DIFF, outcome="failed", rpo_seconds=999.0),
        {"outcome": "skipped"},
        record("gone", rpo_seconds=30.0, rto_seconds=6.0, ended=7),
    ]
    seen = proof.picture(known, [contents(*SETS)])
    assert seen["success"] == {"ok": 2, "of": 3}
    assert seen["last_success"] == 7
    assert seen["rpo"] == {"p50": 10.0, "p95": 30.0, "max": 30.0}
    assert seen["coverage"] == {"repo1": {"proved": 1, "kept": 4, "labels": [INCR]}}
    assert proof.picture(known, [contents()])["coverage"]["repo1"] == {"proved": 0, "kept": 0, "labels": []}


def test_an_rto_until_the_database_served_is_not_mixed_with_the_applications(settings):
    known, kept = settings
    kept += [
        record(FULL, rto_seconds=90.0, rto_to="database"),
        record(FULL, rto_seconds=100.0, rto_to="backend"),
    ]
    seen = proof.picture(known, [])
    assert (seen["rto"]["p50"], seen["rto_to"]) == (100.0, "backend")
    kept.append(record(FULL, rto_seconds=80.0, rto_to="database"))
    seen = proof.picture(known, [])
    assert (seen["rto"]["max"], seen["rto_to"]) == (90.0, "database")


def test_no_drill_yet_has_no_figures(settings):
    seen = proof.picture(settings[0], [])
    assert (seen["last"], seen["last_success"]) == (None, None)
    assert seen["rto"] == {"p50": None, "p95": None, "max": None}


# The backend beside the copy

LIKE = {
    "Name": "/demo-backend-1",
    "Image": "sha256:1",
    "Config": {
        "User": "10001:10001",
        "Env": [
            "DATABASE_URL=postgresql://app:hunter2@db/x",
            "PORT=5000",
            "PATH=/venv/bin",
            "LD_PRELOAD=/x.so",
            "LDAP_PASSWORD=hunter3",
            "GOOGLE_API_KEY=hunter4",
            "DOCKER_PASSWORD=hunter5",
        ],
        "Entrypoint": ["/run", "--fast"],
        "Cmd": ["serve"],
        "ExposedPorts": {"9/tcp": {}},
    },
    "HostConfig": {
        "Memory": 1000,
        "MemorySwap": 1000,
        "NanoCpus": 500000000,
        "PidsLimit": 20,
        "ReadonlyRootfs": True,
        "Init": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "Tmpfs": {"/tmp": "rw,size=64m"},
        "Binds": ["uploads:/uploads:rw"],
        "Mounts": [{"Type": "bind", "Source": "/s", "Target": "/run/secrets"}],
        "PortBindings": {"5000/tcp": [{}]},
    },
}


def test_a_backend_like_the_live_one_without_its_ports_and_with_nothing_to_write_to(settings, monkeypatch):
    done = {}

    def fake(*argv, environment):
        done.update(argv=argv, environment=environment)

    monkeypatch.setattr(docker, "docker", fake)
    beside.start(settings[0], LIKE, "one", "net", "drill")
    line = " ".join(done["argv"])
    assert "hunter" not in line
    assert done["environment"]["DATABASE_URL"].endswith("hunter2@db/x")
    assert "--env=DATABASE_URL" in done["argv"]
    for option in (
        "--network net",
        "--user 10001:10001",
        "--read-only",
        "--cap-drop=ALL",
        "--memory=1000",
        "--cpus=0.5",
        "--volume=uploads:/uploads:ro",
        "--mount=type=bind,source=/s,target=/run/secrets,readonly",
        "--entrypoint=/run sha256:1 --fast serve",
    ):
        assert option in line
    assert "--cpu-shares 128" in line
    assert "--publish" not in line
    assert "-p " not in line
    assert beside._port(LIKE) == 5000


def test_the_environment_of_an_image_does_not_become_that_of_the_hosts_docker(settings, monkeypatch):
    done = {}
    monkeypatch.setattr(docker, "docker", lambda *argv, environment: done.update(argv=argv, own=environment))
    beside.start(settings[0], LIKE, "one", "net", "drill")
    assert set(done["own"]) == {"DATABASE_URL", "PORT", "LDAP_PASSWORD", "GOOGLE_API_KEY", "DOCKER_PASSWORD"}
    assert {"--env=PATH=/venv/bin", "--env=LD_PRELOAD=/x.so"} <= set(done["argv"])


@pytest.mark.parametrize(("purpose", "first"), [("drill", "nice"), ("restore", "pg_checksums")])
def test_a_drill_reads_pages_when_nobody_else_wants_the_disk(settings, monkeypatch, purpose, first):
    ran = []
    monkeypatch.setattr(docker, "run", lambda argv, within: ran.extend(argv) or docker.Done(0, "", ""))
    monkeypatch.setattr(pgbackrest, "image_of", lambda _: "image")
    assert scratch.Scratch(settings[0], purpose, REPO).bad_pages() == ""
    assert ran[ran.index("image") + 1] == first


def test_a_password_in_what_a_backend_said_is_not_told(monkeypatch):
    said = "error: postgresql://app:hunter2@db/x refused\n\n"
    monkeypatch.setattr(docker, "run", lambda argv: docker.Done(0, "", said))
    assert beside._last_line("one") == "error: postgresql://app:***@db/x refused"


# What is measured


@pytest.mark.parametrize(
    ("last", "lost"),
    [
        ("000000010000000000000007", {"rpo_seconds": 61.5, "rows_lost": 2}),
        ("", {"rpo_seconds": None, "rows_lost": None}),
    ],
)
def test_what_would_be_lost_is_what_came_after_the_newest_row_in_the_repository(
    settings, monkeypatch, last, lost
):
    asked = []
    newest = Row(7, "", "", 100.0, "0/1") if last else None
    monkeypatch.setattr(drill.canary, "restorable", lambda *_: newest)
    monkeypatch.setattr(Database, "one", lambda _, sql, given: asked.append(given) or {"rows": 2})
    one = Drill(settings[0], REPO, {"phases": {}})
    assert drill._measured_loss(one, contents(*SETS), {"timeline": 1, "now": 161.5}) == lost
    assert asked == ([{"id": 7}] if last else [])


def test_the_age_of_the_backup_that_was_really_taken(settings):
    one = Drill(settings[0], REPO, {"phases": {}})
    before = SimpleNamespace(aim=None, held=contents(*SETS), expected=SETS[0], live={"now": 60.5})
    drill._restore(one, SimpleNamespace(restore=lambda _: INCR), before)
    assert (one.record["set"]["label"], one.record["backup_age_seconds"]) == (INCR, 59.5)


# Ends


@pytest.fixture
def signals():
    """What signals do is this process's: put back as it was."""
    before = {number: signal.getsignal(number) for number in stopping._SIGNALS}
    yield
    for number, old in before.items():
        signal.signal(number, old)


def test_a_signal_ends_the_command_with_a_reason_and_not_its_cleaning_up(signals):
    stopping.on_signals()
    cleaned, before = [], signal.getsignal(signal.SIGTERM)
    with pytest.raises(stopping.Stopped, match="stopped by SIGTERM"):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            with stopping.undisturbed():
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGHUP)
                cleaned.append(True)
    assert cleaned == [True]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_command_under_nohup_outlives_its_terminal(signals):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stopping.on_signals()
    os.kill(os.getpid(), signal.SIGHUP)


def test_a_drill_that_is_told_to_end_is_on_record_and_the_next_is_not_begun(settings, monkeypatch):
    known = dataclasses.replace(settings[0], repositories=(REPO, dataclasses.replace(REPO, key=2)))

    def run(*_):
        raise stopping.Stopped("It was stopped by SIGTERM before it was done.")

    monkeypatch.setattr(drill, "_run", run)
    monkeypatch.setattr(leftovers, "sweep", lambda _: None)
    with pytest.raises(stopping.Stopped):
        drill.drill(known, known.repositories)
    (path,) = (known.folder / "records").iterdir()
    kept = json.loads(path.read_text())
    assert (kept["repo"], kept["outcome"], kept["verdict"]) == ("repo1", "failed", "failed")


def test_a_drill_begins_with_what_killed_jobs_have_left(settings, monkeypatch):
    swept = []
    monkeypatch.setattr(pgbackrest, "sweep", lambda _: swept.append("a backup's container"))
    monkeypatch.setattr(scratch, "sweep", lambda _, purpose: swept.append(f"the copy of a {purpose}"))
    monkeypatch.setattr(drill, "_run", lambda one, *_: one.sheet.add("marker a", True))
    known, _ = settings
    drill.drill(known, known.repositories[:1])
    assert swept == ["a backup's container", "the copy of a drill"]


def test_a_failed_drill_has_its_record_beside_the_error(settings, monkeypatch):
    known, _ = settings

    def run(one, kind, label):
        one.sheet.add("marker a", False, 1, 0, "the row is gone")

    monkeypatch.setattr(drill, "_run", run)
    monkeypatch.setattr(leftovers, "sweep", lambda _: None)
    with pytest.raises(BackupError, match="The drill of repo1 failed: the row is gone") as raised:
        drill.drill(known, known.repositories[:1])
    (kept,) = raised.value.found["drills"]
    assert (kept["outcome"], kept["verdict"], kept["assertions"][0]["ok"]) == ("failed", "failed", False)


def test_two_repositories_are_drilled_each_for_itself(settings, monkeypatch):
    known = dataclasses.replace(settings[0], repositories=(REPO, dataclasses.replace(REPO, key=2)))

    def run(one, kind, label):
        if one.repository.key == 1:
            raise BackupError("no answer")
        one.sheet.add("marker a", True)

    monkeypatch.setattr(drill, "_run", run)
    monkeypatch.setattr(leftovers, "sweep", lambda _: None)
    with pytest.raises(BackupError, match="drill of repo1 failed: no answer") as raised:
        drill.drill(known, known.repositories)
    assert [each["verdict"] for each in raised.value.found["drills"]] == ["failed", "proved"]
    with pytest.raises(RefusedError, match="say which with --repo"):
        drill.drill(known, known.repositories, label=FULL)


@pytest.mark.parametrize(
    ("answered", "figure"),
    [
        (True, {"rto_seconds": 7.0, "rto_to": "backend"}),
        (False, {"rto_seconds": 3.0, "rto_to": "database"}),
        (None, {"rto_seconds": 3.0, "rto_to": "database"}),
    ],
)
def test_the_rto_is_the_applications_only_where_a_backend_has_answered(settings, answered, figure):
    one = Drill(settings[0], REPO, {"phases": {"restore": 1.0, "replay": 2.0, "backend": 4.0}})
    one.sheet.add("marker a", True)
    one.sheet.add("backend", answered)
    assert drill._measured_rto(one) == figure


def test_two_skipped_drills_are_skipped_and_not_failed(settings, monkeypatch):
    known = dataclasses.replace(settings[0], repositories=(REPO, dataclasses.replace(REPO, key=2)))
    with jobs.alone(known), pytest.raises(BusyError) as raised:
        drill.drill(known, known.repositories)
    assert [each["outcome"] for each in raised.value.found["drills"]] == ["skipped", "skipped"]


def test_text_becomes_a_literal_whatever_is_in_it():
    assert facts.quoted("it's") == "'it''s'"


def test_the_live_databases_rows_may_take_as_long_as_the_copys(settings, monkeypatch):
    asked = []

    def execute(self, script, values=None):
        asked.append((self.within, "hashtextextended" in script))
        return []

    monkeypatch.setattr(Database, "execute", execute)
    facts._application(Database("shop-db", "shop"), settings[0])
    facts._application(Database("copy", "shop", 900.0), settings[0])
    assert asked == [(60.0, False), (600.0, True), (900.0, False), (900.0, True)]


# Opening a second repository


def test_the_archiver_that_fails_on_a_new_repository_does_not_keep_it_from_being_opened(
    settings, monkeypatch
):
    codes = [50, 50, 0]
    monkeypatch.setattr(pgbackrest, "job", lambda *_, **__: docker.Done(codes.pop(0), "", ""))
    monkeypatch.setattr(pgbackrest.time, "sleep", lambda _: None)
    pgbackrest.create_stanza(settings[0])
    assert codes == []


def test_a_copy_replays_wal_of_a_time_when_more_was_allowed(monkeypatch, tmp_path):
    """ "maximum number of prepared transactions reached" would end the recovery."""
    said = []
    settings = load(written(tmp_path, raw(state_dir=str(tmp_path))))
    monkeypatch.setattr(scratch.docker, "docker", lambda *argv: said.extend(argv))
    monkeypatch.setattr(scratch.docker, "remove", lambda *_: None)
    monkeypatch.setattr(scratch.pgbackrest, "image_of", lambda _: "image")
    scratch.Scratch(settings, "drill", settings.repositories[0]).start("none")
    assert {"-cmax_prepared_transactions=1000", "-chot_standby=off", "-carchive_mode=off"} <= {*said}
