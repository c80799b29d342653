"""One thing that stands in the way of a deploy, as data and as a paragraph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

Exit = Literal["configuration", "unreachable"]
Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """What is wrong, where people find it (a variable, a file, a host), and what to do about it.

    A warning is told and stops nothing: a risk that somebody may take knowingly.
    """

    slug: str
    what: str
    where: str
    remedy: str
    exit: Exit = "configuration"
    level: Level = "error"

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.what} See {self.where}. {self.remedy}"


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Return what has to be mended first."""
    return [problem for problem in problems if problem.level == "error"]


def text_of(problems: list[Problem], subject: str, host: str) -> str:
    """Return every problem at once: one that is told after the next deploy costs another deploy."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    head = f"The {subject} preflight of {host} found {count}; nothing was changed."
    if len(problems) == 1:
        return f"{head} {problems[0]}"
    return "\n".join([head, *(f"{number}. {problem}" for number, problem in enumerate(problems, 1))])


def exit_of(problems: Iterable[Problem]) -> Exit:
    """Return what the run ends with: an engine that does not answer outweighs what is misdeclared."""
    return "unreachable" if any(problem.exit == "unreachable" for problem in problems) else "configuration"
