"""checks, explain: the catalogue, and one check of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stanchion.cli.command import FORMATS, Verb, options_of, written_as

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PHASES = ("preflight", "deploy", "runtime", "file")
SEVERITIES = ("critical", "warning", "info")


def known(phase: str, only: Sequence[str]) -> None:
    """Refuse names that are no checks, before anything starts."""
    from stanchion.checks import Phase, UnknownCheckError, select
    from stanchion.errors import UsageError

    try:
        select(Phase(phase), only)
    except UnknownCheckError as error:
        raise UsageError(str(error), "") from error


def complete_slug(_ctx: click.Context, _parameter: click.Parameter, word: str) -> list[CompletionItem]:
    """Complete the slug of a check."""
    from stanchion.checks import catalogue

    return _beginning_with(word, catalogue())


def complete_subject(_ctx: click.Context, _parameter: click.Parameter, word: str) -> list[CompletionItem]:
    """Complete a subject."""
    from stanchion.checks import catalogue

    return _beginning_with(word, {check.subject for check in catalogue().values()})


def complete_slug_or_subject(
    ctx: click.Context, parameter: click.Parameter, word: str
) -> list[CompletionItem]:
    """Complete what --only takes."""
    return [*complete_subject(ctx, parameter, word), *complete_slug(ctx, parameter, word)]


# Of the verbs that ask checks: which of them, and what ends the run with 1.
asking_options = options_of(
    click.option(
        "--only",
        multiple=True,
        metavar="SLUG|SUBJECT",
        shell_complete=complete_slug_or_subject,
        help="Only this check, or all of a subject (repeatable).",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(("fail", "warn")),
        # None where it was not given: then the inventory says it.
        show_default="validation_fail_on, or fail",
        help="End with 1 for a failed check and a critical one that could not look, or for a warning too.",
    ),
)


def _beginning_with(word: str, names: Iterable[str]) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in sorted(names) if name.startswith(word)]


@click.command(
    cls=Verb,
    examples=("python runner.py checks", "python runner.py checks --phase preflight --severity critical"),
)
@click.option(
    "--subject", metavar="SUBJECT", shell_complete=complete_subject, help="Only those of a subject."
)
@click.option("--phase", type=click.Choice(PHASES), help="Only those that are asked in a phase.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only those of a severity.")
@written_as(*FORMATS, "markdown")
def checks(
    subject: str | None, phase: str | None, severity: str | None, output_format: str, output: Path | None
) -> int:
    """List what is checked, when, and how severe it is."""
    from stanchion.checks import catalogue
    from stanchion.errors import UsageError
    from stanchion.report import catalogue as report
    from stanchion.run.inventory import did_you_mean

    every = list(catalogue().values())
    subjects = {check.subject for check in every}
    if subject is not None and subject not in subjects:
        raise UsageError(f"There is no subject {subject!r}.", did_you_mean(subject, subjects))
    chosen = [
        check
        for check in every
        if subject in (None, check.subject)
        and (phase is None or phase in check.phases)
        and severity in (None, check.severity)
    ]
    report.write_list(chosen, output_format, output)
    return 0


@click.command(
    cls=Verb,
    examples=(
        "python runner.py explain container.stop",
        "python runner.py explain container.memory_limit --format json",
    ),
)
@click.argument("slug", shell_complete=complete_slug)
@written_as(*FORMATS)
def explain(slug: str, output_format: str, output: Path | None) -> int:
    """Tell what a check measures, why, against which threshold, and what to do where it fails."""
    from stanchion.checks import UnknownCheckError, find
    from stanchion.errors import UsageError
    from stanchion.report import catalogue as report

    try:
        check = find(slug)
    except UnknownCheckError as error:
        raise UsageError(str(error), "") from error
    report.write_one(check, output_format, output)
    return 0
