"""What the host keeps of the past, and what of it belongs to a period."""

import json
import os

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _history_records

DAY = 86400.0
# 2026-11-20 00:00 UTC
SINCE = 1795132800.0
UNTIL = SINCE + 7 * DAY


def job(folder, name, **more):
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "job": "full",
        "started": SINCE + 10,
        "ended": SINCE + 20,
        "outcome": "ok",
        "secret": "x",
        **more,
    }
    (folder / name).write_text(json.dumps(record))


def test_nothing_recorded_is_an_answer(tmp_path):
    period = (SINCE, UNTIL)
    assert _history_records.runs(tmp_path / "runs.jsonl", *period) == {"entries": [], "unread": 0}
    assert _history_records.recoveries(tmp_path / "x", *period) == {"entries": [], "unread": 0}
    assert _history_records.jobs(tmp_path / "no", *period) == {"entries": [], "unread": 0, "reach": {}}
    assert _history_records.targets(tmp_path / "settings.json") == {"rpo": None, "rto": None}


def test_runs_of_the_period(tmp_path):
    run = {"verb": "deploy", "outcome": "succeeded", "user": "me", "seconds": 40.5, "directory": "/home/me"}
    lines = [json.dumps({"recorded": f"2026-11-{day}T12:00:00+00:00", **run}) for day in (19, 21, 27)]
    path = tmp_path / "runs.jsonl"
    path.write_text("\n".join([*lines, '{"cut', "{}", ""]))
    found = _history_records.runs(path, SINCE, UNTIL)
    assert found["unread"] == 2
    (one,) = found["entries"]
    assert (one["ended"], one["seconds"], one["verb"]) == (SINCE + 1.5 * DAY, 40.5, "deploy")
    assert "directory" not in one


def test_jobs_of_the_period_with_what_a_report_needs_of_them(tmp_path):
    job(tmp_path, "full-20261120T000010-7.json")
    job(tmp_path, "incr-20261126T000000-8.json", job="incr", ended=SINCE + 5)
    job(tmp_path, "full-20261001T000000-9.json", ended=SINCE - DAY)
    job(tmp_path, "full-20261127T120000-9.json", ended=UNTIL + DAY)
    (tmp_path / "drill-20261121T000000-1.json").write_text("{")
    (tmp_path / "notes.txt.json").write_text("{")
    found = _history_records.jobs(tmp_path, SINCE, UNTIL)
    assert [each["job"] for each in found["entries"]] == ["incr", "full"]
    assert found["unread"] == 1
    assert "secret" not in found["entries"][0]


def test_only_records_of_the_period_are_read(tmp_path):
    job(tmp_path, "full-20260101T000000-1.json")
    # Named after its start: nobody looks into it, whatever stands in it.
    assert _history_records.jobs(tmp_path, SINCE, UNTIL)["entries"] == []


def test_records_that_were_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(_history_records, "KEPT", 2)
    for day in (22, 21, 23):
        job(tmp_path, f"incr-202611{day}T000000-1.json")
    job(tmp_path, "full-20261124T000000-1.json")
    assert _history_records.jobs(tmp_path, SINCE, UNTIL)["reach"] == {"incr": SINCE + DAY}


def test_as_many_are_kept_as_the_command_keeps():
    from pathlib import Path

    source = Path(__file__).parents[3] / "roles/backup/files/command/stanchion_backup/host/jobs.py"
    assert f"RECORDS_KEPT = {_history_records.KEPT}\n" in source.read_text()


def test_recoveries_of_the_period(tmp_path):
    path = tmp_path / "recovery.jsonl"
    good = {"at": SINCE + 1, "by": "watch", "remedy": "restart", "of": "db", "outcome": "done", "why": "dead"}
    path.write_text("\n".join([json.dumps(good), json.dumps({**good, "at": SINCE - 1}), '{"at": 5}']))
    found = _history_records.recoveries(path, SINCE, UNTIL)
    assert (found["entries"], found["unread"]) == ([{**good, "seconds": None}], 1)


def test_targets_of_the_backups(tmp_path):
    (tmp_path / "settings.json").write_text('{"rpo": 120, "rto": 900, "stack": "x"}')
    assert _history_records.targets(tmp_path / "settings.json") == {"rpo": 120, "rto": 900}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_is_closed_is_no_empty_one(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_text("")
    path.chmod(0)
    with pytest.raises(PermissionError):
        _history_records.runs(path, SINCE, UNTIL)
