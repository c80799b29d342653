"""Tells of whatever a command line ended with: one paragraph, or one JSON object where that was asked for."""

from __future__ import annotations

import json
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from stanchion.errors import (
    InstallationError,
    InternalError,
    InterruptedRunError,
    StanchionError,
    UsageError,
)


def tell(error: BaseException, arguments: Sequence[str], verbs: Sequence[str]) -> int:
    """Print the error where people or programs read it, and return the exit code."""
    if isinstance(error, SystemExit):
        raise error
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return int(UsageError.exit_code)
    verb = next((argument for argument in arguments if argument in verbs), None)
    known, log = _expected(error)
    if _wants_json(arguments):
        click.echo(json.dumps(_result(verb, known, log), indent=2))
    else:
        where = f" The stack trace is in {log}." if log else ""
        click.echo(f"{verb or 'stanchion'}: {known}{where}", err=True)
    return int(known.exit_code)


def _result(verb: str | None, error: StanchionError, log: str | None) -> dict[str, object]:
    """Return the result of a command that came to no run, without the models: they may be what is missing."""
    return {
        "schema_version": 1,
        "verb": verb,
        "status": "failed",
        "exit_code": int(error.exit_code),
        "headline": f"{verb or 'stanchion'} failed: {error.what}",
        "error": {
            "kind": error.kind,
            "what": error.what,
            "hosts": [],
            "role": None,
            "task": None,
            "place": None,
            "last_lines": [],
            "remedy": error.advice,
            "log": log,
        },
    }


def _expected(error: BaseException) -> tuple[StanchionError, str | None]:
    """Return the error as one of ours, and the log of one that nobody expected."""
    if isinstance(error, StanchionError):
        return error, None
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return InterruptedRunError("Interrupted while no host was being changed.", ""), None
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        path = context.command_path if isinstance(context, click.Context) else "stanchion"
        message = error.format_message()
        return UsageError(
            message if message.endswith((".", "?", "?)")) else f"{message}.", f"See {path} --help."
        ), None
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("stanchion"):
        return InstallationError(f"The Python {sys.executable} has no package {error.name}."), None
    log = _write_trace(error)
    return InternalError(f"Unexpected error: {type(error).__name__}: {error}."), str(log)


def _write_trace(error: BaseException) -> Path:
    text = "".join(traceback.format_exception(error))
    name = f"crash-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-"
    with tempfile.NamedTemporaryFile("w", prefix=name, suffix=".log", dir=_folder(), delete=False) as file:
        file.write(text)
    return Path(file.name)


def _folder() -> Path | None:
    """Return the state folder, or None for the temporary one where there is none."""
    from stanchion.run.paths import find_root, state_folder

    try:
        return state_folder(find_root())
    except StanchionError:
        return None


def _wants_json(arguments: Sequence[str]) -> bool:
    """Say whether --format json was given, even on a command line that could not be read."""
    following = [*arguments[1:], ""]
    return any(
        argument == "--format=json" or (argument == "--format" and value == "json")
        for argument, value in zip(arguments, following, strict=True)
    )
