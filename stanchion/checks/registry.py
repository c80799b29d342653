"""The catalogue: every check with what it is about, filled by the decorator `check`."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import stanchion.checks.subjects
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, Phase, Severity

# Written by docs/generate, with a section for each check.
PAGE = "docs/checks.md"

Body = Callable[[Look], Iterable[Evidence]]

CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO
PREFLIGHT, DEPLOY, RUNTIME, FILE = Phase.PREFLIGHT, Phase.DEPLOY, Phase.RUNTIME, Phase.FILE
# Of what is read from a definition: asked wherever there is one. And of what is read from what runs.
DEFINED = (PREFLIGHT, DEPLOY, RUNTIME, FILE)
RUNNING = (DEPLOY, RUNTIME)


class UnknownCheckError(Exception):
    """There is no check or subject of this name; the text has the near matches."""


@dataclass(frozen=True)
class Threshold:
    """A variable of role validation, with its default, its unit, and why that is the default."""

    variable: str
    default: Any
    unit: str
    source: str


@dataclass(frozen=True)
class Check:
    """One check of the catalogue.

    Attributes:
        slug: `subject.what`, stable.
        rows: ids of the catalogue of checks that it covers.
        title: what holds where all is well.
        phases: when it is asked.
        severity: what it costs to leave it.
        why: what happens to those who leave it, in a sentence or two.
        remedy: what to do, with the command or the variable.
        source: where the rule comes from.
        reads: sources of stack_facts that it reads (`sql.NAME` for one query). One that did not answer
            makes the check unreadable before it is asked.
        reads_running: the same, of what is read only where the containers are real ones: not before a deploy,
            nor of a file.
        part: `postgres` or `backend` where it needs that part of the stack to be declared for the host.
    """

    slug: str
    rows: tuple[str, ...]
    title: str
    phases: tuple[Phase, ...]
    severity: Severity
    why: str
    remedy: str
    source: str
    body: Body
    reads: tuple[str, ...] = ()
    reads_running: tuple[str, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    part: str | None = None

    @property
    def subject(self) -> str:
        """The first word of the slug."""
        return self.slug.partition(".")[0]

    @property
    def every_read(self) -> tuple[str, ...]:
        """What it reads in any of its phases."""
        return (*self.reads, *self.reads_running)

    @property
    def page(self) -> str:
        """Where the documentation tells of it, by the heading of its slug: an anchor has no point."""
        return f"{PAGE}#{self.slug.replace('.', '')}"


_CHECKS: dict[str, Check] = {}


def check(
    slug: str,
    *,
    rows: str | Sequence[str],
    title: str,
    phases: Sequence[Phase],
    severity: Severity,
    why: str,
    remedy: str,
    source: str,
    reads: Sequence[str] = (),
    reads_running: Sequence[str] = (),
    thresholds: Sequence[Threshold] = (),
    part: str | None = None,
) -> Callable[[Body], Body]:
    """Put a function into the catalogue."""

    def register(body: Body) -> Body:
        if slug in _CHECKS:
            raise ValueError(f"There are two checks {slug}.")
        _CHECKS[slug] = Check(
            slug=slug,
            rows=(rows,) if isinstance(rows, str) else tuple(rows),
            title=title,
            phases=tuple(phases),
            severity=severity,
            why=why,
            remedy=remedy,
            source=source,
            body=body,
            reads=tuple(reads),
            reads_running=tuple(reads_running),
            thresholds=tuple(thresholds),
            part=part,
        )
        return body

    return register


def catalogue() -> dict[str, Check]:
    """Return every check by its slug, in the order of the slugs."""
    folder = stanchion.checks.subjects
    for module in pkgutil.iter_modules(folder.__path__):
        importlib.import_module(f"{folder.__name__}.{module.name}")
    return dict(sorted(_CHECKS.items()))


def select(phase: Phase, only: Sequence[str] = ()) -> list[Check]:
    """Return the checks of a phase; of those, the slugs and subjects named in `only`.

    Raises:
        UnknownCheckError: a name in `only` is no check or subject, or none of its checks is of the phase.
    """
    every = catalogue()
    wanted = set(_named(only, every)) if only else set(every)
    chosen = [found for found in every.values() if found.slug in wanted and phase in found.phases]
    if not chosen:
        raise UnknownCheckError(
            f"{', '.join(only)}: nothing of it is asked in the phase {phase}; "
            f"it is asked in {' and '.join(sorted({p for s in wanted for p in every[s].phases}))}."
        )
    return chosen


def _named(only: Sequence[str], every: dict[str, Check]) -> Iterator[str]:
    subjects = {found.subject for found in every.values()}
    for name in only:
        if name in every:
            yield name
        elif name in subjects:
            yield from (slug for slug, found in every.items() if found.subject == name)
        else:
            raise _unknown(f"There is no check or subject {name!r}.", name, [*every, *subjects])


def find(slug: str) -> Check:
    """Return one check.

    Raises:
        UnknownCheckError: there is none of this slug.
    """
    every = catalogue()
    if slug in every:
        return every[slug]
    below = [found for found, check in every.items() if check.subject == slug]
    if below:
        raise UnknownCheckError(f"{slug} is a subject; its checks are {', '.join(below)}.")
    raise _unknown(f"There is no check {slug!r}.", slug, every)


def _unknown(what: str, name: str, known: Iterable[str]) -> UnknownCheckError:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else "`python runner.py checks` lists them."
    return UnknownCheckError(f"{what} {hint}")


def sources_of(checks: Iterable[Check]) -> list[str]:
    """Return the sources of stack_facts that these checks read, without the names of queries."""
    return sorted({name.partition(".")[0] for found in checks for name in found.every_read})


def defaults(checks: Iterable[Check]) -> dict[str, Any]:
    """Return the defaults of all thresholds of these checks, by the names of their variables."""
    return {limit.variable: limit.default for found in checks for limit in found.thresholds}
