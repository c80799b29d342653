"""validate: ask every check of what runs, changing nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stanchion.cli.checks import asking_options, known
from stanchion.cli.command import Options, Verb, finding_options

PHASES = ("preflight", "deploy", "runtime")


@click.command(
    cls=Verb,
    examples=("python runner.py validate", "python runner.py validate --only pool --only volume -v"),
)
@finding_options
@click.option(
    "--phase",
    type=click.Choice(PHASES),
    default="runtime",
    show_default=True,
    help="Which checks: those before a deploy, at its end, or at any time.",
)
@asking_options
@click.option(
    "--facts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Ask about what an earlier run saw (facts/HOST-PHASE.json in its run folder), not about the hosts.",
)
def validate(
    phase: str, only: tuple[str, ...], fail_on: str | None, facts: Path | None, **shared: Any
) -> int:
    """Look at every host and ask every check: is this stack safe? Changes nothing."""
    from stanchion.cli import recorded_facts, session

    options = Options(**shared)
    known(phase, only)
    if facts is not None:
        return session.finish(recorded_facts.validate(facts, phase, only, fail_on or "fail"), options)
    own: dict[str, object] = {"validation_phase": phase, "validation_only": list(only)}
    if fail_on is not None:
        own["validation_fail_on"] = fail_on
    opened = session.open_session("validate", options, own)
    return session.finish(session.perform(opened), options)
