"""deploy: bring every host to the declared stack."""

from __future__ import annotations

from typing import Any

import click

from stanchion.cli.command import Options, Verb, finding_options, named


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
@click.option(
    "--restore-from",
    type=click.Choice(("repo1", "repo2")),
    help="On a new, empty host: begin with the newest state of this repository.",
)
@named(
    "--old-host-is-fenced",
    metavar="STACK_NAME",
    help="With --restore-from: the word that the old host is off, and will not archive any more.",
)
@click.option(
    "--restore-timeline",
    metavar="N",
    type=click.IntRange(min=1),
    help="With --restore-from: the timeline that the lost database was on, where its repository cannot tell.",
)
def deploy(
    update_images: bool,
    no_validate: bool,
    restore_from: str | None,
    old_host_is_fenced: str | None,
    restore_timeline: int | None,
    **shared: Any,
) -> int:
    """Bring every host of the inventory to the declared stack, and prove that it is healthy and safe."""
    from stanchion.cli import confirmation, session
    from stanchion.errors import UsageError

    if restore_from is None:
        alone = {"--old-host-is-fenced": old_host_is_fenced, "--restore-timeline": restore_timeline}
        for option, value in alone.items():
            if value is not None:
                raise UsageError(f"{option} goes with --restore-from only.")
    options = Options(**shared)
    own: dict[str, object] = {}
    if update_images:
        own["stack_update_images"] = True
    if no_validate:
        own["stack_no_validation"] = True
    if restore_timeline is not None:
        own["stack_restore_timeline"] = restore_timeline
    opened = session.open_session("deploy", options, own, read_inventory=restore_from is not None)
    if restore_from is not None:
        opened = confirmation.fenced(opened, restore_from, old_host_is_fenced, options.no_input)
    return session.finish(session.perform(opened), options)
