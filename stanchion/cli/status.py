"""status: look at what runs, changing nothing."""

from __future__ import annotations

from typing import Any

import click

from stanchion.cli.command import Options, Verb, run_options


@click.command(
    cls=Verb, examples=("python runner.py status", "python runner.py status -i inventory/local --format json")
)
@run_options
def status(**shared: Any) -> int:
    """Look at every host and tell what runs, how healthy it is and where. Changes nothing."""
    from stanchion.cli import session

    options = Options(**shared)
    return session.finish(session.perform(session.open_session("status", options, {})), options)
