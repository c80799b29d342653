"""report: a saved result, rendered again."""

from __future__ import annotations

from pathlib import Path

import click

from stanchion.cli.command import REPORT_FORMATS, Verb, written_as


@click.command(
    cls=Verb,
    examples=(
        "python runner.py report --format html --output report.html",
        "python runner.py report --from result.json --format markdown",
    ),
)
@click.option(
    "--from",
    "source",
    metavar="FILE",
    type=click.Path(path_type=Path, allow_dash=True),
    help="What --format json wrote, - for stdin. Without it: the result of the newest run from here.",
)
@written_as(*REPORT_FORMATS)
def report(source: Path | None, output_format: str, output: Path | None) -> int:
    """Write a saved result in another format. Nothing is looked at; ends with 0 whatever the result says."""
    from stanchion.report import output as writer
    from stanchion.report import saved

    writer.place(saved.newest() if source is None else saved.read(source), output_format, output)
    return 0
