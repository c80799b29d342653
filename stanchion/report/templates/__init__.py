"""The templates of the documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(finalize: Callable[[object], object] | None = None) -> Environment:
    """Return the environment of the templates in this folder; a name that is not there is an error.

    HTML is escaped by jinja itself. Markdown has other rules: its own `finalize` sees everything printed.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader("stanchion.report", "templates"),
        autoescape=select_autoescape(["html.j2"], default=False),
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
