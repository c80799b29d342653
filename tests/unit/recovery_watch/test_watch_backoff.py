"""When a remedy is due, and when the watch gives up."""

import pytest
from stanchion_watch.backoff import ACT, GIVE_UP, GIVEN_UP, WAIT, decide

NOW = 1_000_000.0


def tried(*minutes_ago, outcome="done", by="watch", remedy="restart_backend", of="b"):
    return [
        {"at": NOW - ago * 60, "by": by, "remedy": remedy, "of": of, "outcome": outcome}
        for ago in minutes_ago
    ]


def decided(records, dead_for, patience=120):
    return decide(records, "restart_backend", "b", dead_for, patience, NOW)


@pytest.mark.parametrize(
    ("tries", "dead_for", "decision"),
    [
        ([], 119, WAIT),
        ([], 120, ACT),
        ([10], 239, WAIT),
        ([10], 240, ACT),
        ([20, 10], 479, WAIT),
        ([20, 10], 480, ACT),
        ([30, 20, 10], 119, WAIT),
        ([30, 20, 10], 120, GIVE_UP),
    ],
)
def test_each_try_doubles_what_is_waited(tries, dead_for, decision):
    assert decided(tried(*tries), dead_for) == decision
    assert decided(tried(*tries, outcome="failed"), dead_for) == decision


def test_what_a_person_has_tried_counts():
    assert decided(tried(30, 20, by="recover") + tried(10), 600) == GIVE_UP


def test_it_is_said_once_and_begins_anew_after_the_hour():
    given_up = tried(40, 30, 20) + tried(15, outcome="gave_up")
    assert decided(given_up, 600) == GIVEN_UP
    # Neither is an hour in which the first tries have grown old.
    assert decided(tried(70, 65, 50) + tried(45, outcome="gave_up"), 600) == GIVEN_UP
    assert decided(tried(90, 80, 70) + tried(61, outcome="gave_up"), 120) == ACT


def test_what_is_no_try_does_not_count():
    assert decided(tried(3, 2, 1, outcome="refused"), 120) == ACT
    assert decided(tried(3, 2, 1, of="c"), 120) == ACT
    assert decided(tried(3, 2, 1, remedy="start_backend"), 120) == ACT


def test_a_clock_that_was_put_back():
    assert decided(tried(-10, -20, -30), 120) == GIVE_UP
    assert decided(tried(-61, -62, -63), 120) == ACT
