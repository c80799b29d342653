"""Which moments can be restored, by timeline, with holes and changes of timeline."""

from __future__ import annotations

import pytest
from stanchion_backup.repository import pgbackrest
from stanchion_backup.repository.pgbackrest import Archive, BackupSet, Contents
from stanchion_backup.repository.wal import name_of, number_of
from stanchion_backup.repository.windows import Timeline, abandoned, timelines, windows

MINUTE = 60
# Timeline 1 was left in segment 6, timeline 2 goes on from there.
HISTORY = "1\t0/6000100\tbefore 2026-11-25 12:00:00+00\n"


def backup(label: str, timeline: int, segment: int, stopped: int) -> BackupSet:
    name = name_of(timeline, segment)
    return BackupSet(
        label, "full", stopped - 1, stopped, 1000, 100, False, name, name, (), f"0/{segment:X}000120"
    )


def archive(*segments: tuple[int, range], history: bool = False) -> Archive:
    """Segment n came at minute n."""
    there = {name_of(timeline, n): n * MINUTE for timeline, numbers in segments for n in numbers}
    return Archive(there, {2: (10 * MINUTE, HISTORY)} if history else {})


def test_one_backup_and_unbroken_wal() -> None:
    (window,) = windows("repo1", [backup("a", 1, 2, 100)], archive((1, range(1, 8))), live=1, newest=433.0)
    assert (window.start, window.end, window.sets, window.note) == (100, 433.0, ("a",), "")


def test_a_hole_ends_a_window_and_names_the_segment() -> None:
    sets = [backup("a", 1, 2, 2 * MINUTE), backup("b", 1, 6, 6 * MINUTE)]
    held = archive((1, range(1, 4)), (1, range(5, 8)))
    later, earlier = windows("repo1", sets, held, live=1, newest=430.0)
    assert (earlier.sets, earlier.end) == (("a",), 3 * MINUTE)
    assert name_of(1, 4) in earlier.note
    assert (later.sets, later.end, later.note) == (("b",), 430.0, "")


def test_a_hole_before_every_backup_limits_nothing() -> None:
    held = archive((1, range(1, 2)), (1, range(3, 8)))
    (window,) = windows("repo1", [backup("a", 1, 4, 240)], held, live=1, newest=430.0)
    assert window.note == ""


def test_the_old_timeline_stays_restorable_along_itself() -> None:
    sets = [backup("a", 1, 2, 120), backup("late", 1, 7, 430), backup("b", 2, 11, 700)]
    held = archive((1, range(1, 10)), (2, range(6, 13)), history=True)
    live, old = windows("repo1", sets, held, live=2, newest=760.0)
    assert (live.timeline, live.live, live.sets, live.end) == (2, True, ("a", "b"), 760.0)
    assert (old.timeline, old.live, old.sets, old.end) == (1, False, ("a", "late"), 9 * MINUTE)


def test_until_there_is_a_backup_of_the_new_timeline_its_window_ends_where_it_begins() -> None:
    held = archive((1, range(1, 10)), (2, range(6, 13)), history=True)
    live, _old = windows("repo1", [backup("a", 1, 2, 120)], held, live=2, newest=760.0)
    assert live.end == 10 * MINUTE
    assert "no backup of timeline 2 yet" in live.note


def test_without_the_segment_of_the_change_the_chain_is_broken() -> None:
    sets = [backup("a", 1, 2, 120), backup("b", 2, 11, 700)]
    held = archive((1, range(1, 10)), (2, range(7, 13)), history=True)
    later, earlier = (
        each for each in windows("repo1", sets, held, live=2, newest=760.0) if each.timeline == 2
    )
    assert later.sets == ("b",)
    assert earlier.sets == ("a",)
    assert name_of(2, 6) in earlier.note


def test_a_backup_past_the_change_does_not_reach_the_new_timeline() -> None:
    timeline = timelines([], archive((2, range(6, 7)), history=True))[2]
    assert timeline.ancestors == ((1, 0x6000100),)
    assert timeline.reaches(backup("before", 1, 5, 1))
    assert not timeline.reaches(backup("in its segment, after it", 1, 6, 1))
    assert not Timeline(1).reaches(backup("of a child", 2, 8, 1))


def test_what_a_restore_has_left_behind_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = (backup("a", 1, 5, 1), backup("past", 1, 7, 2), backup("b", 2, 8, 3))
    held = Contents(1, 0, "", "7", "", "", sets, archive="17-1")
    asked: list[int] = []
    monkeypatch.setattr(pgbackrest, "history", lambda *given: asked.append(given[2]) or HISTORY)
    assert abandoned(None, held, 2) == ["past"]  # type: ignore[arg-type]
    # After a way back the first one is live, which has no history.
    assert abandoned(None, held, 1) == ["b"]  # type: ignore[arg-type]
    assert asked == [2]


@pytest.mark.parametrize("number", [0, 255, 256, 257, 70000])
def test_numbers_and_names_of_segments_agree(number: int) -> None:
    assert number_of(name_of(3, number)) == number
