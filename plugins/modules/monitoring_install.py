#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes the monitoring on a host: what its containers read, and the job that writes figures each minute."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils import _removal
from ansible_collections.stanchion.stack.plugins.module_utils._private import (
    close_folder,
    own_folder,
    write_file,
)
from ansible_collections.stanchion.stack.plugins.module_utils._program import (
    Wanted,
    differs,
    interpreter,
    with_bytecode,
)

DOCUMENTATION = r"""
module: monitoring_install
short_description: Install the figures' job, and the files that the monitoring's containers read
description:
  - Writes the program that cron runs each minute, its settings, the table of cron, the folder of the figures,
    and any further files, each as a whole.
  - A file replaces the one of its name, so containers have to mount its folder and not the file.
  - With O(state=absent) all of these go, the table first. Docker's volumes stay.
options:
  state:
    description: Whether the monitoring is to be there.
    type: str
    choices: [present, absent]
    default: present
  stack:
    description: Name of the stack.
    type: str
    required: true
  folder:
    description: The monitoring's folder on the host. It is root's alone.
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
  files:
    description: Further files.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description:
          - Where it is, from O(folder) on, in one of the folders C(alertmanager), C(exporter), C(prometheus).
          - Folders on the way are made for everybody to read who gets to O(folder), as a mount does.
        type: str
        required: true
      content:
        description: The text of it. The host's log never has it.
        type: str
        required: true
        no_log: true
      owner:
        description: Its user and group, a number.
        type: int
        default: 0
      mode:
        description: Its mode, a nought and octal digits in quotes.
        type: str
        default: "0644"
      shown:
        description: Whether the text may be seen. If not, no diff and no result has it.
        type: bool
        default: false
  owned_folders:
    description:
      - Folders, from O(folder) on, that are this module's alone. They are made, and what is in them and not
        among O(files) is deleted.
    type: list
    elements: str
    default: [alertmanager, exporter, prometheus]
  cron:
    description: Folder of cron's tables.
    type: path
    default: /etc/cron.d
author: [Stanchion maintainers]
attributes:
  check_mode:
    support: full
    description: Tells what would be written or removed.
  diff_mode:
    support: partial
    description: Shows the settings, the table, and the files that may be seen.
"""

EXAMPLES = r"""
- name: Install the monitoring's files and its job
  stanchion.stack.monitoring_install:
    stack: medication-tracker
    folder: /var/lib/stanchion/medication-tracker/monitoring
    package: "{{ role_path }}/files/figures"
    settings: {stack: medication-tracker}
    files:
      - path: prometheus/prometheus.yml
        content: "{{ lookup('ansible.builtin.template', 'prometheus.yml.j2') }}"
        shown: true
"""

RETURN = r"""
changed_files:
  description: What was written or removed, or would be.
  type: list
  elements: str
  returned: always
"""

ARCHIVE, SETTINGS, METRICS = "figures.pyz", "settings.json", "metrics"
# For whoever mounts them: the folder above is root's alone.
_OPEN = 0o755
# Without the nought it may be what YAML has made of one that is not in quotes: another number.
_MODE = re.compile(r"0[0-7]{3,4}")
_OURS = _removal.MONITORING_FOLDERS
# It says nothing but why it failed, and says that each minute; figures that are old are an alert.
TABLE = """\
# Written by Ansible (role monitoring of stack {stack}). Change stack_monitoring and deploy.
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
MAILTO=""
* * * * * root {python} {archive}
"""


def inside(name: str) -> PurePosixPath:
    """Return a path from the folder on; RefusedError where it is not in one of the folders for it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts[:1] or path.parts[0] not in _OURS:
        raise _removal.RefusedError(
            f"{name!r} is not in {', '.join(_OURS)} below the monitoring's folder: destroy would leave it. "
            "Nothing was changed."
        )
    return path


def wanted(params: dict[str, Any]) -> Iterator[Wanted]:
    """Return every file, the table last: what it runs is there by then."""
    folder, table = Path(params["folder"]), _removal.figures_table(params["stack"], Path(params["cron"]))
    archive = folder / ARCHIVE
    for each in params["files"]:
        place, mode = folder / inside(each["path"]), int(each["mode"], 8)
        yield Wanted(place, each["content"].encode(), each["owner"], mode, each["shown"])
    yield Wanted(archive, with_bytecode(base64.b64decode(params["archive"]), archive), 0, 0o600)
    text = TABLE.format(stack=params["stack"], python=interpreter(), archive=archive)
    # With the table as it was written: whoever looks can tell whether it was changed.
    settings = {**params["settings"], "cron_file": str(table), "cron_text": text}
    content = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    yield Wanted(folder / SETTINGS, content.encode(), 0, 0o600, shown=True)
    yield Wanted(table, text.encode(), 0, 0o644, shown=True)


def check(params: dict[str, Any]) -> None:
    """RefusedError for what cannot be meant, before anything is changed."""
    for name in [*params["owned_folders"], *(each["path"] for each in params["files"])]:
        inside(name)
    for each in params["files"]:
        if len(PurePosixPath(each["path"]).parts) == 1:
            raise _removal.RefusedError(f"{each['path']} is a folder. Nothing was changed.")
        if not _MODE.fullmatch(each["mode"]):
            raise _removal.RefusedError(
                f"The mode {each['mode']!r} of {each['path']} is none: write octal digits in quotes, as "
                "'0644'. Nothing was changed."
            )


def folders(params: dict[str, Any]) -> list[Path]:
    """Return the folders below the monitoring's, the outermost first."""
    places = {PurePosixPath(METRICS), *(inside(name) for name in params["owned_folders"])}
    places |= {inside(each["path"]).parent for each in params["files"]}
    every = {above for place in places for above in (place, *place.parents)} - {PurePosixPath(".")}
    return [Path(params["folder"]) / place for place in sorted(every)]


def left_over(params: dict[str, Any]) -> list[Path]:
    """Return what is in owned folders and not declared any more, what is in a folder before the folder."""
    folder = Path(params["folder"])
    kept = {*folders(params), *(folder / inside(each["path"]) for each in params["files"])}
    found = set()
    for name in params["owned_folders"]:
        for place, inner, names in os.walk(folder / inside(name)):
            found |= {Path(place) / each for each in (*inner, *names)} - kept
    return sorted(found, reverse=True)


def install(module: AnsibleModule) -> dict[str, Any]:
    params, check_mode = module.params, module.check_mode
    check(params)
    folder = Path(params["folder"])
    changed = [str(folder)] if close_folder(folder, check_mode) else []
    for place in folders(params):
        if own_folder(place, 0, _OPEN, check_mode):
            changed.append(str(place))
    diff = []
    for path in left_over(params):
        changed.append(str(path))
        if not check_mode:
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    for file in wanted(params):
        if not differs(file):
            continue
        changed.append(str(file.path))
        if file.shown:
            before = file.path.read_text(errors="replace") if file.path.exists() else ""
            diff.append({"before_header": str(file.path), "before": before, "after": file.content.decode()})
        if not check_mode:
            write_file(file.path, file.content, (file.owner, file.owner), file.mode)
    return {"changed": bool(changed), "changed_files": changed, "diff": diff}


def uninstall(module: AnsibleModule) -> dict[str, Any]:
    """Take away the job, the table first, and what it and the containers read."""
    params = module.params
    folder = Path(params["folder"])
    table = _removal.figured(params["stack"], Path(params["cron"]))
    if not module.check_mode:
        _removal.delete(_removal.Files(own=table))
        # It sees that its table is gone. Until it has ended it writes.
        lock = folder / "figures.lock"
        if _removal.is_held(module.run_command, lock):
            raise _removal.RefusedError(
                f"The job of the figures still runs: {lock} is held (fuser -v tells by whom). Its schedule "
                f"is gone, and nothing of {folder}. Run this again when it has ended."
            )
    found = _removal.files_of("monitoring", folder)
    if not module.check_mode:
        _removal.delete(found)
    gone = [*table, *found.own, *(found.folders if found.all_goes else ())]
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
            "files": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "path": {"type": "str", "required": True},
                    "content": {"type": "str", "required": True, "no_log": True},
                    "owner": {"type": "int", "default": 0},
                    "mode": {"type": "str", "default": "0644"},
                    "shown": {"type": "bool", "default": False},
                },
            },
            "owned_folders": {"type": "list", "elements": "str", "default": list(_OURS)},
            "cron": {"type": "path", "default": "/etc/cron.d"},
        },
        required_if=[("state", "present", ["archive", "settings"])],
        supports_check_mode=True,
    )
    # No text was logged; from here on those may be told that may be seen.
    hidden = {each["content"] for each in module.params["files"] if not each["shown"]}
    module.no_log_values -= {each["content"] for each in module.params["files"]} - hidden
    try:
        result = install(module) if module.params["state"] == "present" else uninstall(module)
    except _removal.RefusedError as error:
        module.fail_json(msg=str(error), stanchion={"exit": error.exit})
    except OSError as error:
        module.fail_json(msg=f"{error.filename} can't be used: {error.strerror}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
