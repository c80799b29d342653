"""report: what happened in a period, how the stack is now; and a saved result, rendered again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stanchion.cli.command import Options, Verb, finding_options, named

# Of a saved result alone: a period has no testcases.
_OF_RESULTS = "junit"
# What says where and when to look.
_OF_PERIODS = ("since", "until", "inventory", "limit", "extra", "ask_become_pass", "timeout")


@click.command(
    cls=Verb,
    examples=(
        "python runner.py report --format html --output report.html",
        "python runner.py report --from result.json --format markdown",
    ),
)
@named(
    "--since",
    default="7d",
    show_default=True,
    metavar="WHEN",
    help="Begin of the period: how long ago (90m, 12h, 7d, 4w), or a moment (2026-11-25 12:00, UTC).",
)
@named("--until", default="now", show_default=True, metavar="WHEN", help="Its end, in the same words.")
@click.option(
    "--from",
    "source",
    metavar="FILE",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Look at nothing: render what --format json of any verb wrote, - for stdin. Ends with 0.",
)
@finding_options
@click.pass_context
def report(ctx: click.Context, /, source: Path | None, since: str, until: str, **shared: Any) -> int:
    """Tell what happened in a period, with pictures, and how the stack is now. Changes nothing."""
    options = Options(**shared)
    if source is not None:
        _refuse_both(ctx)
        return _saved(source, options)
    return _period(since, until, options)


def _refuse_both(ctx: click.Context) -> None:
    from click.core import ParameterSource

    from stanchion.errors import UsageError

    for option in ctx.command.params:
        given = ctx.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if given and option.name in _OF_PERIODS:
            raise UsageError(
                f"--from renders what is saved, and looks at nothing: {option.opts[-1]} is of no use."
            )


def _saved(source: Path, options: Options) -> int:
    from stanchion.history.model import Period
    from stanchion.report import output, period_output, saved

    found = saved.read(source)
    if isinstance(found, Period):
        _refuse_format(options)
        period_output.write(found, options.output_format, options.output)
    else:
        output.place(found, options.output_format, options.output)
    return 0


def _period(since: str, until: str, options: Options) -> int:
    from stanchion.cli import periods

    _refuse_format(options)
    return periods.report(since, until, options)


def _refuse_format(options: Options) -> None:
    from stanchion.errors import UsageError

    if options.output_format == _OF_RESULTS:
        raise UsageError(
            f"The report of a period cannot be written as {_OF_RESULTS}.",
            "There are text, json, markdown and html.",
        )
