#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs the backups' command on its host, and says what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: backup_command
short_description: Run the backups' command that the role backup has installed on a host
description:
  - Runs C(stanchion-STACK VERB --json) and returns its result. What cron runs and what this runs is the same.
options:
  stack:
    description: Name of the stack.
    type: str
    required: true
  verb:
    description: The verb and its arguments.
    type: list
    elements: str
    required: true
  denied:
    description: What to say, beside its own words, where a server did not let the command in.
    type: str
    default: ""
  programs:
    description: Folder of the program.
    type: path
    default: /usr/local/sbin
author: [Stanchion maintainers]
attributes:
  check_mode:
    support: partial
    description: Only verbs that change nothing are run.
"""

EXAMPLES = r"""
- name: Take a full backup
  stanchion.stack.backup_command:
    stack: medication-tracker
    verb: [backup, --type, full]
"""

RETURN = r"""
backups:
  description: C(verb), and C(result) as the command printed it; of one that failed, what it had found
    until then.
  type: dict
  returned: always
"""

# Of the command's exit codes: refused, skipped because another job runs.
EXITS = {2: "configuration", 75: "lock"}
# pgBackRest's words for a key that an SFTP server does not know (src/storage/sftp/storage.c).
DENIED = "public key authentication failed"
READS = ("observe", "windows", "plan")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "stack": {"type": "str", "required": True},
            "verb": {"type": "list", "elements": "str", "required": True},
            "denied": {"type": "str", "default": ""},
            "programs": {"type": "path", "default": "/usr/local/sbin"},
        },
        supports_check_mode=True,
    )
    verb = module.params["verb"]
    program = Path(module.params["programs"]) / f"stanchion-{module.params['stack']}"
    if not program.exists():
        module.fail_json(
            msg=f"There is no {program} on this host: the stack was deployed without backups, or not at all. "
            "Deploy it (stack_backup has to be true).",
            stanchion={"exit": "configuration"},
        )
    if module.check_mode and verb[0] not in READS:
        module.exit_json(changed=True, backups={"verb": verb[0], "result": {}})
    code, out, errors = module.run_command([str(program), *verb, "--json"], errors="replace")
    result: dict[str, Any] = json.loads(out) if out.strip().startswith("{") else {}
    told = {"verb": verb[0], "result": result}
    if code != 0:
        reason = result.get("error") or errors.strip() or f"{program} {verb[0]} ended with {code}"
        if DENIED in reason and module.params["denied"]:
            reason = f"{module.params['denied']}. {reason}"
        module.fail_json(msg=reason, backups=told, stanchion={"exit": EXITS.get(code)})
    if result.get("warning"):
        module.warn(result["warning"])
    changed = bool(result.get("done")) if "done" in result else verb[0] not in READS
    module.exit_json(changed=changed, backups=told)


if __name__ == "__main__":
    main()
