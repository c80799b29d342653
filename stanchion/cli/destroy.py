"""destroy: remove containers and networks; data and backups only when their stack is named."""

from __future__ import annotations

from typing import Any

import click

from stanchion.cli.command import Options, Verb, named, run_options


@click.command(
    cls=Verb,
    examples=("python runner.py destroy", "python runner.py destroy --check --yes"),
)
@run_options
@click.option("--check", is_flag=True, help="Dry run: tell what would be removed, remove nothing.")
@named(
    "--delete-data",
    metavar="STACK_NAME",
    help="Delete the stack's volumes, secrets and records too, for good. Its name has to be spelled out.",
)
@named(
    "--delete-backups",
    metavar="STACK_NAME",
    help="With --delete-data: delete the backups on the host too, and what opens them. Its name once more.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def destroy(delete_data: str | None, delete_backups: str | None, yes: bool, **shared: Any) -> int:
    """Remove the stack's containers and networks. Volumes, secrets, backups and images stay."""
    from stanchion.cli import confirmation, session

    options = Options(**shared)
    if delete_backups is not None and delete_data is None:
        raise click.UsageError(
            "--delete-backups goes with --delete-data STACK_NAME: backups are not deleted while their "
            "data is still in use. How many are kept is said by backup_retention_full."
        )
    asked = {"stack_delete_data": delete_data, "stack_delete_backups": delete_backups}
    variables = {name: value for name, value in asked.items() if value is not None}
    opened = session.open_session("destroy", options, variables, read_inventory=True)
    if delete_data is not None:
        confirmation.check_name(opened, "--delete-data", delete_data)
    if delete_backups is not None:
        confirmation.check_name(opened, "--delete-backups", delete_backups)
    if not (yes or options.check):
        confirmation.ask(opened, delete_data is not None, delete_backups is not None, options.no_input)
    return session.finish(session.perform(opened), options)
