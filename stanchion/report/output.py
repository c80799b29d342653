"""Writes a result in the format and to the place that were asked for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

from stanchion.report import github
from stanchion.report.model import Result
from stanchion.report.place import to_place


def write(result: Result, output_format: str, path: Path | None, every: bool = False) -> None:
    """Write to the file, else to stdout; a job of GitHub Actions is told besides.

    `every`: the text lists passed and skipped checks, too, as it does for a run that was asked for details.
    """
    place(result, output_format, path, every)
    github.tell(result, sys.stderr)


def place(result: Result, output_format: str, path: Path | None, every: bool = False) -> None:
    """Write to the file, else to stdout."""
    with to_place(path) as stream:
        _render(result, output_format, stream, every)


def _render(result: Result, output_format: str, stream: TextIO, every: bool) -> None:
    # A format's libraries are imported where it is asked for.
    if output_format == "json":
        print(result.model_dump_json(indent=2), file=stream)
    elif output_format == "markdown":
        from stanchion.report import markdown

        markdown.render(result, stream)
    elif output_format == "junit":
        from stanchion.report import junit

        junit.render(result, stream)
    elif output_format == "html":
        from stanchion.report import html

        html.render(result, stream)
    else:
        from stanchion.report import text

        text.render(result, stream, every)
