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


_SECRET_NAME = re.compile(
    r"password|passwd|passphrase|secret|token|api_?key|private_?key|credential", re.IGNORECASE
)
_NO_SECRET = re.compile(r"_(file|path|dir|length)$|^PGPASSFILE$", re.IGNORECASE)
_PASSWORD_IN_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)


def in_environment(name: str, value: str) -> bool:
    """Say whether a variable's value is a secret, by its name or by a password in an address."""
    named = bool(_SECRET_NAME.search(name)) and not _NO_SECRET.search(name)
    return bool(value) and (named or bool(_PASSWORD_IN_ADDRESS.search(value)))
