"""Holes in an archive: found within a timeline, and none made up between two."""

import pytest
from stanchion_backup.archive import gaps


def names(timeline, *numbers):
    return [f"{timeline:08X}{number // 256:08X}{number % 256:08X}" for number in numbers]


def holes(found, first, waiting=()):
    return [(hole["first"][8:], hole["last"][8:], hole["count"]) for hole in gaps(found, first, waiting)]


@pytest.mark.parametrize("numbers", [(4,), (4, 5, 6), (254, 255, 256, 257)], ids=str)
def test_none(numbers):
    assert holes(names(1, *numbers), names(1, 4)[0]) == []


def test_one_segment_and_several_across_a_log():
    found = names(1, 4, 6, 254, 259)
    assert holes(found, found[0]) == [
        ("0000000000000005", "0000000000000005", 1),
        ("0000000000000007", "00000000000000FD", 247),
        ("00000000000000FF", "0000000100000002", 4),
    ]


def test_what_was_before_the_oldest_backup_is_nobodys_loss():
    assert holes(names(1, 1, 4, 5), names(1, 4)[0]) == []


def test_a_timeline_begins_where_it_left_the_one_before():
    assert holes([*names(1, 4, 5, 6, 7), *names(2, 6, 7, 8)], names(1, 4)[0]) == []


def test_a_hole_on_the_second_timeline():
    assert holes([*names(1, 4, 5), *names(2, 5, 7)], names(1, 4)[0]) == [
        ("0000000000000006", "0000000000000006", 1)
    ]


def test_what_the_server_still_has_is_not_lost():
    assert holes(names(1, 4, 6), names(1, 4)[0], waiting=[*names(1, 5), "00000002.history"]) == []
