"""Commands whose help begins with two examples, and the options that verbs share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stanchion.run.paths import DEFAULT_INVENTORY

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# What every verb can write, and what those can that have findings.
FORMATS = ("text", "json")
REPORT_FORMATS = (*FORMATS, "markdown", "junit", "html")

_Function = TypeVar("_Function", bound=Callable[..., Any])


class _WithExamples(click.Command):
    """Shows its examples before everything else."""

    def __init__(self, *args: Any, examples: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"  {example}\n")
        formatter.write_paragraph()
        super().format_help(ctx, formatter)


class Format(click.Choice[str]):
    """The formats of a verb; one that others have is refused by its name."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Say which formats there are for this verb."""
        known = " and ".join(self.choices)
        if value in REPORT_FORMATS and ctx is not None:
            return f"{ctx.info_name} cannot be written as {value}: there are {known}."
        return super().get_invalid_choice_message(value, ctx)


class Verb(_WithExamples):
    """One verb."""


class Program(_WithExamples, click.Group):
    """All verbs."""


@dataclass(frozen=True)
class Options:
    """What every verb that runs Ansible understands."""

    inventory: str
    limit: str | None
    extra: tuple[str, ...]
    verbose: int
    output_format: str
    output: Path | None
    ask_become_pass: bool
    no_input: bool
    timeout: float | None
    check: bool = False
    diff: bool = False


def _complete_inventory(_ctx: click.Context, _parameter: click.Parameter, word: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    known = (str(path) for path in Path("inventory").glob("*"))
    return [CompletionItem(name) for name in sorted(known) if name.startswith(word)]


def named(*names: str, **more: Any) -> Callable[[_Function], _Function]:
    """Return an option that names something: never with an empty text."""
    return click.option(*names, callback=_not_empty, **more)


def _not_empty(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse what a shell makes of a variable that is not set: it would stand for all, or for nothing."""
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty; was it a shell's variable that is not set?")
    return value


def options_of(*options: Callable[[_Function], _Function]) -> Callable[[_Function], _Function]:
    """Put several options on a verb, in the order in which its help lists them."""

    def decorate(function: _Function) -> _Function:
        # click lists the last one applied first.
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def written_as(*formats: str) -> Callable[[_Function], _Function]:
    """Add what says how and where a result is written."""
    return options_of(
        click.option(
            "--format",
            "output_format",
            type=Format(formats),
            default=formats[0],
            show_default=True,
            help="How the result is written.",
        ),
        click.option(
            "--output",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Write the result to FILE instead of stdout.",
        ),
    )


def _running(
    *formats: str, verbose: str = "Write more into the run's log (repeatable)."
) -> Callable[[_Function], _Function]:
    """Return what adds the options of a verb that runs Ansible."""
    return options_of(
        named(
            "-i",
            "--inventory",
            default=DEFAULT_INVENTORY,
            show_default=True,
            metavar="PATH",
            shell_complete=_complete_inventory,
            help="The hosts and their variables.",
        ),
        named("--limit", metavar="PATTERN", help="Only these hosts or groups."),
        click.option(
            "-e",
            "--extra",
            multiple=True,
            metavar="KEY=VALUE",
            help="Set a variable for this run (YAML value, repeatable; never a secret).",
        ),
        click.option("-v", "--verbose", count=True, help=verbose),
        written_as(*formats),
        click.option(
            "--ask-become-pass",
            is_flag=True,
            help="Ask for the sudo password; read from stdin off a terminal.",
        ),
        click.option("--no-input", is_flag=True, help="Never ask: where a question would come, fail."),
        click.option(
            "--timeout",
            type=click.FloatRange(min=1),
            metavar="SECONDS",
            help="End the run after this long.",
        ),
    )


output_options = written_as(*FORMATS)
# Of verbs that run Ansible; and of those among them whose results have findings.
run_options = _running(*FORMATS)
finding_options = _running(
    *REPORT_FORMATS,
    verbose="List what passed and was skipped, too; more in the run's log (repeatable).",
)
# Of the one that writes a compose file.
file_options = _running("yaml")
