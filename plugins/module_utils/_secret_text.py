# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Can a text be a secret? One word about it, which tells nothing of what it says."""

from __future__ import annotations

import re

EMPTY = "empty"
ASCII = "ascii"
TEXT = "text"
OTHER = "other"

# Far beyond any secret of one line.
MOST_BYTES = 65536


def kind(raw: bytes) -> str:
    """Return what it is but for its line end: `empty` (white space too), one printable line of `ascii` or of
    other `text` in UTF-8, or something `other`."""
    if len(raw) > MOST_BYTES:
        return OTHER
    try:
        text = raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        return OTHER
    if not text.strip():
        return EMPTY
    if not text.isprintable():
        return OTHER
    return ASCII if text.isascii() else TEXT


# As stanchion.secret_names has them, which hosts have not; a test compares.
SECRET_NAME = re.compile(
    r"password|passwd|passphrase|(pass|pwd)(_|\Z)|secret|token|(access|api|private)_?key|credential",
    re.IGNORECASE,
)
ABOUT_A_SECRET = re.compile(r"_(file|path|dir|length|mode|owner|group)\Z", re.IGNORECASE)
NO_SECRET = re.compile(r"(?i)true|false|yes|no|on|off|[0-9]{1,4}")
# The shell's own: where it is.
_FOLDERS = ("PWD", "OLDPWD")
PASSWORD_IN_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*://[^/\s:@]*):[^/\s@]+@", re.IGNORECASE)
# libpq's password=WORD, in an address too, and SQL's PASSWORD 'TEXT'.
_PASSWORD_IN_WORDS = re.compile(
    r"\b(password\s*[=:]\s*)(?:'[^']*'|\"[^\"]*\"|[^\s&;,]+)|\b(password\s+)'[^']*'", re.IGNORECASE
)
HIDDEN = "***"


def in_environment(name: str, value: str) -> bool:
    """Say whether a variable's value is a secret, by its name or by a password in it."""
    named = bool(SECRET_NAME.search(name)) and not ABOUT_A_SECRET.search(name) and name not in _FOLDERS
    return bool(value) and ((named and not NO_SECRET.fullmatch(value)) or hidden(value) != value)


def hidden(text: str) -> str:
    """Return a text of somebody else's (a log, an error) without the passwords that can be told in it."""
    text = PASSWORD_IN_ADDRESS.sub(rf"\1:{HIDDEN}@", text)
    return _PASSWORD_IN_WORDS.sub(lambda found: f"{found[1] or found[2]}{HIDDEN}", text)
