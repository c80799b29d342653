"""recover: find what is wrong, mend what is safe to mend, and look again."""

from __future__ import annotations

from typing import Any

import click

from stanchion.cli.command import Options, Verb, run_options


def _known(_ctx: click.Context, _parameter: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a word that no remedy waits for; the near matches are told."""
    from stanchion.recovery import REMEDIES
    from stanchion.run.inventory import did_you_mean

    for word in words:
        if word not in REMEDIES:
            raise click.BadParameter(f"there is no remedy {word}. {did_you_mean(word, REMEDIES)}")
    return words


@click.command(
    cls=Verb,
    examples=("python runner.py recover --plan", "python runner.py recover --approve end_session"),
)
@run_options
@click.option("--plan", "plan_only", is_flag=True, help="Only say what would be done; change nothing.")
@click.option(
    "--approve",
    multiple=True,
    metavar="REMEDY",
    callback=_known,
    help="Use this remedy too, which costs or interrupts something (repeatable); --plan tells what.",
)
def recover(plan_only: bool, approve: tuple[str, ...], **shared: Any) -> int:
    """Ask every check, name the causes of what failed, mend them layer by layer, and ask again."""
    from stanchion.cli import session

    options = Options(**shared)
    own: dict[str, object] = {"recovery_plan_only": plan_only, "recovery_approve": list(approve)}
    opened = session.open_session("recover", options, own)
    return session.finish(session.perform(opened), options)
