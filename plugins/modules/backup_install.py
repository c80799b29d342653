#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes what backups need on a host: configuration, secrets, and the command that cron runs."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
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
module: backup_install
short_description: Install the backups' configuration and command on a host
description:
  - Writes the engine's configuration, its secrets from secret files on the host, the folder of its locks, the
    command with its settings, and the program that starts it.
  - Secrets never leave the host and are never shown.
  - With O(state=absent) the schedule and the program go, so that nothing runs any more. The repository,
    its secrets
    and the records stay, and a warning says so.
options:
  state:
    description: Whether the command is to be there.
    type: str
    choices: [present, absent]
    default: present
  stack:
    description: Name of the stack.
    type: str
    required: true
  folder:
    description: The backups' folder on the host.
    type: path
    required: true
  package:
    description: Folder on the controller with the command's Python files. The action packs it.
    type: path
  archive:
    description: The packed command, in base64. The action fills it in.
    type: str
    no_log: true
  settings:
    description: The command's settings. Needed where it is to be there.
    type: dict
  config:
    description: The engine's configuration, without a secret. Needed where it is to be there.
    type: str
  secrets:
    description: Options of the engine that are secrets, each with the file on the host that holds it.
    type: dict
    default: {}
  keys:
    description: Secret files that the engine reads as files, by the name that they get beside the others.
    type: dict
    default: {}
  files:
    description: Texts that are no secrets, by the name of the file that they get beside the others.
    type: dict
    default: {}
  on_failure:
    description:
      - A shell command that is run for each failed job; empty for none.
      - It may hold a token, so it becomes a script for root only, which no diff shows.
    type: str
    default: ""
    no_log: true
  repository:
    description: The local repository; a folder of the host is made, a volume is left to Docker.
    type: str
    required: true
  owner:
    description: The database's user in its container, a number; the group has the same.
    type: int
    default: 999
  programs:
    description: Folder of the program that starts the command.
    type: path
    default: /usr/local/sbin
author: [Stanchion maintainers]
attributes:
  check_mode:
    support: full
    description: Tells what would be written.
  diff_mode:
    support: partial
    description: Shows the configuration and the settings, no secret.
"""

EXAMPLES = r"""
- name: Install the backups' command
  stanchion.stack.backup_install:
    stack: medication-tracker
    folder: /var/lib/stanchion/medication-tracker/backup
    package: "{{ role_path }}/files/command"
    settings: {stack: medication-tracker}
    config: "{{ lookup('ansible.builtin.template', 'pgbackrest.conf.j2') }}"
    secrets: {repo1-cipher-pass: /var/lib/stanchion/medication-tracker/secrets/backup_passphrase}
    repository: medication-tracker-backup
"""

RETURN = r"""
program:
  description: The program that starts the command.
  type: str
  returned: always
changed_files:
  description: What was written, or would be.
  type: list
  elements: str
  returned: always
"""

# Tells the command, once it is back, that the archive was off meanwhile (stanchion_backup/backups.py).
ARCHIVE_OFF = "archive_off"
# The script for failed jobs (stanchion_backup/settings.py).
ON_FAILURE = "on_failure"
SCRIPT = "#!/bin/sh\n# Run for each failed job, with its record on standard input.\n{}\n"


def secret_lines(secrets: dict[str, str]) -> bytes:
    lines = [f"{option}={Path(path).read_text().strip()}\n" for option, path in sorted(secrets.items())]
    return "".join(["[global]\n", *lines]).encode()


def wanted(params: dict[str, Any]) -> Iterator[Wanted]:
    folder, owner = Path(params["folder"]), params["owner"]
    config = folder / "config"
    yield Wanted(config / "pgbackrest.conf", params["config"].encode(), owner, 0o400, shown=True)
    yield Wanted(config / "conf.d" / "secrets.conf", secret_lines(params["secrets"]), owner, 0o400)
    for name, path in sorted(params["keys"].items()):
        yield Wanted(config / name, Path(path).read_bytes(), owner, 0o400)
    for name, text in sorted(params["files"].items()):
        yield Wanted(config / name, text.encode(), owner, 0o400, shown=True)
    if params["on_failure"]:
        script = SCRIPT.format(params["on_failure"])
        yield Wanted(folder / ON_FAILURE, script.encode(), 0, 0o700)
    archive = folder / f"stanchion-{params['stack']}.pyz"
    packed = with_bytecode(base64.b64decode(params["archive"]), archive)
    yield Wanted(archive, packed, 0, 0o600)
    settings = json.dumps(params["settings"], indent=2, sort_keys=True) + "\n"
    yield Wanted(folder / "settings.json", settings.encode(), 0, 0o600, shown=True)
    python = interpreter()
    start = (
        f'#!/bin/sh\n# Backups of the stack {params["stack"]}; --help tells.\nexec {python} {archive} "$@"\n'
    )
    yield Wanted(program_of(params), start.encode(), 0, 0o755, shown=True)


def program_of(params: dict[str, Any]) -> Path:
    return Path(params["programs"]) / f"stanchion-{params['stack']}"


def _check_repository(params: dict[str, Any]) -> None:
    """RefusedError where the repository's folder has something else in it: it is given to another user."""
    place = Path(params["repository"])
    reason = _removal.foreign(place, params["owner"]) if place.is_absolute() else ""
    if reason:
        raise _removal.RefusedError(
            f"The repository {place} {reason}. Nothing was changed. Name a folder of its own, or give one "
            f"that holds backups to their user (chown -R {params['owner']}:{params['owner']})."
        )


def install(module: AnsibleModule) -> dict[str, Any]:
    params, check_mode = module.params, module.check_mode
    folder, owner = Path(params["folder"]), params["owner"]
    _check_repository(params)
    changed = [str(folder)] if close_folder(folder, check_mode) else []
    places = [(folder / name, 0o700) for name in ("config", "config/conf.d", "lock")]
    if Path(params["repository"]).is_absolute():
        places.append((Path(params["repository"]), 0o750))
    for place, mode in places:
        if own_folder(place, owner, mode, check_mode):
            changed.append(str(place))
    # The job of each minute writes there, and a collector of figures mounts it before that has run.
    if own_folder(folder / "metrics", os.geteuid(), 0o755, check_mode):
        changed.append(str(folder / "metrics"))
    diff = []
    for file in wanted(params) if not check_mode or all_there(params) else []:
        if not differs(file):
            continue
        changed.append(str(file.path))
        if file.shown:
            before = file.path.read_text() if file.path.exists() else ""
            diff.append({"before_header": str(file.path), "before": before, "after": file.content.decode()})
        if not check_mode:
            write_file(file.path, file.content, (file.owner, file.owner), file.mode)
    for path in left_over(params):
        changed.append(str(path))
        if not check_mode:
            path.unlink()
    return {
        "changed": bool(changed),
        "changed_files": changed,
        "diff": diff,
        "program": str(program_of(params)),
    }


def left_over(params: dict[str, Any]) -> list[Path]:
    """Return what is not declared any more: files of a repository, its key among them, and the script."""
    folder = Path(params["folder"])
    known = {"pgbackrest.conf", "conf.d", *params["keys"], *params["files"]}
    found = [path for path in sorted((folder / "config").glob("*")) if path.name not in known]
    script = folder / ON_FAILURE
    return found if params["on_failure"] or not script.exists() else [*found, script]


def uninstall(module: AnsibleModule) -> dict[str, Any]:
    """Take away what starts jobs; what they have made stays."""
    stack, programs = module.params["stack"], Path(module.params["programs"])
    gone = _removal.scheduled(stack, programs=programs)
    if gone and not module.check_mode:
        folder = Path(module.params["folder"])
        if folder.is_dir():
            # From now on the archive has a hole: who begins again has to begin with a full backup.
            (folder / ARCHIVE_OFF).touch(mode=0o600)
        _removal.delete(_removal.Files(own=gone))
    if gone:
        module.warn(
            f"{stack} is not backed up any more. What there is stays: the repository "
            f"{module.params['repository']}, its passphrase among the stack's secrets, and the records in "
            f"{module.params['folder']}."
        )
    return {
        "changed": bool(gone),
        "changed_files": [str(path) for path in gone],
        "program": str(program_of(module.params)),
    }


def all_there(params: dict[str, Any]) -> bool:
    """Whether the secret files exist; before the first deploy a preview finds none."""
    return all(Path(path).exists() for path in [*params["secrets"].values(), *params["keys"].values()])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "stack": {"type": "str", "required": True},
            "folder": {"type": "path", "required": True},
            "package": {"type": "path"},
            "archive": {"type": "str", "no_log": True},
            "settings": {"type": "dict"},
            "config": {"type": "str"},
            "secrets": {"type": "dict", "default": {}, "no_log": False},
            "keys": {"type": "dict", "default": {}, "no_log": False},
            "files": {"type": "dict", "default": {}},
            "on_failure": {"type": "str", "default": "", "no_log": True},
            "repository": {"type": "str", "required": True},
            "owner": {"type": "int", "default": 999},
            "programs": {"type": "path", "default": "/usr/local/sbin"},
        },
        required_if=[("state", "present", ["archive", "settings", "config"])],
        supports_check_mode=True,
    )
    try:
        result = install(module) if module.params["state"] == "present" else uninstall(module)
    except _removal.RefusedError as error:
        module.fail_json(msg=str(error), stanchion={"exit": error.exit})
    except OSError as error:
        module.fail_json(
            msg=f"{error.filename} can't be used: {error.strerror}. A repository's folder needs a parent "
            "that is there: mount its disk first."
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
