"""What a secret is known by: a variable's name, or a password in an address."""

from __future__ import annotations

import re

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
