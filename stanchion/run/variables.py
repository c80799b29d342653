"""Reads -e KEY=VALUE: YAML values, one key each, and never a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stanchion.errors import SecretOnCommandLineError, UsageError
from stanchion.secret_names import PASSWORD_IN_ADDRESS, is_secret_like

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def parse(assignments: Iterable[str]) -> dict[str, object]:
    """Return the variables; later ones win."""
    variables: dict[str, object] = {}
    for assignment in assignments:
        name, value = _parse_one(assignment)
        variables[name] = value
    return variables


def _parse_one(assignment: str) -> tuple[str, object]:
    if assignment.startswith("@"):
        raise UsageError(
            f"-e takes KEY=VALUE, not a file ({assignment}).",
            "Put the file's variables into group_vars/ of the inventory.",
        )
    name, equals, text = assignment.partition("=")
    if not equals or not _NAME.match(name):
        # The value is not shown: it may be what should have been kept secret.
        raise UsageError(f"-e takes KEY=VALUE, and {name[:40]!r} is not a variable's name with a value.")
    if is_secret_like(name):
        raise SecretOnCommandLineError(f"-e {name}=… is refused: it looks like a secret.")
    return name, _typed(name, text)


def _typed(name: str, text: str) -> object:
    import yaml

    try:
        value: object = yaml.safe_load(text) if text else ""
    except yaml.YAMLError as error:
        raise UsageError(
            f"The value of -e {name} is not YAML.", "Quote it: -e 'NAME=\"text: more\"'."
        ) from error
    _refuse_secrets_in(name, value)
    return value


def _refuse_secrets_in(name: str, value: object) -> None:
    if isinstance(value, str) and PASSWORD_IN_ADDRESS.search(value):
        raise SecretOnCommandLineError(f"-e {name}=… is refused: it has an address with a password.")
    if isinstance(value, list):
        for item in value:
            _refuse_secrets_in(name, item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_secrets_in(name, key)
            if is_secret_like(str(key)):
                raise SecretOnCommandLineError(f"-e {name}=… is refused: its key {key} looks like a secret.")
            _refuse_secrets_in(name, item)
