"""What a recovery is made of: layers, risks, what was seen of a cause, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any


class Layer(StrEnum):
    """The layers of a stack in the order in which they are mended: each stands on those before it."""

    ENGINE = "engine"
    NETWORK = "network"
    VOLUME = "volume"
    DATABASE = "database"
    BACKEND = "backend"
    SCHEDULE = "schedule"
    MONITORING = "monitoring"


class Risk(StrEnum):
    """How much of a remedy is done without a word.

    AUTOMATIC is safe, can be undone and loses nothing. APPROVE is done for `--approve SLUG` alone. MANUAL has
    no tasks at all: a person reads the runbook.
    """

    AUTOMATIC = "automatic"
    APPROVE = "approve"
    MANUAL = "manual"


class Fate(StrEnum):
    """What became of a cause."""

    PLANNED = "planned"
    FIXED = "fixed"
    NOT_FIXED = "not_fixed"
    REFUSED = "refused"
    MANUAL = "manual"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True)
class Seen:
    """One place at which a cause was seen.

    Attributes:
        of: the container, volume, sessions, table or file; the same in the next look, if it is the same.
        what: a sentence without its full stop, with the figures.
        commands: what the remedy comes down to there, as a person would type it.
        arguments: what the remedy's tasks need beside `of`.
        refused: why the remedy must not be used here, where that is so.
        word: whether it needs a word here, though it does not elsewhere.
    """

    of: str
    what: str
    commands: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    refused: str = ""
    word: bool = False


@dataclass(frozen=True)
class Found:
    """A cause on one host: what shows it, what follows from it, what mends it, what became of it.

    Attributes:
        cause: its slug; of a finding that no cause explains, that of the check.
        because: failed checks that show it.
        explains: failed checks that are its consequences.
        remedy: a slug of `REMEDIES`; empty where there is none.
        seconds: how long the remedy took, None where it was not used.
    """

    cause: str
    layer: Layer
    of: str
    what: str
    because: tuple[str, ...]
    explains: tuple[str, ...]
    remedy: str
    risk: Risk
    does: str
    cost: str
    commands: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    outcome: Fate = Fate.PLANNED
    why: str = ""
    seconds: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same cause in the next look."""
        return self.cause, self.of

    def as_dict(self) -> dict[str, Any]:
        """Return it as the action's result has it."""
        raw = asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in raw.items()} | {
            "layer": self.layer.value,
            "risk": self.risk.value,
            "outcome": self.outcome.value,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Found:
        """Return what `as_dict` was made from."""
        given = {each.name: data[each.name] for each in fields(cls)}
        for name in ("because", "explains", "commands"):
            given[name] = tuple(given[name])
        return cls(
            **{
                **given,
                "layer": Layer(data["layer"]),
                "risk": Risk(data["risk"]),
                "outcome": Fate(data["outcome"]),
            }
        )
