"""A result as markdown: fit for the summary of a CI job, which drops a page of 1 MiB or more as a whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TextIO

from stanchion.report import drills, protection, templates
from stanchion.report.model import Result
from stanchion.report.printable import one_line
from stanchion.report.view import hosts_of, totals

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_BYTES = 1024 * 1024 - 1024
# An underscore within a word is one.
_SPECIAL = re.compile(r"([\\`*\[\]|~$]|(?<!\w)_|_(?!\w))")
_LONG = 600


class Raw(str):
    """Markdown already: everything else that a template prints is escaped."""

    __slots__ = ()


@dataclass(frozen=True)
class _Detail:
    """How much is told: of each list, of each finding's evidence; and whether what is well is listed."""

    entries: int
    evidence: int
    well: bool


# The first that fits is taken.
_DETAILS = (_Detail(1000, 20, True), _Detail(300, 10, False), _Detail(50, 5, False), _Detail(0, 0, False))


def render(result: Result, stream: TextIO) -> None:
    """Write the page."""
    print(page(result), file=stream, end="")


def page(result: Result, most_bytes: int = MOST_BYTES) -> str:
    """Return the page with as much detail as fits; nothing where even the headline does not."""
    template = environment().get_template("result.md.j2")
    hosts = hosts_of(result.validations)
    for detail in _DETAILS:
        text = template.render(
            result=result,
            hosts=hosts,
            totals=totals(hosts),
            detail=detail,
            drills=drills.lines(result),
        )
        if len(text.encode()) <= most_bytes:
            return text
    return ""


@cache
def environment() -> Environment:
    """Return the environment of the templates of markdown, in which all that is printed is escaped."""
    found = templates.environment(finalize=escape)
    found.filters.update(code=code, prose=prose, raw=Raw)
    found.globals.update(protection=protection.words)
    return found


def escape(value: object) -> str:
    """Return a value as text that means nothing to markdown or HTML, on one line and of a bearable length."""
    if isinstance(value, Raw):
        return value
    text = one_line(str(value))
    text = text if len(text) <= _LONG else f"{text[:_LONG]}…"
    html = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Raw(_SPECIAL.sub(r"\\\1", html))


def code(value: object) -> Raw:
    """Return a value as a code span, fenced by more backticks than it has in a row."""
    text = one_line(str(value)).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return Raw(f"{fence}{space}{text}{space}{fence}") if text else Raw("")


def prose(value: object) -> Raw:
    """Return a text of ours, in which `…` is code."""
    parts = str(value).split("`")
    if len(parts) % 2 == 0:
        return Raw(escape(value))
    return Raw("".join(code(part) if at % 2 else _piece(part) for at, part in enumerate(parts)))


def _piece(text: str) -> str:
    """Escape the text between two pieces of code, keeping the spaces at its ends."""
    inner = escape(text)
    before = " " if text[:1].isspace() else ""
    after = " " if inner and text[-1:].isspace() else ""
    return f"{before}{inner}{after}"
