"""From a look to findings: one for every check that applies, whatever happens in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stanchion.checks.look import Look
from stanchion.checks.model import (
    Evidence,
    Finding,
    Level,
    Outcome,
    Phase,
    Severity,
    SkipError,
    UnreadableError,
)
from stanchion.checks.registry import Check


def decide(look: Look, checks: Iterable[Check]) -> list[Finding]:
    """Return the finding of every check that applies to what is declared for this host.

    A check that raises is an `error`, as is one whose source did not answer: the number of findings is the
    number of checks that apply.
    """
    return [_ask(look, check) for check in checks if applies(look, check)]


def applies(look: Look, check: Check) -> bool:
    """Say whether the part of the stack that a check is about is declared for this host."""
    return check.part is None or look.has(check.part)


def _ask(look: Look, check: Check) -> Finding:
    try:
        for name in check.reads if look.of_declared else check.every_read:
            look.expect(name)
        seen = list(check.body(look))
    except SkipError as reason:
        return Finding(check.slug, Outcome.SKIP, check.severity, str(reason))
    except UnreadableError as reason:
        return Finding(check.slug, Outcome.ERROR, check.severity, str(reason))
    except Exception as error:  # a bug in one check must not cost the others
        text = f"the check itself failed: {type(error).__name__}: {error}"
        return Finding(check.slug, Outcome.ERROR, check.severity, text)
    if not seen and look.phase is not Phase.FILE:  # of a file silence is an answer: nothing of it is there
        text = "the check found nothing to look at"
        return Finding(check.slug, Outcome.ERROR, check.severity, text)
    located = tuple(look.locate(evidence) for evidence in _worst_first(seen))
    return Finding(check.slug, _outcome(check, seen), check.severity, _summary(check, seen), located)


def _worst_first(seen: Sequence[Evidence]) -> list[Evidence]:
    order = list(Level)
    return sorted(seen, key=lambda evidence: order.index(evidence.level))


def _outcome(check: Check, seen: Sequence[Evidence]) -> Outcome:
    levels = {evidence.level for evidence in seen}
    if Level.BAD in levels:
        return Outcome.FAIL if check.severity is Severity.CRITICAL else Outcome.WARN
    return Outcome.WARN if Level.WARN in levels else Outcome.PASS


def _summary(check: Check, seen: Sequence[Evidence]) -> str:
    if not seen:
        return check.title
    worst = _worst_first(seen)[0]
    alike = sum(evidence.level is worst.level for evidence in seen)
    text = f"{worst.of}: {worst.what}" if worst.of else worst.what
    return f"{text} (and {alike - 1} more)" if alike > 1 else text
