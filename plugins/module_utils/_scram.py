# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""SCRAM-SHA-256 verifiers as Postgres stores them: what a password is compared with, and what is sent for it.

A statement that carries a verifier tells nobody the password, whatever log or statistics keep of it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re

ITERATIONS = 4096
SALT_BYTES = 16

_VERIFIER = re.compile(r"SCRAM-SHA-256\$([0-9]+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")


def verifier(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """Return what ALTER ROLE … PASSWORD takes in place of the password."""
    salt = os.urandom(SALT_BYTES) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [base64.b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${iterations}:{encoded[0]}${encoded[1]}:{encoded[2]}"


def matches(password: str, stored: str | None) -> bool:
    """Say whether `stored` is a verifier of the password; anything else (none, md5) is not."""
    match = _VERIFIER.fullmatch(stored or "")
    if not match:
        return False
    wanted = verifier(password, base64.b64decode(match[2]), int(match[1]))
    return hmac.compare_digest(wanted, stored or "")
