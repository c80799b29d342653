"""One line of the table: which real thing is broken, and which alert has to come of it."""

from __future__ import annotations

from dataclasses import dataclass

from fires.fire import Broken


@dataclass(frozen=True)
class Alarm:
    """How one alert is shown to fire, to be received, and to be over.

    Attributes:
        alert: its name.
        batch: lines of one batch are broken together, waited for, and put back together.
        how: in words, for the table.
        broken: a context in which the real thing is broken. None where the batch's other lines break it too.
        of: text that stands in the message's labels or annotations.
        silences: alerts that are consequences: they may fire, and nobody may be told of them meanwhile.
    """

    alert: str
    batch: str
    how: str
    broken: Broken | None = None
    of: str = ""
    silences: tuple[str, ...] = ()
