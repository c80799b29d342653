"""Reads -e KEY=VALUE: YAML values, one key each, and never a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stanchion.errors import SecretOnCommandLineError, UsageError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
SECRET_NAME = re.compile(
    r"password|passwd|passphrase|(pass|pwd)(_|\Z)|secret|token|(access|api|private)_?key|credential",
    re.IGNORECASE,
)
# About a secret, but not one: where it is, how long, who may read it.
ABOUT_A_SECRET = re.compile(r"_(file|path|dir|length|mode|owner|group)\Z", re.IGNORECASE)

# True, false or a number is no secret, whatever the name says (ACCESS_TOKEN_EXPIRE_MINUTES).
NO_SECRET = re.compile(r"(?i)true|false|yes|no|on|off|[0-9]{1,4}")
PASSWORD_IN_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*://[^/\s:@]*):[^/\s@]+@", re.IGNORECASE)


# What stands in the place of a secret.
HIDDEN = "***"


def is_secret_like(name: str) -> bool:
    """Say whether a variable of this name holds a secret."""
    return bool(SECRET_NAME.search(name)) and not ABOUT_A_SECRET.search(name)


def holds_secret(name: str, value: str) -> bool:
    """Say whether a variable's value is a secret: by its name, or by a password in an address."""
    if not value or NO_SECRET.fullmatch(value):
        return False
    return is_secret_like(name) or bool(PASSWORD_IN_ADDRESS.search(value))


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
    _refuse_nested_secrets(name, value)
    return value


def _refuse_nested_secrets(name: str, value: object) -> None:
    if isinstance(value, list):
        for item in value:
            _refuse_nested_secrets(name, item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if is_secret_like(str(key)):
                raise SecretOnCommandLineError(f"-e {name}=… is refused: its key {key} looks like a secret.")
            _refuse_nested_secrets(name, item)
