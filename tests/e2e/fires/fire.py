"""One line of the table: how a real thing is broken, what the check says then, how it is put back."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from stack import Stack

Broken = Callable[[Stack], AbstractContextManager[object]]


@dataclass(frozen=True)
class Fire:
    """How one check is shown to fire.

    Attributes:
        slug: the check.
        batch: lines of one batch are broken together, looked at once, and put back together.
        broken: a context in which the real thing is broken. None where the batch's other lines break it too.
        says: a regular expression that the summary or a piece of evidence has to match.
        variables: variables of the run that looks: a threshold that the real figure passes, or a changed
            declaration. They hold for the whole batch.
        outcome: what the check has to come out with; `fail` or `warn` where it is left empty.
        phase: the phase in which the batch is looked at; the same for all its lines.
        green: the outcomes that count as well again afterwards.
    """

    slug: str
    batch: str
    broken: Broken | None
    says: str
    variables: dict[str, Any] = field(default_factory=dict)
    outcome: str = ""
    phase: str = "runtime"
    green: tuple[str, ...] = ("pass",)

    def fired(self, finding: dict[str, Any]) -> bool:
        """Say whether the check came out as it has to, with the right evidence."""
        outcomes = (self.outcome,) if self.outcome else ("fail", "warn")
        told = [finding["summary"], *(f"{seen['of']}: {seen['what']}" for seen in finding["evidence"])]
        return finding["outcome"] in outcomes and any(re.search(self.says, text) for text in told)


def by_sql(do: str, undo: str, database: str = "medication_tracker") -> Broken:
    """Break by statements of an operator, and put back by others."""

    @contextlib.contextmanager
    def broken(stack: Stack) -> Iterator[None]:
        stack.sql(do, database)
        try:
            yield
        finally:
            stack.sql(undo, database)

    return broken


def by_shell(do: str, undo: str) -> Broken:
    """Break by a shell command on the host, and put back by another; {stack} stands for the stack's name."""

    @contextlib.contextmanager
    def broken(stack: Stack) -> Iterator[None]:
        stack.host.run("sh", "-euc", do.replace("{stack}", stack.name))
        try:
            yield
        finally:
            stack.host.run("sh", "-euc", undo.replace("{stack}", stack.name))

    return broken


def by_session(*statements: str, wait: float = 0.0) -> Broken:
    """Break by a session that says this and then stays as it is: an idle transaction, a held lock."""

    @contextlib.contextmanager
    def broken(stack: Stack) -> Iterator[None]:
        with stack.session(*statements, wait=wait):
            yield

    return broken
