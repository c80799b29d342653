"""adopt: write the inventory of a stack that something else runs."""

from __future__ import annotations

from pathlib import Path

import click

from stanchion.cli.command import Program, Verb, output_options
from stanchion.cli.compose import file, files_options


@click.group(
    cls=Program,
    examples=(
        "python runner.py adopt compose docker-compose.yml -o inventory/shop",
        "python runner.py adopt compose -f compose.yml -f compose.prod.yml -o inventory/shop --format json",
    ),
)
def adopt() -> None:
    """Write an inventory for a stack that something else has run until now."""


@adopt.command(
    cls=Verb,
    examples=(
        "python runner.py adopt compose docker-compose.yml -o inventory/shop",
        "python runner.py adopt compose docker-compose.yml -o inventory/shop --without-data",
    ),
)
@click.argument("named", nargs=-1, type=file, metavar="[FILE]...")
@click.option(
    "-o",
    "--to",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The inventory that is written; never over one that is there.",
)
@files_options
@click.option(
    "-p",
    "--project-name",
    "name",
    default="",
    metavar="NAME",
    help="The project's name, where compose was given one by -p.",
)
@click.option(
    "--without-data",
    is_flag=True,
    help="Declare a new, empty volume: for data that is dumped and loaded.",
)
@output_options
def compose(
    named: tuple[Path, ...],
    folder: Path,
    files: tuple[Path, ...],
    env_files: tuple[Path, ...],
    profiles: tuple[str, ...],
    name: str,
    without_data: bool,
    output_format: str,
    output: Path | None,
) -> int:
    """Write an inventory from a compose file, and tell what became of each line; no host is asked."""
    from stanchion.cli import adopt_compose
    from stanchion.report import adopted

    asked = adopt_compose.Asked((*files, *named), folder, env_files, profiles, name, without_data)
    result = adopt_compose.adopt(asked)
    adopted.write(result, output_format, output)
    return result.exit_code
