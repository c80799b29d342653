"""restore: bring an earlier moment back, beside the live database or in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from stanchion.cli.command import Options, Verb, named, options_of, run_options

if TYPE_CHECKING:
    from stanchion.cli.session import Session

_TARGET = "latest, a time with its zone (2026-11-25 12:00:00+00), lsn:…, xid:…, name:… or backup:LABEL."


@dataclass(frozen=True)
class Asked:
    """What this verb understands beside the shared options."""

    to: str | None
    source: str | None
    timeline: int | None
    label: str | None
    deep: bool
    replace: str | None
    resume: bool
    rollback: bool
    discard_writes: str | None
    drop: str | None
    drop_volume: str | None

    @property
    def replaces(self) -> bool:
        """Whether the live database is touched."""
        return self.replace is not None or self.resume or self.rollback

    def arguments(self) -> list[str]:
        """Return the command line of the host's command."""
        valued = {
            "--to": self.to,
            "--from": self.source,
            "--timeline": self.timeline,
            "--set": self.label,
            "--replace": self.replace,
            "--discard-writes": self.discard_writes,
            "--drop": self.drop,
            "--drop-volume": self.drop_volume,
        }
        flags = {"--deep": self.deep, "--resume": self.resume, "--rollback": self.rollback}
        return [
            "restore",
            *(f"{name}={value}" for name, value in valued.items() if value is not None),
            *(name for name, given in flags.items() if given),
        ]


@click.command(
    cls=Verb,
    examples=(
        "python runner.py restore --to '2026-11-25 12:00:00+00'",
        "python runner.py restore --to latest --replace medication-tracker",
    ),
)
@run_options
@options_of(
    named("--to", metavar="TARGET", help=f"What to bring back: {_TARGET}"),
    named("--from", "source", metavar="repoN", help="From this repository.  [default: repo1]"),
    click.option("--timeline", type=click.IntRange(min=1), metavar="N", help="Along another timeline."),
    named("--set", "label", metavar="LABEL", help="Begin with this backup.  [default: the newest that can]"),
    click.option(
        "--deep", is_flag=True, help="Read every page, row and B-tree of the copy before it counts."
    ),
    named(
        "--replace",
        metavar="STACK_NAME",
        help="Put the restored database in the live one's place. The stack's name has to be spelled out.",
    ),
    click.option("--resume", is_flag=True, help="Go on with a replacement that was interrupted."),
    click.option("--rollback", is_flag=True, help="Return from such a replacement to the old volume."),
    named(
        "--discard-writes",
        metavar="VOLUME",
        help="With --rollback: leave what the application has written to this, the restored, volume.",
    ),
    named("--drop", metavar="NAME", help="Remove a restored copy and its volume."),
    named("--drop-volume", metavar="VOLUME", help="Remove a volume that a restore has replaced."),
)
def restore(
    to: str | None,
    source: str | None,
    timeline: int | None,
    label: str | None,
    deep: bool,
    replace: str | None,
    resume: bool,
    rollback: bool,
    discard_writes: str | None,
    drop: str | None,
    drop_volume: str | None,
    **shared: Any,
) -> int:
    """Restore into a copy beside the live database, which stays as it is; with --replace, in its place."""
    from stanchion.cli import session

    options = Options(**shared)
    asked = Asked(
        to, source, timeline, label, deep, replace, resume, rollback, discard_writes, drop, drop_volume
    )
    _check(asked)
    own: dict[str, object] = {"backup_arguments": asked.arguments(), "stack_restoring": asked.replaces}
    opened = session.open_session("restore", options, own, read_inventory=asked.replaces)
    if asked.replace is not None:
        _confirm(opened, asked.replace, str(to), options.no_input)
    return session.finish(session.perform(opened), options)


def _check(asked: Asked) -> None:
    from stanchion.errors import UsageError

    ways = {
        "--to": asked.to is not None,
        "--resume": asked.resume,
        "--rollback": asked.rollback,
        "--drop": asked.drop is not None,
        "--drop-volume": asked.drop_volume is not None,
    }
    given = [name for name, is_given in ways.items() if is_given]
    if len(given) != 1:
        what = f"{' and '.join(given)} do not go together" if given else "nothing was asked for"
        raise UsageError(f"restore: {what}. Give one of {', '.join(ways)}.", f"--to takes {_TARGET}")
    if asked.to is None and (asked.replace or asked.source or asked.timeline or asked.label or asked.deep):
        raise UsageError("--from, --timeline, --set, --deep and --replace go with --to only.")
    if asked.discard_writes is not None and not asked.rollback:
        raise UsageError("--discard-writes goes with --rollback only.")


def _confirm(opened: Session, named: str, to: str, no_input: bool) -> None:
    """Name what would be lost, and go on only at a clear yes; where nobody can answer, the name counts."""
    import sys

    from stanchion.cli.confirmation import check_name
    from stanchion.errors import ConfirmationError

    check_name(opened, "--replace", named)
    if no_input or not sys.stdin.isatty():
        return
    for line in (
        f"The database of {named} will be as it was at: {to}. What it was given since is gone from it.",
        "The backend is down from the moment the old database stops until the restored one runs.",
        "The old volume stays until it is dropped by its name (restore --drop-volume).",
    ):
        click.echo(line, err=True)
    if not click.confirm("Go on?", default=False, err=True):
        raise ConfirmationError("Not confirmed: nothing was done.", "")
