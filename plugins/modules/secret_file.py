#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keeps one secret in one file on the host."""

from __future__ import annotations

import grp
import os
import pwd
import secrets
import stat
import string
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils import _secret_text
from ansible_collections.stanchion.stack.plugins.module_utils._private import (
    make_folder,
    own_folder,
    write_file,
)

DOCUMENTATION = r"""
module: secret_file
short_description: Keep one secret in one file on the host
description:
  - Writes a secret that is given, or derives it from another secret file, or generates one where the file is
    missing. A file that is there is kept when nothing is given.
  - Refuses a file that is empty, no regular file, open to more people than O(mode) says, or owned by
    a stranger. Such a secret may be known to others, so it is never repaired in silence.
  - Never returns the secret, and never shows it in a diff.
author: [Stanchion maintainers]
options:
  path:
    description: The file. Missing folders above it are made for root only.
    type: path
    required: true
  owner:
    description: Name or number of the user that the file belongs to.
    type: str
    default: root
  group:
    description: Name or number of the group that the file belongs to.
    type: str
    default: root
  mode:
    description: The file's permissions, in octal.
    type: str
    default: "0400"
  folder_mode:
    description:
      - Makes the folder that the file is in, for root and with these permissions, in octal; so does a folder
        that is there get them.
    type: str
  value:
    description: The secret, from a vault. Without it and without O(source), a missing file is generated.
    type: str
  fixed:
    description: Refuse another O(value) than the file holds already; for what old data was encrypted with.
    type: bool
    default: false
  source:
    description: A secret file on the host from which this one is derived.
    type: path
  format:
    description: V(raw) writes the secret itself, V(pgpass) a line for libpq's PGPASSFILE.
    type: str
    choices: [raw, pgpass]
    default: raw
  pgpass:
    description: The fields before the password, for O(format=pgpass).
    type: dict
    suboptions:
      host:
        description: Host name as the client gives it.
        type: str
        required: true
      port:
        description: Port as the client gives it.
        type: int
        default: 5432
      database:
        description: Database name.
        type: str
        required: true
      user:
        description: User name.
        type: str
        required: true
attributes:
  check_mode:
    support: full
    description: A source that is not there yet counts as a change.
  diff_mode:
    support: partial
    description: Says that something changed, never what.
"""

EXAMPLES = r"""
- name: Generate the application's password once
  stanchion.stack.secret_file:
    path: /var/lib/stanchion/medication-tracker/secrets/app_password

- name: Derive what libpq reads from it
  stanchion.stack.secret_file:
    path: /var/lib/stanchion/medication-tracker/secrets/backend/pgpass
    source: /var/lib/stanchion/medication-tracker/secrets/app_password
    format: pgpass
    pgpass: {host: db, database: medication_tracker, user: medication_tracker}
    owner: "10001"
    group: "10001"
"""

RETURN = r"""
path:
  description: The file.
  type: str
  returned: always
generated:
  description: Whether the secret was generated in this run.
  type: bool
  returned: always
replaced:
  description: Whether another secret was there before.
  type: bool
  returned: always
"""

ALPHABET = string.ascii_letters + string.digits
LENGTH = 32


class RefusedError(Exception):
    """The file, or what is to be in it, is no secret to rely on."""


def text_of(raw: bytes, name: str) -> str:
    """Return a secret file's text without its line end; refuse what is empty or more than one line."""
    kind = _secret_text.kind(raw)
    if kind == _secret_text.EMPTY:
        raise RefusedError(f"{name} is empty. Write the secret into it; or remove it, and a new one is made")
    if kind == _secret_text.OTHER:
        raise RefusedError(f"{name} is not one line of printable UTF-8 text")
    return raw.decode().rstrip("\r\n")


def render(secret: str, form: str, pgpass: dict[str, Any] | None) -> str:
    """Return the file's content."""
    if form == "raw":
        return secret
    fields = pgpass or {}
    parts = [fields["host"], fields["port"], fields["database"], fields["user"], secret]
    return ":".join(str(part).replace("\\", "\\\\").replace(":", "\\:") for part in parts) + "\n"


def check_existing(path: Path, uid: int, mode: int) -> bytes | None:
    """Return what is in the file, None where there is none; refuse a file that others may have read."""
    try:
        seen = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(seen.st_mode):
        raise RefusedError(f"The secret file {path} is no regular file")
    permissions = stat.S_IMODE(seen.st_mode)
    if permissions & 0o077 & ~mode:
        raise RefusedError(
            f"The secret file {path} has the permissions {permissions:04o}, which lets others in "
            f"(wanted: {mode:04o}). Others may know this secret: take a new one, or run "
            f"`chmod {mode:04o} {path}` if you are sure"
        )
    if seen.st_uid not in (0, uid):
        raise RefusedError(
            f"The secret file {path} belongs to user {seen.st_uid}, and should belong to {uid}. "
            f"If that user may know the secret, run `chown {uid} {path}`"
        )
    raw = path.read_bytes()
    text_of(raw, f"The secret file {path}")
    return raw


def number(name: str, table: str) -> int:
    """Return the id of a user or group; ids that the host has no name for are numbers already."""
    if name.isdigit():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid if table == "user" else grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise RefusedError(f"There is no {table} {name!r} on this host") from error


def wanted_content(params: dict[str, Any], check_mode: bool) -> tuple[str | None, bool]:
    """Return the content that the file must have (None: whatever it has), and whether that is known."""
    if params["value"] is not None:
        secret = text_of(params["value"].encode(), f"The value for the secret file {params['path']}")
    elif params["source"] is not None:
        source = Path(params["source"])
        if check_mode and not source.exists():
            return None, False
        secret = text_of(source.read_bytes(), f"The secret file {source}")
    else:
        return None, True
    return render(secret, params["format"], params["pgpass"]), True


def octal(text: str) -> int:
    """Return permissions that are written in octal."""
    try:
        return int(text, 8)
    except ValueError as error:
        raise RefusedError(f"The mode {text!r} is no octal number") from error


def converge(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Bring the file, and the folder where its mode is given, to what is wanted."""
    folder, folder_changed = Path(params["path"]).parent, False
    if params["folder_mode"] is not None:
        mode = octal(params["folder_mode"])
        if not check_mode:
            make_folder(folder.parent)
        folder_changed = own_folder(folder, 0, mode, check_mode)
    result = converge_file(params, check_mode)
    return {**result, "changed": result["changed"] or folder_changed}


def converge_file(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    path, mode = Path(params["path"]), octal(params["mode"])
    uid, gid = number(params["owner"], "user"), number(params["group"], "group")
    found = check_existing(path, uid, mode)
    wanted, known = wanted_content(params, check_mode)
    if not known:
        return {"changed": True, "generated": False, "replaced": False}
    generated = wanted is None and found is None
    if generated:
        wanted = render(
            "".join(secrets.choice(ALPHABET) for _ in range(LENGTH)),
            params["format"],
            params["pgpass"],
        )
    differs = wanted is not None and (found or b"").rstrip(b"\r\n") != wanted.encode().rstrip(b"\r\n")
    if params["fixed"] and found is not None and differs:
        raise RefusedError(
            f"The secret file {path} holds another secret than the one that is given, and what is there was "
            "encrypted with that one: nothing of it could be read with the new one. Give the old one "
            "(`secrets export` hands it over); to begin anew, remove the data and the file"
        )
    if wanted is not None and differs:
        if not check_mode:
            write_file(path, wanted.encode(), (uid, gid), mode)
        return {"changed": True, "generated": generated, "replaced": found is not None}
    seen = path.stat()
    if (seen.st_uid, seen.st_gid, stat.S_IMODE(seen.st_mode)) == (uid, gid, mode):
        return {"changed": False, "generated": False, "replaced": False}
    if not check_mode:
        os.chown(path, uid, gid)
        path.chmod(mode)
    return {"changed": True, "generated": False, "replaced": False}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
            "mode": {"type": "str", "default": "0400"},
            "folder_mode": {"type": "str"},
            "value": {"type": "str", "no_log": True},
            "fixed": {"type": "bool", "default": False},
            "source": {"type": "path"},
            "format": {"type": "str", "choices": ["raw", "pgpass"], "default": "raw"},
            "pgpass": {
                "type": "dict",
                "no_log": False,
                "options": {
                    "host": {"type": "str", "required": True},
                    "port": {"type": "int", "default": 5432},
                    "database": {"type": "str", "required": True},
                    "user": {"type": "str", "required": True},
                },
            },
        },
        mutually_exclusive=[("value", "source")],
        required_if=[("format", "pgpass", ["pgpass"])],
        supports_check_mode=True,
    )
    path = module.params["path"]
    try:
        result = converge(module.params, module.check_mode)
    except RefusedError as error:
        module.fail_json(msg=f"{error}.", stanchion={"exit": "configuration"})
    except OSError as error:
        module.fail_json(msg=f"The secret file {path} can't be kept: {error.strerror or error}.", path=path)
    state = "another secret, owner or mode" if result["changed"] else "unchanged"
    module.exit_json(
        path=path, diff={"before": "", "after": f"{path}: {state}\n" if result["changed"] else ""}, **result
    )


if __name__ == "__main__":
    main()
