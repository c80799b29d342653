"""history: the runs that were started from here."""

from __future__ import annotations

from pathlib import Path

import click

from stanchion.cli.command import Verb, output_options


@click.command(
    cls=Verb, examples=("python runner.py history", "python runner.py history --last 5 --format json")
)
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs.")
@output_options
def history(last: int, output_format: str, output: Path | None) -> int:
    """Tell who ran what, when, from where, and how it ended."""
    from stanchion.report import history as report
    from stanchion.run import records
    from stanchion.run.paths import find_root, state_folder

    found = records.read(state_folder(find_root()))[-last:]
    report.write(found, output_format, output)
    return 0
