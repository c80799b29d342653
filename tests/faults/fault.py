"""One line of the table: what is broken, what has to be said of it, who mends it, what it may cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from scene import Look, Scene

ITSELF = "by itself"
RECOVER = "recover"
BY_HAND = "by hand"


def approved(what: str) -> str:
    """Return the remedy that needs a word: recover with this cause approved."""
    return f"recover --approve {what}"


def nothing(_: Scene, *__: object) -> None:
    """Do nothing."""


@dataclass
class Row:
    """One line of the table as it was measured."""

    id: str
    fault: str
    cause: str = ""
    detected: float | None = None
    gap_api: float | None = None
    gap_sql: float | None = None
    lost: int | None = None
    unexpected: int | None = None
    unknown_but_there: int | None = None
    remedy: str = ""
    recovered: float | None = None
    limits: str = ""
    how_real: str = "real"
    passed: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it for the record."""
        return asdict(self)


@dataclass(frozen=True)
class Fault:
    """How one fault is made, told of and mended.

    Attributes:
        id: F01 and so on, as in FAULTS.md.
        title: what happens.
        inject: makes it.
        expect: the cause that has to be named; empty where it heals by itself and checks alone tell of it.
        checks: the checks that have to show it; of a cause, some of those that it is named because of.
        says: what the evidence of those checks has to say, a regular expression.
        repair: who mends it: ITSELF, RECOVER, approved(…), or BY_HAND, where recover has to leave it alone.
        outcome: what recover, run without a word, has to say of the cause where it may not mend it.
        prepare: makes ready for it, before anything is measured.
        clear: takes back what prepare has made.
        undo: takes back what the injection did, however far it came: by hand, and after a failed test.
        restraint: what has to hold after recover has run without a word, and was not to act.
        meanwhile: what else has to hold while it is broken.
        afterwards: what else has to hold at the end, given the figures.
        looking: variables of the runs that look: a threshold that a short fault passes.
        broken_codes: how the runner may end while it is broken.
        gap: the longest that each writer may be without a row, in seconds; None where nothing was promised.
        recovered: the longest from the repair on until rows are written again.
        since: the moment from which on that counts, where it is not the first remedy.
        step: how far the database's clock is set back meanwhile, in seconds: its rows are put right by it.
        backend_stays: whether the backend's processes have to live through it, and to answer all the time.
        long: left to `make faults`.
        course: breaks, has told and mends in the fault's own way, in place of inject and all that follows.
        where: makes the stack that it is about, where that is not the one of all others.
        simulated: what stands for the real thing, where this machine cannot do that.
    """

    id: str
    title: str
    inject: Callable[[Scene], object]
    expect: str = ""
    checks: tuple[str, ...] = ()
    says: str = ""
    repair: str = ITSELF
    outcome: str = "manual"
    prepare: Callable[[Scene], object] = nothing
    clear: Callable[[Scene], object] = nothing
    undo: Callable[[Scene], object] = nothing
    restraint: Callable[[Scene, Look], object] | None = None
    meanwhile: Callable[[Scene, Look], object] = nothing
    afterwards: Callable[[Scene, Any], object] = nothing
    looking: dict[str, Any] = field(default_factory=dict)
    broken_codes: tuple[int, ...] = (1, 8)
    gap: float | None = None
    recovered: float = 60.0
    since: Callable[[Scene], float] | None = None
    step: float = 0
    backend_stays: bool = True
    long: bool = True
    course: Callable[[Scene, Row], None] | None = None
    where: Callable[[Scene], Scene] | None = None
    simulated: str = ""
