"""Kills for want of memory: each counts once, whoever tells of it."""

from stanchion_figures.kills import Kills

SEEN = Kills(life="a")


def test_what_was_before_the_first_look_is_not_counted():
    assert Kills().after(0, "a", 7) == Kills(count=0, life="a", by_kernel=7)


def test_what_the_engine_tells():
    assert SEEN.after(2, "a", 0).count == 2
    # Of the first process, which ended the container: its cgroup went, and the next one begins anew.
    assert SEEN.after(1, "b", 0).count == 1
    assert SEEN.after(1, "", None).count == 1


def test_what_the_kernel_alone_tells():
    once = SEEN.after(0, "a", 1)
    assert once.count == 1
    twice = once.after(0, "a", 2)
    assert (twice.count, twice.after(0, "a", 2).count) == (2, 2)
    # In its next life the kernel begins at nothing.
    assert twice.after(0, "b", 1).count == 3


def test_what_both_tell_counts_once():
    assert SEEN.after(1, "a", 1).count == 1
    # The engine may tell a moment later.
    assert SEEN.after(0, "a", 1).after(1, "a", 1).count == 1
    assert SEEN.after(0, "a", 1).after(2, "a", 2).count == 2


def test_what_the_engine_never_told_hides_no_later_kill():
    assert SEEN.after(0, "a", 1).after(0, "a", 1).after(1, "", None).count == 2


def test_a_container_that_is_not_seen_keeps_its_count():
    assert Kills(count=3, life="a", by_kernel=2).after(0, "", None) == Kills(count=3, life="a", by_kernel=2)
    assert Kills(count=3, life="a", by_kernel=2).after(0, "", None).after(0, "a", 2).count == 3
