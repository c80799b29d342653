"""The findings on a terminal: the worst first, with evidence and what to do; passed ones counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stanchion.report.model import Checked, Result, Validation
from stanchion.report.validation import by_reason, latest
from stanchion.report.view import Card

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {"fail": "bold red", "error": "bold magenta", "warn": "yellow", "skip": "dim", "pass": "green"}
_EVIDENCE = 5
# The widths of what comes before a line of a finding.
_MARGIN = 6
_LABEL = 6


def render(out: Console, result: Result, every: bool = False) -> None:
    """Print what the last look at each host found; what it comes after tells its warnings in a line."""
    every = every or (result.run is not None and result.run.details)
    of_looks(out, latest(result.validations), every, short=result.verb in ("deploy", "restore"))


def of_looks(out: Console, looks: Sequence[Validation], every: bool = False, short: bool = False) -> None:
    """Print what each look found; `short` tells a warning in a line."""
    for validation in looks:
        if len(looks) > 1:
            out.print()
            out.print(validation.host, style="bold")
        _host(out, validation, every, short)


def _host(out: Console, validation: Validation, every: bool, short: bool) -> None:
    for finding in _with_outcome(validation, "fail"):
        _finding(out, finding)
    for reason, unread in by_reason(_with_outcome(validation, "error")).items():
        _unread(out, reason, unread)
    if short:
        _list(out, validation, "warn")
    else:
        for finding in _with_outcome(validation, "warn"):
            _finding(out, finding)
    if every:
        _list(out, validation, "skip")
        _list(out, validation, "pass")


def _with_outcome(validation: Validation, outcome: str) -> list[Checked]:
    return [finding for finding in validation.findings if finding.outcome == outcome]


def _finding(out: Console, finding: Checked) -> None:
    out.print()
    _head(out, finding.outcome, finding.slug, finding.title)
    seen = [e for e in finding.evidence if e.level != "note"]
    for evidence in seen[:_EVIDENCE]:
        place = f"{evidence.file}:{evidence.line}: " if evidence.line else ""
        subject = f"{evidence.of}: " if evidence.of else ""
        line(out, "", f"{place}{subject}{evidence.what}")
    if len(seen) > _EVIDENCE:
        line(out, "", f"and {len(seen) - _EVIDENCE} more (--format json has them all)")
    line(out, "why", finding.why)
    line(out, "do", finding.remedy)


def _unread(out: Console, reason: str, findings: list[Checked]) -> None:
    out.print()
    _head(out, "error", Card("error", tuple(findings), reason).unread, "")
    line(out, "", reason)
    line(out, "which", ", ".join(finding.slug for finding in findings))


def _list(out: Console, validation: Validation, outcome: str) -> None:
    found = _with_outcome(validation, outcome)
    if found:
        out.print()
    for finding in found:
        _head(out, outcome, finding.slug, finding.summary)


def _head(out: Console, outcome: str, slug: str, text: str) -> None:
    from rich.text import Text

    line = Text(f"{outcome.upper():<6}", style=_STYLES[outcome]).append(slug, style="bold not dim")
    if text:
        line.append(f"  {text}", style="not bold")
    out.print(line, soft_wrap=True)


def line(out: Console, label: str, text: str, margin: int = _MARGIN, label_width: int = _LABEL) -> None:
    """Print one labelled line of a finding, wrapped at the width of the terminal."""
    from rich.text import Text

    # Not by a table, which fills each line with blanks up to the edge.
    for part in Text(text).wrap(out, max(out.width - margin - label_width, 20), overflow="fold"):
        part.rstrip()
        out.print(Text(f"{'':{margin}}{label:<{label_width}}", style="dim").append_text(part), soft_wrap=True)
        label = ""
