"""secrets: hand a stack's secrets over, so that they outlive its host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stanchion.cli.command import Options, Program, Verb, run_options

_EXPORT = "python runner.py secrets export --to vault.yml --vault-password-file ~/.vault_pass"


@click.group(cls=Program, examples=(_EXPORT, f"{_EXPORT} -i inventory/production"))
def secrets() -> None:
    """Hand over the secrets that a deploy has made on a host."""


@secrets.command(cls=Verb, examples=(_EXPORT, "python runner.py secrets export --to /media/usb/vault.yml"))
@run_options
@click.option(
    "-o",
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    required=True,
    help="The file to write; one that is there is not written over.",
)
@click.option(
    "--vault-password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What it is encrypted with; else ANSIBLE_VAULT_PASSWORD_FILE of the environment.",
)
def export(to: Path, vault_password_file: Path | None, **shared: Any) -> int:
    """Write every secret of the stack into one file, encrypted by ansible-vault, for group_vars."""
    from stanchion.cli import session
    from stanchion.errors import UsageError

    if to.exists():
        raise UsageError(f"--to {to} is there already, and is not written over.", "Name another file.")
    if not to.absolute().parent.is_dir():
        raise UsageError(f"--to {to}: there is no such folder.", "Make it first.")
    variables = {"stack_export_file": str(to.absolute())}
    if vault_password_file is not None:
        variables["stack_export_password_file"] = str(vault_password_file.absolute())
    options = Options(**shared)
    opened = session.open_session("secrets", options, variables)
    result = session.perform(opened)
    for each in result.backups:
        names = ", ".join(each.result.get("exported", ()))
        click.echo(f"{to} holds {names}. Keep it and the vault's password away from {each.host}.", err=True)
    return session.finish(result, options)
