"""deploy: bring every host to the declared stack."""

from __future__ import annotations

from typing import Any

import click

from stanchion.cli.command import Options, Verb, finding_options


@click.command(
    cls=Verb,
    examples=("python runner.py deploy", "python runner.py deploy -i inventory/local --check --diff"),
)
@finding_options
@click.option("--check", is_flag=True, help="Dry run: tell what would change, change nothing.")
@click.option("--diff", is_flag=True, help="Write the differences of files into the run's log.")
@click.option(
    "--update-images", is_flag=True, help="Build the images anew where their packages have newer versions."
)
@click.option("--no-validate", is_flag=True, help="Leave out the checks at the end; those before it stay.")
def deploy(update_images: bool, no_validate: bool, **shared: Any) -> int:
    """Bring every host of the inventory to the declared stack, and prove that it is healthy and safe."""
    from stanchion.cli import session

    options = Options(**shared)
    own = {}
    if update_images:
        own["stack_update_images"] = True
    if no_validate:
        own["stack_no_validation"] = True
    opened = session.open_session("deploy", options, own)
    return session.finish(session.perform(opened), options)
