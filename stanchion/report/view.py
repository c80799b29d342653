"""A result as the documents show it: hosts and findings in the order in which they should be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stanchion.report.headline import counted
from stanchion.report.model import Checked, Outcome, Validation
from stanchion.report.validation import by_reason, latest

WORST_FIRST: tuple[Outcome, ...] = ("fail", "error", "warn", "skip", "pass")
# What people call an outcome, one by one and after a number.
WORDS = {
    "fail": "failed",
    "error": "could not look",
    "warn": "warning",
    "skip": "skipped",
    "pass": "passed",
}


@dataclass(frozen=True)
class Card:
    """One thing to tell: a finding, or several checks that could not look for the same reason."""

    outcome: Outcome
    findings: tuple[Checked, ...]
    reason: str

    @property
    def first(self) -> Checked:
        """The finding, where it is one."""
        return self.findings[0]

    @property
    def count(self) -> str:
        """How many checks it is about, and how many of them are critical."""
        critical = sum(finding.severity == "critical" for finding in self.findings)
        if critical == len(self.findings):
            return counted(critical, "critical check")
        return counted(len(self.findings), "check") + (f", {critical} of them critical" if critical else "")

    @property
    def unread(self) -> str:
        """The same as a sentence, of checks that could not look."""
        number, comma, critical = self.count.partition(",")
        return f"{number} could not look{comma}{critical}"


@dataclass(frozen=True)
class HostView:
    """What the last look at one host found."""

    validation: Validation
    cards: tuple[Card, ...]

    @property
    def name(self) -> str:
        """The host's name."""
        return self.validation.host

    def of(self, *outcomes: Outcome) -> list[Card]:
        """Return the cards of these outcomes."""
        return [card for card in self.cards if card.outcome in outcomes]

    def count(self, outcome: Outcome) -> int:
        """Return how many checks ended so."""
        return sum(finding.outcome == outcome for finding in self.validation.findings)


def hosts_of(validations: Sequence[Validation]) -> list[HostView]:
    """Return the last look at each host, the worst host first."""
    found = [HostView(each, tuple(_cards(each.findings))) for each in latest(validations)]
    return sorted(found, key=lambda host: [-host.count(o) for o in WORST_FIRST[:3]])


def totals(hosts: Iterable[HostView]) -> dict[Outcome, int]:
    """Return how many checks had each outcome, over all hosts, the worst first."""
    views = list(hosts)
    return {outcome: sum(host.count(outcome) for host in views) for outcome in WORST_FIRST}


def _cards(findings: Sequence[Checked]) -> Iterable[Card]:
    for outcome in WORST_FIRST:
        found = [finding for finding in findings if finding.outcome == outcome]
        if outcome == "error":
            yield from (Card(outcome, tuple(alike), reason) for reason, alike in by_reason(found).items())
        else:
            yield from (Card(outcome, (finding,), finding.summary) for finding in found)
