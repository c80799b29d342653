"""Jobs: one at a time, each with a record however it ends, and a word to somebody when it fails."""

from __future__ import annotations

import json
import logging
import stat
import subprocess
import sys

import pytest
from stanchion_backup import __main__
from stanchion_backup.errors import BackupError, BusyError, RefusedError
from stanchion_backup.host import files, jobs
from stanchion_backup.host.stopping import Stopped
from stanchion_backup.settings import load
from test_backup_settings import raw, written


@pytest.fixture
def settings(tmp_path):
    return load(written(tmp_path, raw(state_dir=str(tmp_path / "state"))))


def told(settings, tmp_path, command):
    """Return the same settings with a command for failed jobs."""
    changed = load(written(tmp_path, raw(state_dir=settings.state_dir, on_failure=True)))
    changed.failure_script.parent.mkdir(parents=True, exist_ok=True)
    changed.failure_script.write_text(f"#!/bin/sh\n{command}\n")
    return changed


def test_a_second_job_is_refused_while_one_runs(settings):
    with jobs.alone(settings), pytest.raises(BusyError, match="Another job"), jobs.alone(settings):
        pass
    with jobs.alone(settings):
        pass


def test_a_job_waits_for_the_one_that_runs(settings):
    hold = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.LOCK_EX);"
        " print('held', flush=True); time.sleep(0.6)"
    )
    settings.folder.mkdir(parents=True)
    lock = str(settings.folder / "job.lock")
    with subprocess.Popen([sys.executable, "-c", hold, lock], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline().strip() == b"held"
        with pytest.raises(BusyError), jobs.alone(settings):
            pass
        with jobs.alone(settings, wait=10):
            pass


def test_a_killed_jobs_lock_is_free(settings):
    hold = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.LOCK_EX);"
        " print('held', flush=True); time.sleep(60)"
    )
    settings.folder.mkdir(parents=True)
    lock = str(settings.folder / "job.lock")
    with subprocess.Popen([sys.executable, "-c", hold, lock], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline().strip() == b"held"
        other.kill()
        other.wait()
        with jobs.alone(settings):
            pass


def test_a_good_job_is_on_record_with_what_it_adds(settings):
    with jobs.recorded(settings, "full") as record:
        record["label"] = "20260101-000000F"
    [kept] = jobs.records(settings, "full")
    assert (kept["stack"], kept["job"], kept["outcome"], kept["exit"], kept["error"]) == (
        *("shop", "full", "ok", 0),
        "",
    )
    assert kept["label"] == "20260101-000000F"
    assert kept["seconds"] == pytest.approx(kept["ended"] - kept["started"], abs=0.001)


@pytest.mark.parametrize(
    ("error", "outcome", "code", "text"),
    [
        (BackupError("the disk is full"), "failed", 1, "the disk is full"),
        (RefusedError("no such thing"), "refused", 2, "no such thing"),
        (Stopped("by SIGTERM"), "failed", 1, "by SIGTERM"),
        (BusyError("another runs"), "skipped", 0, "another runs"),
        (ZeroDivisionError("by hand"), "failed", 1, "ZeroDivisionError: by hand"),
        (KeyboardInterrupt(), "failed", 1, "KeyboardInterrupt: "),
    ],
)
def test_a_job_that_ends_otherwise_is_on_record_too(settings, error, outcome, code, text):
    with pytest.raises(type(error)), jobs.recorded(settings, "full"):
        raise error
    [kept] = jobs.records(settings, "full")
    assert (kept["outcome"], kept["exit"], kept["error"]) == (outcome, code, text)


def test_records_are_for_root_only(settings):
    with jobs.recorded(settings, "full"):
        pass
    folder = settings.folder / "records"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())]
    assert modes == [0o700, 0o600]


def test_the_oldest_records_of_a_job_go(settings, monkeypatch):
    monkeypatch.setattr(jobs, "RECORDS_KEPT", 3)
    for started in range(5):
        jobs.keep(settings, {"job": "incr", "started": started, "pid": 7})
    jobs.keep(settings, {"job": "full", "started": 0, "pid": 7})
    assert [each["started"] for each in jobs.records(settings, "incr")] == [2, 3, 4]
    assert len(jobs.records(settings, "full")) == 1


def test_a_record_that_cannot_be_read_hides_no_other(settings):
    jobs.keep(settings, {"job": "full", "started": 0, "pid": 1})
    (settings.folder / "records" / "full-19700101T000001-2.json").write_text("{half")
    assert [each["pid"] for each in jobs.records(settings, "full")] == [1]


def test_a_file_is_replaced_as_a_whole_or_stays(settings, tmp_path):
    path = tmp_path / "state.json"
    files.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        files.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert sorted(each.name for each in tmp_path.iterdir()) == ["settings.json", "state.json"]


def test_somebody_is_told_of_a_failed_job_and_of_no_other(settings, tmp_path):
    heard = tmp_path / "heard"
    settings = told(settings, tmp_path, f"cat >> {heard}")
    with jobs.recorded(settings, "full"):
        pass
    for error in (BusyError("another runs"), RefusedError("--to yesterday: this is none")):
        with pytest.raises(type(error)), jobs.recorded(settings, "full"):
            raise error
    assert not heard.exists()
    with pytest.raises(BackupError), jobs.recorded(settings, "full"):
        raise BackupError("the disk is full")
    record = json.loads(heard.read_text())
    assert (record["job"], record["error"]) == ("full", "the disk is full")


def full(*_):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        (None, 1),
        (BackupError("no WAL arrives"), 1),
        (RefusedError("no such thing"), 2),
        (BusyError("busy"), 1),
    ],
)
def test_a_full_disk_is_told_of_though_there_is_no_record(settings, tmp_path, monkeypatch, ends, code):
    heard = tmp_path / "heard"
    settings = told(settings, tmp_path, f"cat >> {heard}")
    monkeypatch.setattr(files, "write_json", full)
    with pytest.raises(BackupError) as raised, jobs.recorded(settings, "full"):
        if ends:
            raise ends
    record = json.loads(heard.read_text())
    assert (record["outcome"], record["exit"]) == ("failed", code)
    assert "No space left on device" in record["error"]
    if ends:
        assert raised.value is ends
        assert str(ends) in record["error"]
    else:
        assert "full ended ok, and then" in str(raised.value)


def test_the_command_ends_with_what_the_disk_says(settings, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(__main__, "act", full)
    monkeypatch.setattr(jobs, "log_to_file", lambda _: None)
    assert __main__.main(["--settings", str(settings.path), "watch", "--scheduled"]) == 1
    assert "watch failed: [Errno 28] No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [(BusyError("another runs"), 75), (RefusedError("no such thing"), 2), (Stopped("by SIGTERM"), 1)],
)
def test_who_asked_for_json_gets_it_whatever_the_reason(settings, monkeypatch, capsys, error, code):
    def act(*_):
        raise error

    monkeypatch.setattr(__main__, "act", act)
    monkeypatch.setattr(jobs, "log_to_file", lambda _: None)
    command = ["--settings", str(settings.path), "backup"]
    assert __main__.main([*command, "--json"]) == code
    told = capsys.readouterr()
    assert json.loads(told.out) == {"error": str(error), "exit": code}
    assert told.err == f"{error}\n"
    # Of a job that meets another one, cron has nothing to mail.
    assert __main__.main([*command, "--scheduled"]) == (0 if isinstance(error, BusyError) else code)
    assert capsys.readouterr().err == ("" if isinstance(error, BusyError) else f"{error}\n")


def test_the_log_stays_within_five_megabytes(settings, monkeypatch):
    monkeypatch.setattr(jobs, "log", logging.getLogger("of this test"))
    jobs.log_to_file(settings)
    for _ in range(7):
        jobs.log.info("x" * 999_000)
    (handler,) = jobs.log.handlers
    handler.close()
    assert sum(path.stat().st_size for path in (settings.folder / "log").iterdir()) <= 5_000_000


def test_a_command_for_failed_jobs_that_fails_is_in_the_log(settings, tmp_path, caplog):
    settings = told(settings, tmp_path, "echo no mail here >&2; exit 3")
    with caplog.at_level(logging.ERROR), pytest.raises(BackupError), jobs.recorded(settings, "full"):
        raise BackupError("the disk is full")
    assert "backup_on_failure ended with 3: no mail here" in caplog.text
    assert jobs.records(settings, "full")[0]["error"] == "the disk is full"


def test_the_command_for_failed_jobs_is_no_argument(settings, tmp_path):
    seen = tmp_path / "seen"
    settings = told(settings, tmp_path, f"tr '\\0' ' ' < /proc/$$/cmdline > {seen}  # its token")
    with pytest.raises(BackupError), jobs.recorded(settings, "full"):
        raise BackupError("the disk is full")
    assert seen.read_text().split() == ["sh", str(settings.failure_script)]
