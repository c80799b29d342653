"""The plan: from one look to what is to be done, from the next one to what became of it. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stanchion.checks.look import Look
from stanchion.checks.model import Finding, Level, Outcome, SkipError, UnreadableError, stops
from stanchion.checks.registry import catalogue
from stanchion.recovery.model import Fate, Found, Layer, Risk, Seen
from stanchion.recovery.registry import Cause, Failing, every_cause, matches
from stanchion.recovery.remedies import REMEDIES

# The same remedy at the same place: who needs it a fourth time has not found the cause.
MOST_AN_HOUR = 3
HOUR = 3600.0
# Whatever was begun counts, with or without success.
_COUNTED = ("done", "failed")

_CAME_LATER = "it was not there when the word was given"

_LAYERS = {
    "engine": Layer.ENGINE,
    "host": Layer.ENGINE,
    "network": Layer.NETWORK,
    "dns": Layer.NETWORK,
    "volume": Layer.VOLUME,
    "disk": Layer.VOLUME,
    "integrity": Layer.VOLUME,
    "environment": Layer.BACKEND,
    "migration": Layer.BACKEND,
    "pool": Layer.BACKEND,
    "backup": Layer.SCHEDULE,
    "proof": Layer.SCHEDULE,
    "schedule": Layer.SCHEDULE,
    "monitoring": Layer.MONITORING,
}


@dataclass(frozen=True)
class Plan:
    """Every cause with its fate so far, and those whose remedies are to be used now."""

    causes: tuple[Found, ...]
    todo: tuple[Found, ...]
    critical: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it as the action's result has it."""
        return {
            "causes": [each.as_dict() for each in self.causes],
            "todo": [each.as_dict() for each in self.todo],
            "critical": self.critical,
        }


def plan(
    look: Look,
    findings: Sequence[Finding],
    approved: Iterable[str] = (),
    records: Iterable[Mapping[str, Any]] | None = (),
    earlier: Iterable[Found] = (),
    done: Iterable[Mapping[str, Any]] = (),
) -> Plan:
    """Return what is wrong, what is to be done about it, and what became of what was done before.

    Args:
        findings: of the same look, of the phase runtime.
        approved: slugs of remedies that a person has said yes to.
        records: what was done on this host lately: `at` (Unix seconds), `remedy`, `of`, `outcome`; None where
            that could not be read, and then nothing is done.
        earlier: the causes of the look before, in the same run.
        done: what this run has done: `remedy`, `of`, `outcome` (done, failed, refused), `why`, `seconds`.
    """
    used = {_use(each["remedy"], each["of"]): each for each in done}
    before = {each.key: each for each in earlier}
    shown = frozenset(key for key, each in before.items() if not each.why.startswith(_CAME_LATER))
    said = _Said(frozenset(approved), shown if before else None, _often(look, records))
    seen, hidden = diagnose(look, findings)
    found = {each.key: _decided(each, said) for each in seen}
    wanted = {_use(each.remedy, each.of): each for each in found.values() if each.outcome is Fate.PLANNED}
    # What was used in this run and is needed still is told as that, and not tried again.
    todo = tuple(each for use, each in wanted.items() if use not in used)
    unread = {finding.slug for finding in findings if finding.outcome is Outcome.ERROR}
    told = []
    for each in before.values():
        still = found.pop(each.key, None)
        known = each.cause not in hidden and not unread.issuperset(each.because)
        told.append(_ended(each, still, used.get(_use(each.remedy, each.of)), known))
    critical = any(stops(finding.outcome, finding.severity) for finding in findings)
    return Plan(tuple(_in_order([*told, *found.values()])), todo, critical)


def _use(remedy: str, of: str) -> tuple[str, str]:
    """Return what counts as the same use of a remedy."""
    known = REMEDIES.get(remedy)
    return remedy, "" if known is not None and known.whole else of


@dataclass(frozen=True)
class _Said:
    """What a person has said yes to, of which causes (None: of all), and how often each remedy was used."""

    approved: frozenset[str]
    shown: frozenset[tuple[str, str]] | None
    often: Mapping[tuple[str, str], int] | None


def _often(look: Look, records: Iterable[Mapping[str, Any]] | None) -> Mapping[tuple[str, str], int] | None:
    """Return how often each remedy was used within the last hour, by whichever of the two clocks."""
    if records is None:
        return None
    now = look.now.timestamp()
    return Counter(
        _use(each["remedy"], each["of"])
        for each in records
        if each["outcome"] in _COUNTED and abs(now - float(each["at"])) < HOUR
    )


def diagnose(look: Look, findings: Sequence[Finding]) -> tuple[list[Found], set[str]]:
    """Return the causes of what failed, the lowest layer first, and those that are hidden behind them.

    What no cause explains stands for itself.
    """
    failing = {f.slug: f for f in findings if f.outcome in (Outcome.FAIL, Outcome.ERROR, Outcome.WARN)}
    found: list[tuple[Cause, tuple[str, ...], list[str], list[Seen]]] = []
    claimed: set[str] = set()
    hidden: set[str] = set()
    for each in every_cause():
        because = tuple(slug for slug in failing if matches(slug, each.shown_by))
        places = _places(each, look, failing) if because else []
        if not places:
            continue
        follows = [slug for slug in failing if slug not in because and _follows(each, because, failing, slug)]
        claimed.update(because, follows)
        behind = next((entry for entry in found if _blocks(entry[0], each)), None)
        if behind is None:
            found.append((each, because, follows, places))
        else:
            hidden.add(each.slug)
            known = (*behind[1], *behind[2])
            behind[2].extend(slug for slug in (*because, *follows) if slug not in known)
    told = [_found(*entry[:3], seen) for entry in found for seen in entry[3]]
    alone = [f for f in failing.values() if stops(f.outcome, f.severity) and f.slug not in claimed]
    return _in_order([*told, *(_unexplained(finding) for finding in alone)]), hidden


def _follows(each: Cause, because: Sequence[str], failing: Failing, slug: str) -> bool:
    """Say whether a finding is a consequence of a cause. What only warns explains nothing that fails."""
    finding = failing[slug]
    if all(failing[name].outcome is Outcome.WARN for name in because) and finding.outcome is Outcome.FAIL:
        return False
    if matches(slug, each.explains):
        return True
    sources = {name.partition(".")[0] for name in catalogue()[slug].every_read}
    return finding.outcome is Outcome.ERROR and bool(sources.intersection(each.silences))


def _blocks(lower: Cause, upper: Cause) -> bool:
    return upper.slug in lower.blocks or "*" in lower.blocks


def _places(each: Cause, look: Look, failing: Failing) -> list[Seen]:
    """Return where a cause is seen; nowhere, where nobody can look."""
    try:
        return list(each.search(look, failing))
    except (SkipError, UnreadableError):
        return []


def _found(each: Cause, because: tuple[str, ...], explains: Sequence[str], seen: Seen) -> Found:
    remedy = None if each.remedy is None else REMEDIES[each.remedy]
    return Found(
        cause=each.slug,
        layer=each.layer,
        of=seen.of,
        what=seen.what,
        because=because,
        explains=tuple(explains),
        remedy="" if remedy is None else remedy.slug,
        risk=Risk.APPROVE if seen.word else each.risk,
        does=_runbook(because) if remedy is None else remedy.does,
        cost="" if remedy is None else remedy.cost,
        commands=seen.commands,
        arguments=seen.arguments,
        why=seen.refused,
    )


def _runbook(because: Sequence[str]) -> str:
    """Return what a person is to do: what the first check that shows it says."""
    return catalogue()[because[0]].remedy


def _unexplained(finding: Finding) -> Found:
    worst = next((seen for seen in finding.evidence if seen.level is not Level.NOTE), None)
    subject = finding.slug.partition(".")[0]
    return Found(
        cause=finding.slug,
        layer=_LAYERS.get(subject, Layer.DATABASE),
        of=worst.of if worst else "",
        what=worst.what if worst else finding.summary,
        because=(finding.slug,),
        explains=(),
        remedy="",
        risk=Risk.MANUAL,
        does=_runbook([finding.slug]),
        cost="",
    )


def _decided(each: Found, said: _Said) -> Found:
    """Return a cause with its fate before anything is done."""
    if each.risk is Risk.MANUAL:
        return replace(each, outcome=Fate.MANUAL)
    why = each.why or _needs_a_word(each, said) or _too_often(each, said)
    return replace(each, outcome=Fate.REFUSED, why=why) if why else each


def _needs_a_word(each: Found, said: _Said) -> str:
    """Return that it needs one: a word is of what was seen when it was given, not of what came after."""
    if each.risk is not Risk.APPROVE:
        return ""
    if each.remedy not in said.approved:
        return f"it needs a word: --approve {each.remedy}"
    if said.shown is not None and each.key not in said.shown:
        return f"{_CAME_LATER}; it needs another: --approve {each.remedy}"
    return ""


def _too_often(each: Found, said: _Said) -> str:
    if said.often is None:
        return "what was done lately could not be read, so nobody knows how often this was"
    times = said.often.get(_use(each.remedy, each.of), 0)
    if times < MOST_AN_HOUR:
        return ""
    return f"it was done {times} times within the last hour, and did not last: find out why first"


def _ended(before: Found, still: Found | None, used: Mapping[str, Any] | None, known: bool) -> Found:
    """Return what became of a cause that the look before had seen; `known`: the last look could tell."""
    if before.outcome in (Fate.FIXED, Fate.NOT_NEEDED) and still is None and known:
        return before
    if still is None and not known:
        why = "the last look could not see whether it is still so"
        seconds = None if used is None else float(used["seconds"])
        return replace(before, outcome=Fate.NOT_FIXED, why=why, seconds=seconds)
    if used is None:
        return still or replace(before, outcome=Fate.NOT_NEEDED, why="gone at the last look")
    if used["outcome"] == "refused":
        fate = Fate.NOT_NEEDED if still is None else Fate.REFUSED
    else:
        fate = Fate.FIXED if still is None else Fate.NOT_FIXED
    why = str(used["why"]) or ("" if still is None else still.what)
    return replace(
        before, outcome=fate, why="" if fate is Fate.FIXED else why, seconds=float(used["seconds"])
    )


def _in_order(found: Iterable[Found]) -> list[Found]:
    order = list(Layer)
    return sorted(found, key=lambda each: order.index(each.layer))
