"""backups: list what could be restored."""

from __future__ import annotations

from typing import Any

import click

from stanchion.cli.command import Options, Verb, run_options


@click.command(
    cls=Verb,
    examples=("python runner.py backups", "python runner.py backups --format json"),
)
@run_options
def backups(**shared: Any) -> int:
    """List the backups with age, size, type and proof, and the moments that can be restored."""
    from stanchion.cli import session

    options = Options(**shared)
    opened = session.open_session("backups", options, {})
    return session.finish(session.perform(opened), options)
