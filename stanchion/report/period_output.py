"""Writes the report of a period in the format and to the place that were asked for."""

from __future__ import annotations

from pathlib import Path

from stanchion.history.model import Period
from stanchion.report.place import to_place


def write(period: Period, output_format: str, path: Path | None) -> None:
    """Write to the file, else to stdout; a format's libraries are imported where it is asked for."""
    with to_place(path) as stream:
        if output_format == "json":
            print(period.model_dump_json(indent=2), file=stream)
        elif output_format == "markdown":
            from stanchion.report import period_markdown

            period_markdown.render(period, stream)
        elif output_format == "html":
            from stanchion.report import period_html

            period_html.render(period, stream)
        else:
            from stanchion.report import period_text

            period_text.render(period, stream)
