"""What became of the rows of one run: the client's log against what the database holds, by sets."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass
class Log:
    """One writer's log.

    Attributes:
        tried: numbers of the rows that may be anywhere.
        acknowledged: numbers of those that the server said it has.
        answers: status, Retry-After and seconds of each answer of the API.
    """

    tried: set[int] = field(default_factory=set)
    acknowledged: set[int] = field(default_factory=set)
    answers: list[tuple[int, str, float]] = field(default_factory=list)


def read(lines: Iterable[str]) -> Log:
    """Read a log; a line that its writer's end has cut short says nothing."""
    log = Log()
    for line in lines:
        words = line.split()
        if words[:1] == ["try"] and len(words) == 3:
            log.tried.add(int(words[1]))
        elif words[:1] in (["yes"], ["no"]) and len(words) > 2:
            if words[0] == "yes":
                log.acknowledged.add(int(words[1]))
            if len(words) == 6:
                log.answers.append((int(words[2]), words[3], float(words[4])))
    return log


@dataclass(frozen=True)
class Outcome:
    """The sets, and the longest time between two rows, by the database's clock.

    Attributes:
        lost: acknowledged, and not there.
        unexpected: there, and never tried.
        recovered: there, though nobody told the client.
        written: how many are there.
        gap: seconds between the two successive rows that are furthest apart.
    """

    lost: frozenset[int]
    unexpected: frozenset[int]
    recovered: frozenset[int]
    written: int
    gap: float


def judge(log: Log, rows: Mapping[int, float]) -> Outcome:
    """Hold a log against the rows that were read afterwards: number and moment of each."""
    there = set(rows)
    moments = sorted(rows.values())
    return Outcome(
        frozenset(log.acknowledged - there),
        frozenset(there - log.tried),
        frozenset(there & log.tried - log.acknowledged),
        len(there),
        max((later - earlier for earlier, later in itertools.pairwise(moments)), default=0.0),
    )
