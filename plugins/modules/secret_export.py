#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hands secret files of a host over to the action of the same name, and remembers which were exported."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils._private import write_file

DOCUMENTATION = r"""
module: secret_export
short_description: Export a stack's secrets into an encrypted file of variables on the controller
description:
  - Reads secret files of a host and writes them as variables into one file on the controller, encrypted with
    C(ansible-vault), for C(group_vars). They cross the connection once and are in no result, log or argument.
  - Remembers on the host, by fingerprint, what was exported, so that a deploy can insist on it.
  - It is an action; the module alone is its half on the host.
options:
  state:
    description: V(exported) writes the file; V(looked) tells which secrets have not been exported yet.
    type: str
    choices: [exported, looked, read, marked]
    default: looked
  files:
    description: Files of the host, by the variable that each is the value of. A missing one is left out.
    type: dict
    required: true
  marker:
    description: The file on the host that remembers what was exported.
    type: path
    required: true
  output:
    description: The file on the controller, with O(state=exported). It must not be there yet.
    type: path
  vault_password_file:
    description: File with the vault's password on the controller; without it, what Ansible was started with.
    type: path
  fingerprints:
    description: The action's, with O(state=marked).
    type: dict
author: [Stanchion maintainers]
attributes:
  check_mode:
    support: partial
    description: Only O(state=looked) does anything.
"""

EXAMPLES = r"""
- name: Export the passphrase
  stanchion.stack.secret_export:
    state: exported
    files: {backup_passphrase: /var/lib/stanchion/medication-tracker/secrets/backup_passphrase}
    marker: /var/lib/stanchion/medication-tracker/secrets/exported.json
    output: /root/vault.yml
    vault_password_file: /root/.vault_pass
"""

RETURN = r"""
unexported:
  description: Variables whose secret has not been exported as it is now, or is not there yet.
  type: list
  elements: str
  returned: with O(state=looked)
missing:
  description: Variables whose file is not there yet.
  type: list
  elements: str
  returned: with O(state=looked)
backups:
  description: C(result) with the stack, the C(file), and C(exported), the variables that are in it.
  type: dict
  returned: with O(state=exported)
"""


def fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def contents(files: dict[str, str]) -> dict[str, bytes]:
    """Return what is in the files that are there."""
    return {name: Path(path).read_bytes() for name, path in files.items() if Path(path).exists()}


def remembered(marker: Path) -> dict[str, Any]:
    try:
        found = json.loads(marker.read_text())
        return found if isinstance(found, dict) else {}
    except (FileNotFoundError, ValueError):
        return {}


def look(files: dict[str, str], marker: Path) -> list[str]:
    there, known = contents(files), remembered(marker)
    return sorted(
        name
        for name in files
        if name not in there or (known.get(name) or {}).get("sha256") != fingerprint(there[name])
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {
                "type": "str",
                "choices": ["exported", "looked", "read", "marked"],
                "default": "looked",
            },
            "files": {"type": "dict", "required": True, "no_log": False},
            "marker": {"type": "path", "required": True},
            "output": {"type": "path"},
            "vault_password_file": {"type": "path", "no_log": False},
            "fingerprints": {"type": "dict", "no_log": True},
        },
        supports_check_mode=True,
    )
    files, marker = module.params["files"], Path(module.params["marker"])
    try:
        if module.params["state"] == "looked":
            missing = sorted(name for name, path in files.items() if not Path(path).exists())
            module.exit_json(changed=False, unexported=look(files, marker), missing=missing)
        if module.params["state"] == "read":
            # The action keeps this to itself.
            found = {name: content.decode() for name, content in contents(files).items()}
            module.exit_json(changed=False, secrets=found)
        now = round(time.time())
        new = {name: {"sha256": value, "at": now} for name, value in module.params["fingerprints"].items()}
        write_file(marker, (json.dumps(remembered(marker) | new, indent=2) + "\n").encode())
        module.exit_json(changed=True)
    except (OSError, UnicodeDecodeError) as error:
        module.fail_json(msg=f"The stack's secrets can't be read: {error}.")


if __name__ == "__main__":
    main()
