#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keeps one private key of SSH in one file on the host, and tells its public half."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils._private import write_file

DOCUMENTATION = r"""
module: ssh_key
short_description: Keep one private key of SSH in one file on the host
description:
  - Writes a key that is given, or generates one (Ed25519, without a passphrase) where the file is missing.
    A file that is there is kept when nothing is given.
  - Never returns the private key. The host needs C(ssh-keygen).
options:
  path:
    description: The file. Missing folders above it are made for root only; it is root's, mode 0400.
    type: path
    required: true
  value:
    description: The private key, from a vault, in OpenSSH's or PEM form, without a passphrase.
    type: str
  comment:
    description: What the public half says of itself.
    type: str
    default: stanchion
author: [Stanchion maintainers]
attributes:
  check_mode:
    support: full
    description: A key that would be generated has no public half yet.
  diff_mode:
    support: none
    description: Shows nothing of a key.
"""

EXAMPLES = r"""
- name: Keep the key of the backups' server
  stanchion.stack.ssh_key:
    path: /var/lib/stanchion/medication-tracker/secrets/backup_sftp_key
"""

RETURN = r"""
public_key:
  description: The line for the server's authorized_keys; empty in check mode where there is no key yet.
  type: str
  returned: always
"""


class RefusedError(Exception):
    """This is no key to use."""


def public_half(module: AnsibleModule, path: Path) -> str:
    """Return the public half; RefusedError for what is no private key, or one that asks for a passphrase."""
    # -P: an empty passphrase instead of a question.
    code, out, _ = module.run_command(
        [module.get_bin_path("ssh-keygen", True), "-y", "-P", "", "-f", str(path)]
    )
    if code != 0:
        raise RefusedError(
            "is no private key of SSH, or has a passphrase, which nobody could type in at night"
        )
    return out.strip()


def drafted(module: AnsibleModule, folder: Path) -> bytes:
    """Return the private key that is given, looked at, or a new one; nothing of it lasts in `folder`."""
    draft = folder / "key"
    given = module.params["value"]
    if given is not None:
        # ssh-keygen insists on a line end after the last line.
        write_file(draft, given.replace("\r\n", "\n").strip().encode() + b"\n")
        public_half(module, draft)
    else:
        program = module.get_bin_path("ssh-keygen", True)
        argv = [program, "-q", "-t", "ed25519", "-N", "", "-C", module.params["comment"], "-f", str(draft)]
        module.run_command(argv, check_rc=True)
    return draft.read_bytes()


def refuse_open(path: Path) -> None:
    """Refuse a file that others may have read."""
    seen = path.lstat()
    if not stat.S_ISREG(seen.st_mode) or seen.st_mode & 0o077 or seen.st_uid != 0:
        raise RefusedError("lets others than root in, or is no regular file: others may know this key")


def converge(module: AnsibleModule) -> dict[str, Any]:
    path = Path(module.params["path"])
    there = path.exists() or path.is_symlink()
    if there:
        refuse_open(path)
    if there and module.params["value"] is None:
        return {"changed": False, "public_key": public_half(module, path)}
    if module.check_mode and module.params["value"] is None:
        return {"changed": True, "public_key": ""}
    folder = Path(tempfile.mkdtemp(prefix="stanchion-key-"))
    try:
        key = drafted(module, folder)
        public_key = public_half(module, folder / "key")
    finally:
        shutil.rmtree(folder)
    changed = not there or path.read_bytes() != key
    if changed and not module.check_mode:
        write_file(path, key, (os.geteuid(), os.getegid()), 0o400)
    return {"changed": changed, "public_key": public_key}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "value": {"type": "str", "no_log": True},
            "comment": {"type": "str", "default": "stanchion"},
        },
        supports_check_mode=True,
    )
    given = "The given key" if module.params["value"] is not None else f"The key file {module.params['path']}"
    try:
        result = converge(module)
    except RefusedError as error:
        module.fail_json(
            msg=f"{given} {error}. `ssh-keygen -t ed25519 -N ''` makes one.",
            stanchion={"exit": "configuration"},
        )
    except OSError as error:
        module.fail_json(msg=f"{module.params['path']} can't be kept: {error.strerror or error}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
