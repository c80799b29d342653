"""The command line: one module per verb, arguments in, exit code out.

Nothing heavy is imported before a verb needs it: --help and --version answer at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from stanchion.cli.adopt import adopt
from stanchion.cli.backup import backup
from stanchion.cli.backups import backups
from stanchion.cli.checks import checks, explain
from stanchion.cli.command import Program
from stanchion.cli.completion import completion
from stanchion.cli.compose import compose
from stanchion.cli.deploy import deploy
from stanchion.cli.destroy import destroy
from stanchion.cli.drill import drill
from stanchion.cli.history import history
from stanchion.cli.recover import recover
from stanchion.cli.report import report
from stanchion.cli.restore import restore
from stanchion.cli.secrets import secrets
from stanchion.cli.status import status
from stanchion.cli.validate import validate
from stanchion.exit_codes import ExitCode
from stanchion.run.paths import program_name


@click.group(
    cls=Program,
    examples=("python runner.py deploy", "python runner.py status"),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="stanchion", message="stanchion %(version)s")
def program() -> None:
    """Bring hosts to the declared Postgres and backend stack, and tell what runs."""


for _verb in (
    deploy,
    validate,
    status,
    backup,
    backups,
    drill,
    restore,
    recover,
    secrets,
    destroy,
    adopt,
    compose,
    checks,
    explain,
    report,
    history,
    completion,
):
    program.add_command(_verb)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; whatever goes wrong is told, never raised."""
    try:
        code = program.main(list(arguments), prog_name=program_name(), standalone_mode=False)
        return int(code or ExitCode.OK)
    except BaseException as error:
        from stanchion.cli.trouble import tell

        return tell(error, arguments, [*program.commands])


def main() -> NoReturn:
    """Be the program."""
    sys.exit(run(sys.argv[1:]))
