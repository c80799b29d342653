"""compose: check compose files that somebody wrote, and write the one that equals what the roles deploy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stanchion.cli.checks import asking_options, known
from stanchion.cli.command import REPORT_FORMATS, Options, Program, Verb, file_options, options_of, written_as

file = click.Path(dir_okay=False, path_type=Path)
# Which files are read, and how: of every verb that reads what somebody else wrote for compose.
files_options = options_of(
    click.option(
        "-f",
        "--file",
        "files",
        multiple=True,
        type=file,
        metavar="FILE",
        help="A compose file (repeatable).",
    ),
    click.option(
        "--env-file",
        "env_files",
        multiple=True,
        type=file,
        metavar="FILE",
        help="Values of variables, in place of .env beside the compose file (repeatable).",
    ),
    click.option(
        "--profile",
        "profiles",
        multiple=True,
        metavar="NAME",
        help="Look at the services of this profile, too; '*' for all (repeatable).",
    ),
)


@click.group(
    cls=Program,
    examples=(
        "python runner.py compose check docker-compose.yml backend/Dockerfile",
        "python runner.py compose render --output docker-compose.yml",
    ),
)
def compose() -> None:
    """Check compose files and Dockerfiles, and write the compose file of the declared stack."""


@compose.command(
    cls=Verb,
    examples=(
        "python runner.py compose check docker-compose.yml",
        "python runner.py compose check -f compose.yml -f compose.prod.yml backend/Dockerfile",
    ),
)
@click.argument("named", nargs=-1, type=file, metavar="[FILE] [DOCKERFILE]...")
@files_options
@asking_options
@click.option("-v", "--verbose", is_flag=True, help="List passed and skipped checks, too.")
@written_as(*REPORT_FORMATS)
def check(
    named: tuple[Path, ...],
    files: tuple[Path, ...],
    env_files: tuple[Path, ...],
    profiles: tuple[str, ...],
    only: tuple[str, ...],
    fail_on: str | None,
    verbose: bool,
    output_format: str,
    output: Path | None,
) -> int:
    """Ask every check that can be read from a file; nothing runs, and no host is asked."""
    from stanchion.cli import compose_check
    from stanchion.report import output as report

    known("file", only)
    asked = compose_check.Asked(files, named, env_files, profiles, only, fail_on or "fail")
    result = compose_check.check(asked)
    report.write(result, output_format, output, verbose)
    return result.exit_code


@compose.command(
    cls=Verb,
    examples=(
        "python runner.py compose render --output docker-compose.yml",
        "python runner.py compose render -i inventory/local",
    ),
)
@file_options
def render(**shared: Any) -> int:
    """Write the compose file that equals what the roles deploy; no host is asked."""
    from stanchion.cli import compose_render

    return compose_render.render(Options(**shared))
