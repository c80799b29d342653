"""A result as one HTML file that needs nothing else: no network, no script."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TextIO

from stanchion.report import drills, protection, templates
from stanchion.report.headline import counted, duration
from stanchion.report.model import Result
from stanchion.report.view import WORDS, hosts_of, totals

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def render(result: Result, stream: TextIO) -> None:
    """Write the page."""
    hosts = hosts_of(result.validations)
    print(
        environment()
        .get_template("result.html.j2")
        .render(result=result, hosts=hosts, totals=totals(hosts), words=WORDS, drills=drills.lines(result)),
        file=stream,
    )


@cache
def environment() -> Environment:
    """Return the environment of the pages, with what their common parts need."""
    found = templates.environment()
    found.filters.update(prose=_prose, duration=duration)
    found.globals.update(counted=counted, protection=protection.words)
    return found


def _prose(text: str) -> Markup:
    """Return a text of ours, in which `…` is code."""
    from markupsafe import Markup, escape

    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    pieces = (Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))
    return Markup("").join(pieces)
