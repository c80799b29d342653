"""What happened, on one line of time."""

from __future__ import annotations

from collections import Counter
from typing import Any

from past_week import NIGHT, UNTIL, history

from stanchion.history.events import events_of
from stanchion.history.model import Event
from stanchion.report import timeline


def only(what: str, of: str = "", told: dict[str, Any] | None = None) -> Event:
    (found,) = [each for each in events_of(told or history()) if (each.what, of) == (what, of and each.of)]
    return found


def test_all_lanes_are_told_in_order() -> None:
    events = events_of(history())
    assert Counter(each.lane for each in events) == {
        "backups": 37,
        "alerts": 7,
        "drills": 5,
        "deploys": 4,
        "recoveries": 3,
    }
    assert [each.at for each in events] == sorted(each.at for each in events)


def test_an_alert_that_is_over_and_one_that_fires() -> None:
    over, fires = only("PoolTimeouts"), only("CertificateExpires")
    assert over.until is not None
    assert (over.outcome, over.tone, over.of) == ("resolved", "bad", "backend-1")
    assert over.detail == "critical, for 114 min 0 s"
    assert (fires.outcome, fires.until, fires.tone) == ("firing", None, "warn")


def test_an_alert_that_was_seen_once() -> None:
    told = history()
    labels = {"alertname": "Short", "severity": "warning"}
    told["alerts"]["entries"] = [{"labels": labels, "spans": [[NIGHT, NIGHT]]}]
    assert only("Short", told=told).detail == "warning, for less than 60 s"


def test_runs_begin_where_they_began_and_previews_are_none() -> None:
    told = history()
    told["runs"]["entries"][0]["check"] = True
    told["runs"]["entries"].append({**told["runs"]["entries"][1], "verb": "backup"})
    deploys = [each for each in events_of(told) if each.lane == "deploys"]
    assert [each.outcome for each in deploys] == ["failed", "succeeded", "succeeded"]
    assert deploys[0].tone == "bad"
    assert deploys[0].until is not None
    assert (deploys[0].until - deploys[0].at).total_seconds() == 31.5
    assert deploys[0].detail == "by operator@desk, Stanchion 0.1.0"


def test_drills_have_their_figures_and_backups_their_size() -> None:
    drills = [each for each in events_of(history()) if each.lane == "drills"]
    assert (drills[0].outcome, drills[0].detail) == ("proved", "RPO 41 s, RTO 62 s")
    assert [each.tone for each in drills].count("bad") == 1
    backup = next(each for each in events_of(history()) if each.what == "full backup")
    assert backup.detail == "634.9 MB stored in 70 s"


def test_a_watch_that_gave_up_is_bad() -> None:
    told = history()
    told["recoveries"]["entries"][0]["outcome"] = "gave_up"
    found = [each for each in events_of(told) if each.what == "restart_backend"]
    assert [each.tone for each in found] == ["bad", "well"]


def test_a_source_that_cannot_be_read_has_no_events() -> None:
    told = history()
    for source in ("alerts", "runs", "jobs", "recoveries"):
        told[source] = {"ok": False, "error": "closed"}
    assert events_of(told) == []


def test_places_on_the_line() -> None:
    events = events_of(history())
    since, until = events[0].at, events[-1].at
    rows = {row.name: row for row in timeline.rows(events, since, until)}
    assert list(rows)[-4:] == ["Deploys", "Backups", "Restore drills", "Recoveries"]
    assert len(rows["PoolSaturated"].marks) == 2, "alerts of a kind are one row"
    for row in rows.values():
        for mark in row.marks:
            assert 0 <= mark.left <= 100
            assert 0 <= mark.left + mark.width <= 100.01


def test_a_lane_without_events_is_shown() -> None:
    event = only("PoolTimeouts")
    rows = timeline.rows([event], event.at, event.at.fromtimestamp(UNTIL, event.at.tzinfo))
    assert [row.name for row in rows] == [
        "PoolTimeouts",
        "Deploys",
        "Backups",
        "Restore drills",
        "Recoveries",
    ]


def test_what_is_told_at_once() -> None:
    told = timeline.notable(events_of(history()))
    backups = [each for each in told if each.lane == "backups"]
    assert [each.outcome for each in backups] == ["failed"]
    assert len([each for each in told if each.lane == "drills"]) == 5
