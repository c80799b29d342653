"""Reads what a role declared and what stack_facts found; tells what could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stanchion.contract import memory
from stanchion.preflight.problem import Problem

Facts = Mapping[str, Any]

MB = 1024**2
GB = 1024**3

_REQUIRED = object()


class DeclaredError(Exception):
    """A role's preflight declares too little, or a value that cannot be meant."""


class Declared:
    """The role variables that a preflight was given, by their own names."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def get(self, name: str, default: Any = _REQUIRED) -> Any:
        if name in self.values and self.values[name] is not None:
            return self.values[name]
        if default is _REQUIRED:
            raise DeclaredError(
                f"The preflight was not told {name}. Declare it in the role's tasks/preflight.yml."
            )
        return default

    def text(self, name: str, default: Any = _REQUIRED) -> str:
        return str(self.get(name, default))

    def number(self, name: str, default: Any = _REQUIRED) -> int:
        value = self.get(name, default)
        try:
            return int(value)
        except (TypeError, ValueError):
            raise DeclaredError(f"{name} is {value!r}, which is no whole number. Correct it.") from None

    def size(self, name: str, default: Any = _REQUIRED) -> int:
        """Return bytes, read as Docker reads a size: 512m, 4g, or a bare number of bytes."""
        value = self.get(name, default)
        try:
            return memory.docker_size(value)
        except ValueError:
            raise DeclaredError(f"{name} is {value!r}, which is no size. Write it like 512m or 4g.") from None


def show(size: int) -> str:
    """Return a size for people."""
    return f"{size / GB:.1f} GB" if size >= GB else f"{size / MB:.0f} MB"


def has_engine(facts: Facts) -> bool:
    """Say whether an engine runs; an absent or stopped one is brought up later, by its role."""
    return bool(facts["engine"].get("state") == "running")


def engine_api(facts: Facts) -> tuple[int, ...]:
    """Return the API version of an engine that runs, like (1, 44)."""
    return tuple(int(part) for part in str(facts["engine"]["api_version"]).split(".")[:2])


def unreadable(facts: Facts, *sources: str) -> list[Problem]:
    """Return a problem for each source that did not answer: could not look is never green."""
    found = []
    for source in sources:
        answer = facts[source]
        if not answer["ok"]:
            found.append(
                Problem(
                    slug="host.unreadable",
                    what=f"The host's {source.replace('_', ' ')} could not be looked at: {answer['error']}.",
                    where="the host itself",
                    remedy="See to that first; what was not looked at is not taken for granted.",
                    exit="unreachable",
                )
            )
    return found
