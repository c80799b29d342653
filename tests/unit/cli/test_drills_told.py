"""What a run tells of its drills, in each format."""

import io

from stanchion.report import drills, html, junit, markdown, text
from stanchion.report.model import Backups, Result

RECORD = {
    "repo": "repo1",
    "verdict": "failed",
    "seconds": 9.5,
    "target": {"kind": "time", "value": "2026-01-01 10:00:00+00", "label": None},
    "set": {"label": "20260101-000000F_i", "type": "incr", "size": 31360246, "needs": ["20260101-000000F"]},
    "phases": {"markers": 1.4, "restore": 0.8},
    "assertions": [
        {"name": "marker a", "ok": True, "reason": ""},
        {"name": "backend", "ok": None, "reason": "no backend of the stack runs on this host"},
        {
            "name": "table public.doses",
            "ok": False,
            "reason": "table public.doses: rows 3 is 2 in the <copy>",
        },
    ],
    "rpo_seconds": 8.9,
    "rto_seconds": 3.8,
    "rto_to": "backend",
    "data_bytes": 31360246,
}


def result(verb, record=RECORD, told="drill"):
    return Result(
        verb=verb,
        status="done",
        exit_code=0,
        headline="proved: demo can be restored",
        backups=[Backups(host="one", verb=told, result={"drills": [record]})],
    )


def test_a_drill_is_told_in_full():
    told = dict(drills.lines(result("drill")))
    assert told["drill"] == "repo1 on one: failed"
    assert told["target"] == "the moment 2026-01-01 10:00:00+00"
    assert told["set"] == "20260101-000000F_i (incr, 29.9 MB), with 20260101-000000F"
    assert told["phases"] == "markers 1.4 s · restore 0.8 s"
    assert told["proved"] == "1: marker a"
    assert told["not asked"] == "backend: no backend of the stack runs on this host"
    assert told["FAILED"] == "table public.doses: rows 3 is 2 in the <copy>"
    assert (told["RPO"], told["RTO"]) == ("8.9 s", "3.8 s for 29.9 MB")


def test_what_the_rto_covers_is_said_where_no_backend_was_asked():
    told = dict(drills.lines(result("drill", {**RECORD, "rto_to": "database"})))
    assert told["RTO"] == "3.8 s for 29.9 MB, until the database served"


def test_after_a_deploy_it_is_one_line():
    (line,) = drills.lines(result("deploy", told="first-drill"))
    assert line == (
        "drill",
        "repo1 failed, target time, RPO 8.9 s, RTO 3.8 s for 29.9 MB (on one, 9.5 s)",
    )


def test_one_that_ended_before_it_had_begun_is_told_with_what_there_is():
    record = {"repo": "repo1", "verdict": "failed", "phases": {}, "assertions": [], "rpo_seconds": None}
    assert drills.lines(result("drill", record)) == [("drill", "repo1 on one: failed")]


def test_other_verbs_have_no_drills():
    assert drills.lines(result("backup", told="backup")) == []


def test_every_format_has_what_failed():
    for module in (text, markdown, html, junit):
        out = io.StringIO()
        module.render(result("drill"), out)
        assert "rows 3 is 2 in the" in out.getvalue(), module.__name__
    assert "<copy>" not in out.getvalue()


def test_junit_has_a_case_for_each_assertion():
    out = io.StringIO()
    junit.render(result("drill"), out)
    assert 'tests="3"' in out.getvalue()
    assert 'failures="1"' in out.getvalue()
    assert 'skipped="1"' in out.getvalue()
