"""What a recovery has found and done: its one word, its sentence, its causes on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stanchion.exit_codes import ExitCode
from stanchion.report.findings import line
from stanchion.report.headline import counted, duration
from stanchion.report.model import Fate, Mended, Recovery, Result, Status

if TYPE_CHECKING:
    from rich.console import Console

# What people read in front of a cause, and in which colour.
_WORDS = {
    "planned": ("PLAN", "cyan"),
    "fixed": ("FIXED", "bold green"),
    "not_fixed": ("STILL", "bold red"),
    "refused": ("NOT", "yellow"),
    "manual": ("YOU", "magenta"),
    "not_needed": ("GONE", "dim"),
}
_IN_A_SENTENCE: Mapping[Fate, str] = {
    "planned": "planned",
    "fixed": "fixed",
    "not_fixed": "not fixed",
    "refused": "refused",
    "manual": "for a person",
    "not_needed": "gone by itself",
}
# Of what comes before a line: its margin, and its label.
_WIDTHS = (8, 7)
_EXPLAINED = 8


def recovery_of(host: str, data: Mapping[str, Any]) -> Recovery:
    """Return what stack_validate said of a host's recovery."""
    causes = [{name: each[name] for name in Mended.model_fields} for each in data["causes"]]
    return Recovery(
        host=host,
        detected=datetime.fromtimestamp(data["detected"], UTC),
        acted=_moment(data["acted"]),
        back=_moment(data["back"]),
        causes=[Mended(**each) for each in causes],
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def moments(recoveries: Sequence[Recovery]) -> dict[str, Any]:
    """Return for a run's record when it was detected, acted and back, over all hosts."""
    if not recoveries:
        return {}
    back = [each.back for each in recoveries]
    return {
        "detected": min(each.detected for each in recoveries),
        "acted": min((each.acted for each in recoveries if each.acted), default=None),
        "back": None if None in back else max(each for each in back if each is not None),
    }


def verdict(
    status: Status, code: ExitCode, recoveries: Sequence[Recovery], plan_only: bool
) -> tuple[Status, ExitCode]:
    """Return one word for all of it: a plan that has something to do is pending, whatever the checks say.

    So is one that leaves something to a person which no check calls critical, or refuses it.
    """
    outcomes = {cause.outcome for each in recoveries for cause in each.causes}
    waits = any(_waits(cause) for each in recoveries for cause in each.causes)
    if plan_only and (waits or (outcomes and status == "safe")):
        return "planned", ExitCode.PENDING
    if status == "safe" and "fixed" in outcomes:
        return "recovered", code
    return status, code


def _waits(cause: Mended) -> bool:
    """Say whether a cause waits for somebody to say go, or a word."""
    return cause.outcome == "planned" or (cause.outcome == "refused" and "--approve" in cause.why)


def headline(stack: str | None, status: Status, recoveries: Sequence[Recovery], seconds: float) -> str:
    """Return the first sentence."""
    number = Counter(cause.outcome for each in recoveries for cause in each.causes)
    parts = [f"{number[outcome]} {words}" for outcome, words in _IN_A_SENTENCE.items() if number[outcome]]
    what = ", ".join(parts) or "nothing to do"
    return f"{status}: {stack} on {counted(len(recoveries), 'host')} in {duration(seconds)}, {what}"


def render(out: Console, result: Result) -> None:
    """Print the causes of every host, the lowest layer first."""
    for each in result.recoveries:
        if len(result.recoveries) > 1:
            out.print()
            out.print(each.host, style="bold")
        for cause in each.causes:
            _cause(out, cause)
        if each.acted and each.back and each.back > each.acted:
            out.print()
            out.print(f"back {duration((each.back - each.detected).total_seconds())} after it was detected")


def _cause(out: Console, cause: Mended) -> None:
    from rich.text import Text

    word, style = _WORDS[cause.outcome]
    out.print()
    head = Text(f"{word:<{_WIDTHS[0]}}", style=style).append(cause.cause, style="bold not dim")
    out.print(head.append(f"  {cause.of}" if cause.of else "", style="not bold"), soft_wrap=True)
    line(out, "", cause.what, *_WIDTHS)
    line(out, "shown", _shown(cause), *_WIDTHS)
    if cause.remedy:
        took = "" if cause.seconds is None else f" ({duration(cause.seconds)})"
        line(out, "remedy", f"{cause.remedy}, {cause.risk}: {cause.does}{took}", *_WIDTHS)
        if cause.outcome in ("planned", "refused"):
            line(out, "costs", cause.cost, *_WIDTHS)
            for command in cause.commands:
                line(out, "as", command, *_WIDTHS)
    else:
        line(out, "do", cause.does, *_WIDTHS)
    if cause.why:
        line(out, "why", cause.why, *_WIDTHS)


def _shown(cause: Mended) -> str:
    explained = ", ".join(cause.explains[:_EXPLAINED])
    more = len(cause.explains) - _EXPLAINED
    rest = f" and {more} more" if more > 0 else ""
    return ", ".join(cause.because) + (f"; explains {explained}{rest}" if explained else "")
