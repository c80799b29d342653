# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The chain of WAL segments: which are missing between the oldest backup and the newest segment."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

# A segment's name: timeline, log, and segment within the log, eight hexadecimal digits each. With segments of
# 16 MB, initdb's default, a log of 4 GB has 256 of them.
_IN_A_LOG = 256


class Backup(Protocol):
    """What the chain has to say of a backup: the segments that it needs to be consistent."""

    @property
    def label(self) -> str: ...
    @property
    def wal_first(self) -> str: ...
    @property
    def wal_last(self) -> str: ...


def place(segment: str) -> int:
    """Return how many segments lie before one, on any timeline."""
    return int(segment[8:16], 16) * _IN_A_LOG + int(segment[16:24], 16)


def name(timeline: str, number: int) -> str:
    """Return the name of the segment at a place."""
    return f"{timeline}{number // _IN_A_LOG:08X}{number % _IN_A_LOG:08X}"


def missing(segments: Collection[str], sets: Iterable[Backup], archived: str = "") -> list[str]:
    """Return what is missing, in words: on each timeline, from its oldest backup to its newest segment.

    `archived` is the last segment that the server has handed over: it has to be there as well. Nobody
    needs WAL from before the oldest backup.
    """
    known = list(sets)
    needed = [each for backup in known for each in (backup.wal_first, backup.wal_last) if each]
    held = set(segments)
    found: list[str] = []
    for timeline in sorted({each[:8] for each in (*held, *needed, archived) if each}):
        there = {place(each) for each in held if each.startswith(timeline)}
        ends = {place(each) for each in (*needed, archived) if each.startswith(timeline)}
        of_backups = {place(each) for each in needed if each.startswith(timeline)}
        first = min(of_backups or there or ends)
        last = max(there | ends)
        found += _in_words(timeline, [each for each in range(first, last + 1) if each not in there], known)
    return found


def _in_words(timeline: str, numbers: list[int], sets: list[Backup]) -> list[str]:
    words = []
    while numbers:
        length = next((i for i, each in enumerate(numbers) if each != numbers[0] + i), len(numbers))
        first, last = name(timeline, numbers[0]), name(timeline, numbers[length - 1])
        what = (
            f"WAL segment {first} is missing"
            if length == 1
            else f"WAL segments {first} to {last} are missing"
        )
        spoilt = [each.label for each in sets if each.wal_first <= last and each.wal_last >= first]
        older = any(each.wal_last < first for each in sets)
        if spoilt:
            what += f", without which {', '.join(spoilt)} can't be restored at all"
        elif older:
            what += ": no older backup gets past it"
        words.append(what)
        numbers = numbers[length:]
    return words
