#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes the watch on a host: the program, its settings, and the table of cron that runs it each minute."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils import _removal
from ansible_collections.stanchion.stack.plugins.module_utils._private import close_folder, write_file
from ansible_collections.stanchion.stack.plugins.module_utils._program import (
    Wanted,
    differs,
    interpreter,
    with_bytecode,
)

DOCUMENTATION = r"""
module: recovery_install
short_description: Install the watch that restarts what is dead
description:
  - Writes the program that cron runs each minute, its settings, the table of cron, and the script that is
    told of failures.
  - With O(state=absent) all of these go, so that nothing is restarted any more. The record of what was done
    stays.
options:
  state:
    description: Whether the watch is to be there.
    type: str
    choices: [present, absent]
    default: present
  stack:
    description: Name of the stack.
    type: str
    required: true
  folder:
    description: The folder of the watch and of its record on the host.
    type: path
    required: true
  package:
    description: Folder on the controller with the program's Python files. The action packs it.
    type: path
  archive:
    description: The packed program, in base64. The action fills it in.
    type: str
    no_log: true
  settings:
    description: The program's settings. Needed where it is to be there.
    type: dict
  mailto:
    description: Where cron mails what the watch says, which is only what it did; empty for nobody.
    type: str
    default: ""
  on_failure:
    description:
      - A shell command that is run for each restart that failed or is given up; empty for none.
      - It may hold a token, so it becomes a script for root only, which no diff shows.
    type: str
    default: ""
    no_log: true
  cron:
    description: Folder of cron's tables.
    type: path
    default: /etc/cron.d
author: [Stanchion maintainers]
attributes:
  check_mode:
    support: full
    description: Tells what would be written.
  diff_mode:
    support: partial
    description: Shows the settings and the table, not the script.
"""

EXAMPLES = r"""
- name: Install the watch
  stanchion.stack.recovery_install:
    stack: medication-tracker
    folder: /var/lib/stanchion/medication-tracker/recovery
    package: "{{ role_path }}/files/watch"
    settings: {stack: medication-tracker}
"""

RETURN = r"""
changed_files:
  description: What was written or removed, or would be.
  type: list
  elements: str
  returned: always
"""

ARCHIVE, SETTINGS, ON_FAILURE = "watch.pyz", "settings.json", "on_failure"
# What it remembers goes with it; the record stays.
OWN = (ARCHIVE, SETTINGS, ON_FAILURE, "watch.json", "watch.lock")
SCRIPT = (
    "#!/bin/sh\n# Run for each restart that failed or was given up, with its record on standard input.\n{}\n"
)
# The program says something only when it did something.
TABLE = """\
# Written by Ansible (role recovery of stack {stack}). Change recovery_watch and deploy.
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
MAILTO="{mailto}"
* * * * * root {python} {archive}
"""


def wanted(params: dict[str, Any]) -> Iterator[Wanted]:
    """Return every file, the table last: what it runs is there by then."""
    folder, table = Path(params["folder"]), _removal.watch_table(params["stack"], Path(params["cron"]))
    archive = folder / ARCHIVE
    text = TABLE.format(stack=params["stack"], mailto=params["mailto"], python=interpreter(), archive=archive)
    if params["on_failure"]:
        script = SCRIPT.format(params["on_failure"])
        yield Wanted(folder / ON_FAILURE, script.encode(), 0, 0o700)
    yield Wanted(archive, with_bytecode(base64.b64decode(params["archive"]), archive), 0, 0o600)
    # With the table as it was written: whoever looks can tell whether it was changed.
    settings = {**params["settings"], "cron_file": str(table), "cron_text": text}
    content = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    yield Wanted(folder / SETTINGS, content.encode(), 0, 0o600, shown=True)
    yield Wanted(table, text.encode(), 0, 0o644, shown=True)


def install(module: AnsibleModule) -> dict[str, Any]:
    params, check_mode = module.params, module.check_mode
    folder = Path(params["folder"])
    changed = [str(folder)] if close_folder(folder, check_mode) else []
    diff = []
    for file in wanted(params):
        if not differs(file):
            continue
        changed.append(str(file.path))
        if file.shown:
            before = file.path.read_text() if file.path.exists() else ""
            diff.append({"before_header": str(file.path), "before": before, "after": file.content.decode()})
        if not check_mode:
            write_file(file.path, file.content, (file.owner, file.owner), file.mode)
    script = folder / ON_FAILURE
    if not params["on_failure"] and script.exists():
        changed.append(str(script))
        if not check_mode:
            script.unlink()
    return {"changed": bool(changed), "changed_files": changed, "diff": diff}


def uninstall(module: AnsibleModule) -> dict[str, Any]:
    """Take away what restarts containers, the table first."""
    params = module.params
    folder = Path(params["folder"])
    places = [*_removal.watched(params["stack"], Path(params["cron"])), *(folder / name for name in OWN)]
    gone = [path for path in places if path.exists()]
    if not module.check_mode:
        _removal.delete(_removal.Files(own=gone))
    return {"changed": bool(gone), "changed_files": [str(path) for path in gone]}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "stack": {"type": "str", "required": True},
            "folder": {"type": "path", "required": True},
            "package": {"type": "path"},
            "archive": {"type": "str", "no_log": True},
            "settings": {"type": "dict"},
            "mailto": {"type": "str", "default": ""},
            "on_failure": {"type": "str", "default": "", "no_log": True},
            "cron": {"type": "path", "default": "/etc/cron.d"},
        },
        required_if=[("state", "present", ["archive", "settings"])],
        supports_check_mode=True,
    )
    try:
        result = install(module) if module.params["state"] == "present" else uninstall(module)
    except OSError as error:
        module.fail_json(msg=f"{error.filename} can't be used: {error.strerror}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
