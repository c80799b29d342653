"""The catalogue of checks: as a list, one check in full, and the page of the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO, cast

from stanchion.checks import Check, Threshold
from stanchion.report.place import to_place
from stanchion.report.terminal import console

if TYPE_CHECKING:
    from rich.console import Console

_SEVERITY_STYLES = {"critical": "red", "warning": "yellow", "info": "dim"}
_LABEL_WIDTH = 10


def write_list(checks: Sequence[Check], output_format: str, path: Path | None) -> None:
    """Write the checks, by subject."""
    with to_place(path) as stream:
        if output_format == "json":
            print(_json("checks", checks), file=stream)
        elif output_format == "markdown":
            print(page(checks), file=stream, end="")
        else:
            _list(checks, stream)


def write_one(check: Check, output_format: str, path: Path | None) -> None:
    """Write all that the catalogue has of one check."""
    with to_place(path) as stream:
        if output_format == "json":
            print(_json("explain", [check]), file=stream)
        else:
            _explain(check, console(stream))


def page(checks: Sequence[Check]) -> str:
    """Return docs/checks.md: tables by subject, and a section for each check."""
    from stanchion.report import markdown

    subjects = [(subject, list(found)) for subject, found in groupby(checks, lambda check: check.subject)]
    template = markdown.environment().get_template("checks.md.j2")
    return template.render(subjects=subjects, count=len(checks), shown=shown, uses=uses)


def shown(limit: Threshold) -> str:
    """Return a threshold's default with its unit."""
    value = limit.default
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return f"{text} {limit.unit}".strip() if text else f"no {limit.unit}"


def uses(check: Check) -> str:
    """Return what `recover` may do about what a check finds."""
    from stanchion.recovery import of_check

    found = of_check(check.slug)
    return ", ".join(f"`{remedy.slug}` ({risk})" for risk, remedy in found) or "by hand"


def _json(verb: Literal["checks", "explain"], checks: Sequence[Check]) -> str:
    from stanchion.recovery import of_check
    from stanchion.report.model import Catalogue, Entry, Limit, Use

    entries = [
        Entry(
            slug=check.slug,
            subject=check.subject,
            title=check.title,
            severity=check.severity.value,
            phases=[phase.value for phase in check.phases],
            part=check.part,
            reads=list(check.reads),
            why=check.why,
            remedy=check.remedy,
            recovery=[
                Use(remedy=remedy.slug, risk=cast(Any, risk.value), does=remedy.does, cost=remedy.cost)
                for risk, remedy in of_check(check.slug)
            ],
            source=check.source,
            rows=list(check.rows),
            page=check.page,
            thresholds=[
                Limit(variable=t.variable, default=t.default, unit=t.unit, reason=t.source)
                for t in check.thresholds
            ],
        )
        for check in checks
    ]
    return Catalogue(verb=verb, checks=entries).model_dump_json(indent=2)


def _list(checks: Sequence[Check], stream: TextIO) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console(stream)
    if not checks:
        out.print("no such check")
        return
    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    for heading in ("check", "severity", "asked", "what holds where all is well"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "severity")
    for check in checks:
        severity = Text(check.severity, style=_SEVERITY_STYLES[check.severity])
        table.add_row(check.slug, severity, ", ".join(check.phases), check.title)
    out.print(table)
    out.print(f"\n{len(checks)} in all", style="dim")


def _explain(check: Check, out: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    head = Text(check.slug, style="bold").append(f"  {check.severity}", _SEVERITY_STYLES[check.severity])
    out.print(head, soft_wrap=True)
    out.print(f"{check.title}.")
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_LABEL_WIDTH - 1, style="dim")
    grid.add_column(overflow="fold")
    for label, text in _lines(check):
        grid.add_row(label, text)
    out.print()
    out.print(grid)


def _lines(check: Check) -> Iterator[tuple[str, str]]:
    yield "asked", f"{', '.join(check.phases)}{f'; of hosts with {check.part}' if check.part else ''}"
    yield "reads", ", ".join(check.reads) or "what is declared, nothing of the host"
    yield "why", check.why
    yield "do", check.remedy
    yield "recover", uses(check).replace("`", "")
    for limit in check.thresholds:
        yield "threshold", f"{limit.variable}: {shown(limit)} ({limit.source})"
    yield "source", check.source
    yield "rows", ", ".join(check.rows)
    yield "page", check.page
