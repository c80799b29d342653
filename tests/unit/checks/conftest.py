"""Checks on recorded facts: a healthy stack as a real host showed it, changed by each test."""

import json
from pathlib import Path
from typing import Any

import pytest

from stanchion.checks import Finding, Look, Phase, catalogue, decide, defaults
from stanchion.checks.container import Container

RECORDED = Path(__file__).parent / "recorded" / "healthy.json"


def sound(finding: Finding) -> Finding:
    """See that every piece of evidence says in words what was seen, of what, and where that stands."""
    for seen in finding.evidence:
        assert all(isinstance(told, str) for told in (seen.what, seen.of, seen.key)), seen
        assert seen.what
    return finding


class Kept:
    """A recorded look that a test may change before it asks."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self.facts: dict[str, Any] = kept["facts"]
        self.declared: dict[str, Any] = kept["declared"]
        self.thresholds = defaults(catalogue().values())

    def ask(self, slug: str, phase: Phase | None = None) -> Finding:
        """Return what the check finds; in its last phase where none is named."""
        check = catalogue()[slug]
        asked = phase or next(p for p in reversed(check.phases) if p is not Phase.FILE)
        (finding,) = decide(Look(self.facts, self.declared, self.thresholds, asked), [check])
        return sound(finding)

    def ask_file(self, slug: str, *services: Container) -> Finding:
        """Return what the check finds in a compose file of these services."""
        look = Look({}, {}, self.thresholds, Phase.FILE, containers=services)
        (finding,) = decide(look, [catalogue()[slug]])
        return sound(finding)

    def container(self, name: str) -> dict[str, Any]:
        """Return the facts of a container, named without the stack's name."""
        return next(e for e in self.facts["containers"]["entries"] if e["name"].endswith(f"-{name}"))

    def definition(self, name: str) -> dict[str, Any]:
        """Return what is declared of a container."""
        part = "postgres" if name == "db" else "backend"
        return next(d for n, d in self.declared[part]["containers"].items() if n.endswith(f"-{name}"))

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query, to be changed."""
        return self.facts["sql"]["queries"][query]["rows"]

    def setting(self, name: str) -> dict[str, Any]:
        """Return a setting's row."""
        return next(row for row in self.rows("settings") if row["name"] == name)


@pytest.fixture(scope="session")
def recorded_text() -> str:
    return RECORDED.read_text()


@pytest.fixture
def kept(recorded_text: str) -> Kept:
    return Kept(json.loads(recorded_text))
