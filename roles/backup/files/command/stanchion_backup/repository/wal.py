# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""WAL segments: their names and numbers, and which of the chain are missing from the oldest backup on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

# Of a segment, as initdb makes it.
SEGMENT_BYTES = 16 * 1024 * 1024
# A segment's name: timeline, log, and segment within the log of 4 GiB, eight hexadecimal digits each.
_IN_A_LOG = 0x100000000 // SEGMENT_BYTES


class Backup(Protocol):
    """What the chain has to say of a backup: the segments that it needs to be consistent."""

    @property
    def label(self) -> str: ...
    @property
    def wal_first(self) -> str: ...
    @property
    def wal_last(self) -> str: ...


def number_of(segment: str) -> int:
    """Return the number of a segment, whatever its timeline: how many lie before it."""
    return int(segment[8:16], 16) * _IN_A_LOG + int(segment[16:24], 16)


def name_of(timeline: int, number: int) -> str:
    """Return the name of a segment."""
    return f"{timeline:08X}{number // _IN_A_LOG:08X}{number % _IN_A_LOG:08X}"


def after(segment: str) -> str:
    """Return the name of the segment that follows one on its timeline."""
    return name_of(int(segment[:8], 16), number_of(segment) + 1)


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
        there = {number_of(each) for each in held if each.startswith(timeline)}
        ends = {number_of(each) for each in (*needed, archived) if each.startswith(timeline)}
        of_backups = {number_of(each) for each in needed if each.startswith(timeline)}
        first = min(of_backups or there or ends)
        last = max(there | ends)
        found += _in_words(timeline, [each for each in range(first, last + 1) if each not in there], known)
    return found


def _in_words(timeline: str, numbers: list[int], sets: list[Backup]) -> list[str]:
    words = []
    while numbers:
        length = next((i for i, each in enumerate(numbers) if each != numbers[0] + i), len(numbers))
        first, last = (name_of(int(timeline, 16), each) for each in (numbers[0], numbers[length - 1]))
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
