"""drill: prove that a restore gives back what was there."""

from __future__ import annotations

from typing import Any

import click

from stanchion.cli.command import Options, Verb, finding_options, named

TARGETS = ("latest", "time", "name", "older")


@click.command(
    cls=Verb,
    examples=("python runner.py drill", "python runner.py drill --target time --repo repo1"),
)
@finding_options
@click.option(
    "--target",
    type=click.Choice(TARGETS),
    help="Where the recovery ends: with all WAL, at a moment, at a restore point, or with all WAL from an"
    " older full backup. Without it one is chosen at random.",
)
@named("--repo", metavar="repoN", help="Only this repository.")
@named("--set", "label", metavar="LABEL", help="Begin with this backup; `backups` lists them.")
def drill(target: str | None, repo: str | None, label: str | None, **shared: Any) -> int:
    """Restore into a copy beside the database, prove that it is the same, and take it away."""
    from stanchion.cli import session

    options = Options(**shared)
    chosen = {"--target": target, "--repo": repo, "--set": label}
    arguments = ["drill", *(word for option, value in chosen.items() if value for word in (option, value))]
    opened = session.open_session("drill", options, {"backup_arguments": arguments})
    return session.finish(session.perform(opened), options)
