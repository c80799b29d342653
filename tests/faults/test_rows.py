"""What is called lost, unexpected, and a gap."""

from __future__ import annotations

from rows import judge, read

LOG = """\
try 1 100.000
yes 1 201 - 0.010 100.010
try 2 100.100
no 2 503 2 3.400 103.500
try 3 103.600
no 3 0 - 6.000 109.600
try 4 109.700
yes 4 201 - 0.011 109.711
try 5 109.8"""


def test_a_log_is_read_up_to_where_it_was_cut_short() -> None:
    """The last line of a writer that was killed may be half of one; it says what was tried all the same."""
    log = read(LOG.splitlines())
    assert log.tried == {1, 2, 3, 4, 5}
    assert log.acknowledged == {1, 4}
    assert log.answers == [(201, "-", 0.01), (503, "2", 3.4), (0, "-", 6.0), (201, "-", 0.011)]
    assert read(["try", "yes 7", "tr", ""]).tried == set()


def test_all_is_there_that_was_acknowledged() -> None:
    """A row whose answer was lost may be there; the gap is the rows' own."""
    outcome = judge(read(LOG.splitlines()), {1: 100.0, 3: 104.5, 4: 109.7})
    assert (outcome.lost, outcome.unexpected) == (frozenset(), frozenset())
    assert outcome.recovered == {3}
    assert (outcome.written, round(outcome.gap, 3)) == (3, 5.2)


def test_a_row_that_was_acknowledged_and_is_gone_is_lost() -> None:
    """And one that nobody has tried to write is unexpected."""
    outcome = judge(read(LOG.splitlines()), {1: 100.0, 9: 101.0})
    assert outcome.lost == {4}
    assert outcome.unexpected == {9}


def test_without_two_rows_there_is_no_gap() -> None:
    """A fault that lets nobody write is told by the rows that are missing, not by a figure."""
    assert judge(read([]), {}).gap == 0.0
