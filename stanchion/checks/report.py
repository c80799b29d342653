"""One host's findings together: what applies, what came out, and whether a play should stop for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stanchion.checks.decide import applies, decide
from stanchion.checks.look import Look
from stanchion.checks.model import WORST_FIRST, Finding, Outcome, Phase, stops
from stanchion.checks.protection import Protection, protection
from stanchion.checks.registry import Check, catalogue
from stanchion.checks.words import count

FACTS_VERSION = 2


class FactsVersionError(Exception):
    """The facts were gathered by another version of stack_facts."""


@dataclass(frozen=True)
class Report:
    """What the checks of one phase say of one host.

    `engine` is running, absent, stopped or unreachable; `deployed` whether a container of the stack is there
    (true where nobody could look); `seconds` how long the look took; `protection` the figures of the
    backups, where they were looked at.
    """

    stack: str
    engine: str
    deployed: bool
    phase: Phase
    applicable: int
    seconds: float
    findings: tuple[Finding, ...]
    protection: Protection | None = None

    @property
    def counts(self) -> Counter[Outcome]:
        """How many checks had each outcome."""
        return Counter(finding.outcome for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return it as the action's result has it."""
        return {
            "stack": self.stack,
            "engine": self.engine,
            "deployed": self.deployed,
            "phase": self.phase.value,
            "applicable": self.applicable,
            "seconds": self.seconds,
            "findings": [finding.as_dict() for finding in self.findings],
            "protection": self.protection and self.protection.as_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """Return what `as_dict` was made from."""
        given = data.get("protection")
        return cls(
            stack=data["stack"],
            engine=data["engine"],
            deployed=data["deployed"],
            phase=Phase(data["phase"]),
            applicable=data["applicable"],
            seconds=data["seconds"],
            findings=tuple(Finding.from_dict(finding) for finding in data["findings"]),
            protection=Protection(**{**given, "jobs": tuple(given["jobs"])}) if given else None,
        )

    def refusal(self, host: str, fail_on: str) -> str:
        """Return why a play should stop, each reason with its remedy; empty where it should go on."""
        if not self.deployed:
            return f"The stack {self.stack} is not deployed on {host}. Deploy it first."
        reasons = [f for f in self.findings if stops(f.outcome, f.severity, fail_on)]
        if not reasons:
            return ""
        every = catalogue()
        lines = [f"{f.slug}: {f.summary}. {every[f.slug].remedy}" for f in reasons]
        before = " Nothing was changed." if self.phase is Phase.PREFLIGHT else ""
        failed = count(len(reasons), "check")
        return "\n".join([f"On {host}, {failed} of {self.applicable} did not pass.{before}", *lines])


def report(
    facts: Mapping[str, Any],
    declared: Mapping[str, Any],
    thresholds: Mapping[str, Any],
    phase: Phase,
    checks: Sequence[Check],
) -> Report:
    """Ask the checks about one host's facts; the worst comes first.

    Raises:
        FactsVersionError: the facts are of another version than the checks read.
    """
    version = facts.get("schema_version")
    if version != FACTS_VERSION:
        raise FactsVersionError(f"The facts are of version {version}, and these checks read {FACTS_VERSION}.")
    look = Look(facts, declared, thresholds, phase)
    stack, engine = str(declared["stack"]["name"]), str(facts["engine"].get("state", "unreachable"))
    seconds = float(facts.get("elapsed", 0.0))
    if phase is not Phase.PREFLIGHT and (engine == "absent" or _nothing_there(facts)):
        return Report(stack, engine, False, phase, 0, seconds, ())
    findings = sorted(decide(look, checks), key=lambda f: (WORST_FIRST.index(f.outcome), f.slug))
    applicable = sum(applies(look, check) for check in checks)
    return Report(stack, engine, True, phase, applicable, seconds, tuple(findings), protection(facts))


def _nothing_there(facts: Mapping[str, Any]) -> bool:
    """Say whether no container of the stack is there; what a look itself left behind is none."""
    containers = facts.get("containers", {})
    return bool(containers.get("ok")) and all(e["role"] == "validation" for e in containers["entries"])
