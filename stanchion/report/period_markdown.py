"""The report of a period as markdown: its numbers, since a page of markdown holds no picture."""

from __future__ import annotations

from typing import TextIO

from stanchion.history.lines import limit_of
from stanchion.history.measures import shown
from stanchion.history.model import Period
from stanchion.report import markdown, timeline
from stanchion.report.view import hosts_of


def render(period: Period, stream: TextIO) -> None:
    """Write the page."""
    environment = markdown.environment()
    template = environment.get_template("period.md.j2")
    text = template.render(
        period=period,
        health=hosts_of(period.validations),
        shown=shown,
        limit_of=limit_of,
        notable=timeline.notable,
    )
    print(text, file=stream, end="")
