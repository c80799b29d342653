"""The report of a period on a terminal: the few numbers, what happened, each line with its small picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TextIO

from stanchion.history.lines import limit_of
from stanchion.history.measures import NOTHING, shown
from stanchion.history.model import Event, Past, Period, Plot, Series, Tone
from stanchion.history.plots import PLOTS
from stanchion.report import findings, timeline
from stanchion.report.terminal import console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_STYLES: dict[Tone, str] = {"bad": "red", "warn": "yellow", "well": "green", "quiet": ""}
_LEVELS = "▁▂▃▄▅▆▇█"
_COLUMNS = 24
_LEAST_IS_WORST = {plot.slug for plot in PLOTS if plot.worst == "least"}
# What is told at once; --format json has them all.
_MOST_EVENTS = 30


def render(period: Period, stream: TextIO) -> None:
    """Print the report for people."""
    out = console(stream)
    out.print(period.headline, style="bold green" if period.exit_code == 0 else "bold red", soft_wrap=True)
    if period.error is not None:
        out.print(f"{period.error.what} {period.error.remedy}".strip(), soft_wrap=True)
    out.print(f"{period.since:%a %d %b %H:%M} to {period.until:%a %d %b %Y %H:%M} UTC", style="dim")
    for past in period.hosts:
        _host(out, past, several=len(period.hosts) > 1)
    findings.of_looks(out, period.validations)
    if period.warnings:
        out.print()
    for warning in period.warnings:
        out.print(f"warning   {warning}", style="yellow", soft_wrap=True)


def _host(out: Console, past: Past, several: bool) -> None:
    if several:
        out.print()
        out.print(past.host, style="bold")
    out.print()
    out.print(_figures(past))
    for source in past.sources:
        if source.state == "unread":
            out.print(f"{source.title}: {source.words}", style="bold magenta", soft_wrap=True)
    events = timeline.notable(past.events)
    if events:
        out.print()
        out.print(_events(events[-_MOST_EVENTS:]))
    if len(events) > _MOST_EVENTS:
        left_out = len(events) - _MOST_EVENTS
        out.print(f"and {left_out} earlier ones (--format json has them all)", style="dim")
    out.print()
    out.print(_lines(past.plots))
    for words, plots in _without(past.plots).items():
        style = "magenta" if plots[0].state == "unread" else "dim"
        out.print(f"{', '.join(plot.title for plot in plots)}: {words}", style=style)


def _without(plots: Iterable[Plot]) -> dict[str, list[Plot]]:
    """Return the plots that lack something, by what is said of them: one cause is told once."""
    found: dict[str, list[Plot]] = {}
    for plot in plots:
        if plot.words:
            found.setdefault(plot.words, []).append(plot)
    return found


def _figures(past: Past) -> Table:
    table = _table("", "", "")
    table.show_header = False
    for figure in past.figures:
        table.add_row(figure.label, _styled(figure.value, figure.tone), _styled(figure.note, "quiet"))
    return table


def _events(events: Iterable[Event]) -> Table:
    table = _table("from (UTC)", "to", "what", "of", "outcome", "details")
    for event in events:
        table.add_row(
            f"{event.at:%a %d %b %H:%M}",
            f"{event.until:%a %d %b %H:%M}" if event.until else "goes on",
            event.what,
            event.of or NOTHING,
            _styled(event.outcome, event.tone),
            event.detail,
        )
    return table


def _lines(plots: Iterable[Plot]) -> Table:
    table = _table("figure", "", "least", "average", "most", "last", "limit", right=5)
    for plot in plots:
        limits = [each for each in plot.series if each.kind == "limit"]
        name = plot.title
        for series in plot.series:
            if series.numbers is not None:
                numbers = series.numbers
                values = (
                    numbers.least,
                    numbers.average,
                    numbers.most,
                    numbers.last,
                    limit_of(series, limits),
                )
                table.add_row(
                    name, series.name, *(shown(value, plot.unit) for value in values), sparkline(series, plot)
                )
                name = ""
    return table


def sparkline(series: Series, plot: Plot) -> str:
    """Return a line as a row of blocks, from zero to its most; a blank where nothing was measured."""
    if plot.dots:
        # Points at any moment have no place of their own in a row.
        return ""
    groups = _groups([value for _, value in series.points])
    pick = min if plot.slug in _LEAST_IS_WORST else max
    worst = [
        pick(known) if (known := [each for each in group if each is not None]) else None for group in groups
    ]
    most = max((each for each in worst if each is not None), default=0.0) or 1.0
    return "".join(
        " " if each is None else _LEVELS[round(each / most * (len(_LEVELS) - 1))] for each in worst
    )


def _groups(values: Sequence[float | None]) -> list[Sequence[float | None]]:
    count = min(_COLUMNS, len(values))
    bounds = [round(at * len(values) / count) for at in range(count + 1)]
    return [values[begin:end] for begin, end in pairwise(bounds)]


def _styled(text: str, tone: Tone) -> Text:
    from rich.text import Text

    return Text(text, style=_STYLES[tone])


def _table(*headings: str, right: int = 0) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    for at, heading in enumerate(headings):
        # What comes before the numbers is text; what comes after them a picture.
        justify = right and 2 <= at < 2 + right
        table.add_column(heading, overflow="fold", justify="right" if justify else "left")
    if right:
        table.add_column("", no_wrap=True)
    return table
