"""The report of a period as one HTML file that needs nothing else: no network, no script."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, TextIO

from stanchion.history.measures import shown
from stanchion.history.model import Past, Period, Plot, Series
from stanchion.report import html, pictures, timeline
from stanchion.report.view import WORDS, HostView, hosts_of, totals

if TYPE_CHECKING:
    from jinja2 import Environment

_TICKS = 8


@dataclass(frozen=True)
class _Tick:
    left: float
    words: str


def render(period: Period, stream: TextIO) -> None:
    """Write the page."""
    health = hosts_of(period.validations)
    print(
        _environment()
        .get_template("period.html.j2")
        .render(
            period=period,
            health={view.name: view for view in health},
            alone=_alone(period, health),
            totals=totals(health),
            words=WORDS,
            ticks=_ticks(period.since, period.until),
            since=period.since.timestamp(),
            until=period.until.timestamp(),
        ),
        file=stream,
    )


def _alone(period: Period, health: list[HostView]) -> list[HostView]:
    """Return the hosts that were checked, and told nothing of their past."""
    told = {past.host for past in period.hosts}
    return [view for view in health if view.name not in told]


def _ticks(since: datetime, until: datetime) -> list[_Tick]:
    span = (since.timestamp(), until.timestamp())
    words = pictures.moment_of(span)
    return [
        _Tick(round(100 * (at - span[0]) / (span[1] - span[0]), 2), words(at))
        for at in pictures.moments(*span, _TICKS)
    ]


@cache
def _environment() -> Environment:
    # The same filters as of a result; what else it needs is a global of its own.
    found = html.environment().overlay()
    found.globals.update(
        shown=shown,
        pictures=pictures.pictures,
        colours=pictures.colours,
        rows=_rows,
        notable=timeline.notable,
        limits=_limits,
        ahead=_ahead,
    )
    return found


def _rows(past: Past, period: Period) -> list[timeline.Row]:
    return timeline.rows(past.events, period.since, period.until)


def _limits(plot: Plot) -> list[tuple[str, float]]:
    """Return the limits at the end, with what they are called; those that are the same are one."""
    found: dict[float, str] = {}
    for series in plot.series:
        known = [value for _, value in series.points if value is not None]
        if series.kind == "limit" and known:
            found.setdefault(known[-1], series.name)
    same = len(found) == 1
    return [(name.partition(" of ")[0] if same else name, value) for value, name in found.items()]


def _ahead(plot: Plot, series: Series) -> str:
    """Return the colour of the line that is foretold."""
    return next(
        (each for name, each in pictures.colours(plot).items() if pictures.foretold(name, series)), ""
    )
