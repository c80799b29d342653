"""status: look at what runs, changing nothing."""

from __future__ import annotations

from typing import Any

import click

from stanchion.cli.command import Options, Verb, run_options


@click.command(cls=Verb, examples=("python runner.py status", "python runner.py status --watch"))
@click.option(
    "--watch",
    "every",
    type=click.FloatRange(min=1),
    is_flag=False,
    flag_value=5.0,
    default=None,
    metavar="[SECONDS]",
    help="Look again and again, with figures, until Ctrl-C: each 5 seconds, or as often as said.",
)
@run_options
def status(every: float | None, **shared: Any) -> int:
    """Look at every host and tell what runs, how healthy it is and where. Changes nothing."""
    from stanchion.cli import session

    options = Options(**shared)
    if every is not None:
        from stanchion.cli import watching

        return watching.watch(every, options)
    return session.finish(session.perform(session.open_session("status", options, {})), options)
