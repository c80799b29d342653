"""destroy: remove containers and networks; data only when its stack is named."""

from __future__ import annotations

from typing import Any

import click

from stanchion.cli.command import Options, Verb, run_options


@click.command(
    cls=Verb,
    examples=("python runner.py destroy", "python runner.py destroy --check --yes"),
)
@run_options
@click.option("--check", is_flag=True, help="Dry run: tell what would be removed, remove nothing.")
@click.option(
    "--delete-data",
    metavar="STACK_NAME",
    help="Delete the stack's volumes, secrets and records too, for good. Its name has to be spelled out.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def destroy(delete_data: str | None, yes: bool, **shared: Any) -> int:
    """Remove the stack's containers and networks. Volumes, secrets and images stay."""
    from stanchion.cli import confirmation, session

    options = Options(**shared)
    variables = {"stack_delete_data": delete_data} if delete_data else {}
    opened = session.open_session("destroy", options, variables, read_inventory=True)
    if delete_data:
        confirmation.check_name(opened, delete_data)
    if not (yes or options.check):
        confirmation.ask(opened, delete_data is not None, options.no_input)
    return session.finish(session.perform(opened), options)
