#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: run_record
short_description: Keep on the host who changed its stack, when and from where
description:
  - Adds one JSON line to C(runs.jsonl) (C(0600), root) in the stack's folder on the host.
  - A host without that folder has no stack; nothing is written then, so that a refused run leaves nothing
    behind.
  - A record is no part of the declared state, so it is never a change, and a host that cannot keep it (a full
    disk) gets a warning. The run is what it was without it.
options:
  state_dir:
    description: The stack's folder on the host.
    required: true
    type: path
  name:
    description: Name of the file.
    type: str
    default: runs.jsonl
  record:
    description: What to keep. The host's time is added.
    required: true
    type: dict
author:
  - Stanchion maintainers
attributes:
  check_mode:
    support: full
    description: Nothing is written.
"""

EXAMPLES = r"""
- name: Record the run
  stanchion.stack.run_record:
    state_dir: /var/lib/stanchion/medication-tracker
    record:
      verb: deploy
      user: operator
      outcome: succeeded
"""

RETURN = r"""
path:
  description: The file with the records.
  returned: always
  type: str
recorded:
  description: Whether the line was written.
  returned: always
  type: bool
"""


def append(path: Path, record: dict, now: datetime) -> bool:
    """Add the record to the file, unless there is no such folder."""
    if not path.parent.is_dir():
        return False
    line = json.dumps({"recorded": now.isoformat(timespec="seconds"), **record}, sort_keys=True) + "\n"
    # One write to a file opened for appending: two runs never mix their lines.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)
    return True


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state_dir": {"type": "path", "required": True},
            "name": {"type": "str", "default": "runs.jsonl"},
            "record": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    folder = Path(module.params["state_dir"])
    path = folder / module.params["name"]
    try:
        now = datetime.now(timezone.utc)
        recorded = not module.check_mode and append(path, module.params["record"], now)
    except OSError as error:
        recorded = False
        module.warn(f"The run could not be recorded in {folder}: {error.strerror}.")
    module.exit_json(changed=False, path=str(path), recorded=recorded)


if __name__ == "__main__":
    main()
