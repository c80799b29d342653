"""The causes, filled by the decorator `cause`, in the order of the layers."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import stanchion.recovery.causes
from stanchion.checks.look import Look
from stanchion.checks.model import Finding
from stanchion.recovery.model import Layer, Risk, Seen
from stanchion.recovery.remedies import REMEDIES, Remedy

Failing = Mapping[str, Finding]
Search = Callable[[Look, Failing], Iterable[Seen]]


@dataclass(frozen=True)
class Cause:
    """One way in which a stack breaks.

    Attributes:
        slug: `layer.what`, stable.
        title: what is wrong, in a few words.
        remedy: a slug of REMEDIES, None where only a person can mend it.
        risk: of the remedy, for this cause.
        shown_by: checks, or subjects of checks, that fail where it is so: it is looked for if one has.
        explains: checks and subjects whose failing is its consequence; `*` are all.
        silences: sources of stack_facts that cannot answer where it is so. A check that could not look for
            want of one of them is a consequence.
        blocks: causes that are its consequences: their remedies would be in vain, or do harm.
        search: finds the places where it is so.
    """

    slug: str
    layer: Layer
    title: str
    remedy: str | None
    risk: Risk
    shown_by: tuple[str, ...]
    explains: tuple[str, ...]
    silences: tuple[str, ...]
    blocks: tuple[str, ...]
    search: Search


_CAUSES: dict[str, Cause] = {}


def cause(
    slug: str,
    layer: Layer,
    title: str,
    *,
    shown_by: Sequence[str],
    remedy: str | None = None,
    risk: Risk | None = None,
    explains: Sequence[str] = (),
    silences: Sequence[str] = (),
    blocks: Sequence[str] = (),
) -> Callable[[Search], Search]:
    """Put a search into the list of causes."""

    def register(search: Search) -> Search:
        if slug in _CAUSES:
            raise ValueError(f"There are two causes {slug}.")
        of_remedy = Risk.MANUAL if remedy is None else REMEDIES[remedy].risk
        names = (tuple(shown_by), tuple(explains), tuple(silences), tuple(blocks))
        _CAUSES[slug] = Cause(slug, layer, title, remedy, risk or of_remedy, *names, search)
        return search

    return register


@cache
def every_cause() -> tuple[Cause, ...]:
    """Return all causes, the lowest layer first; in a layer as its file has them."""
    folder = stanchion.recovery.causes
    for module in pkgutil.iter_modules(folder.__path__):
        importlib.import_module(f"{folder.__name__}.{module.name}")
    order = list(Layer)
    return tuple(sorted(_CAUSES.values(), key=lambda each: order.index(each.layer)))


def matches(slug: str, names: Iterable[str]) -> bool:
    """Say whether a check is among these checks and subjects."""
    subject = slug.partition(".")[0]
    return any(name in (slug, subject, "*") for name in names)


def of_check(slug: str) -> list[tuple[Risk, Remedy]]:
    """Return what may mend what a check finds, with how much of it is done without a word; the order of the
    causes. Empty: a person reads what the check says to do."""
    found: dict[str, tuple[Risk, Remedy]] = {}
    for each in every_cause():
        if each.remedy is not None and slug in each.shown_by:
            found.setdefault(each.remedy, (each.risk, REMEDIES[each.remedy]))
    return list(found.values())
