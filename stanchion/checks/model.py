"""What a check says: its outcome, and the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any


class Outcome(StrEnum):
    """How a check ended. `ERROR` means that it could not look: never taken for well."""

    PASS = auto()
    WARN = auto()
    FAIL = auto()
    ERROR = auto()
    SKIP = auto()


# The worst first: what a report begins with.
WORST_FIRST = (Outcome.FAIL, Outcome.ERROR, Outcome.WARN, Outcome.SKIP, Outcome.PASS)


class Severity(StrEnum):
    """What it costs to leave it. Only a critical check fails; the others warn."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Phase(StrEnum):
    """When a check is asked: before a deploy, at its end, at any time; or of a file, with nothing running."""

    PREFLIGHT = "preflight"
    DEPLOY = "deploy"
    RUNTIME = "runtime"
    FILE = "file"


class Level(StrEnum):
    """What one piece of evidence means: `BAD` is what the check is about, `WARN` its first threshold."""

    BAD = "bad"
    WARN = "warn"
    NOTE = "note"


@dataclass(frozen=True)
class Evidence:
    """One thing seen.

    Attributes:
        what: a sentence without its full stop, with the figures.
        of: the container, service, role, table or path that it is about.
        key: the key of a compose service that says so, dotted (`healthcheck.test`): it finds a file's line.
    """

    what: str
    level: Level = Level.NOTE
    of: str = ""
    key: str = ""
    line: int | None = None
    file: str = ""


def bad(what: str, of: str = "", key: str = "") -> Evidence:
    """Return evidence that fails a critical check, and warns in any other."""
    return Evidence(what, Level.BAD, of, key)


def warn(what: str, of: str = "", key: str = "") -> Evidence:
    """Return evidence that warns: the first of a critical check's two thresholds."""
    return Evidence(what, Level.WARN, of, key)


def note(what: str, of: str = "", key: str = "") -> Evidence:
    """Return what was seen and is well: the figures of a check that passes."""
    return Evidence(what, Level.NOTE, of, key)


class SkipError(Exception):
    """The check has nothing to look at here; the text says why."""


class UnreadableError(Exception):
    """The check could not look; the text says why."""


def stops(outcome: Outcome, severity: Severity, fail_on: str = "fail") -> bool:
    """Say whether a play stops for it: failed, or critical and not looked at; at `warn` for a warning too."""
    if outcome is Outcome.ERROR and severity is Severity.CRITICAL:
        return True
    return outcome is Outcome.FAIL or (fail_on == "warn" and outcome in (Outcome.WARN, Outcome.ERROR))


@dataclass(frozen=True)
class Finding:
    """What one check found on one host."""

    slug: str
    outcome: Outcome
    severity: Severity
    summary: str
    evidence: tuple[Evidence, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as the action's result and the JSON report have it."""
        return {
            "slug": self.slug,
            "outcome": self.outcome.value,
            "severity": self.severity.value,
            "summary": self.summary,
            "evidence": [
                {
                    "what": seen.what,
                    "level": seen.level.value,
                    "of": seen.of,
                    "key": seen.key,
                    "file": seen.file,
                    "line": seen.line,
                }
                for seen in self.evidence
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        """Return what `as_dict` was made from."""
        return cls(
            slug=data["slug"],
            outcome=Outcome(data["outcome"]),
            severity=Severity(data["severity"]),
            summary=data["summary"],
            evidence=tuple(Evidence(**{**seen, "level": Level(seen["level"])}) for seen in data["evidence"]),
        )
