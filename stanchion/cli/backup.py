"""backup: take a backup now, beside the schedule."""

from __future__ import annotations

from typing import Any

import click

from stanchion.cli.command import Options, Verb, named, run_options

TYPES = ("full", "diff", "incr")


@click.command(
    cls=Verb,
    examples=("python runner.py backup", "python runner.py backup --type full"),
)
@run_options
@click.option(
    "--type", "kind", type=click.Choice(TYPES), default="incr", show_default=True, help="Which kind."
)
@named("--repo", metavar="repoN", help="Only into this repository.")
def backup(kind: str, repo: str | None, **shared: Any) -> int:
    """Take a backup into every repository now."""
    from stanchion.cli import session

    options = Options(**shared)
    arguments = ["backup", "--type", kind, *(["--repo", repo] if repo else [])]
    opened = session.open_session("backup", options, {"backup_arguments": arguments})
    return session.finish(session.perform(opened), options)
