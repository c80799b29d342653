#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compares and writes keys of the Docker engine's daemon.json."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils._private import write_file

DOCUMENTATION = r"""
module: daemon_options
short_description: Compare and write keys of the Docker engine's daemon.json
description:
  - Keys that are not named stay as they are.
  - Restarts nothing. Says whether the file is newer than the engine, so that a run killed after the write
    does not lose the restart.
options:
  options:
    description: Wanted keys and values.
    type: dict
    required: true
  write:
    description: Write what differs. Without it the module only compares.
    type: bool
    default: false
  path:
    description: The file.
    type: path
    default: /etc/docker/daemon.json
  pid_file:
    description: Where the engine keeps its process id.
    type: path
    default: /var/run/docker.pid
author: [Stanchion maintainers]
attributes:
  check_mode:
    support: full
    description: It compares and writes nothing.
"""

EXAMPLES = r"""
- name: Keep containers running while the engine restarts
  stanchion.stack.daemon_options:
    options: {live-restore: true}
    write: true
"""

RETURN = r"""
differing:
  description: Keys whose value in the file was another one.
  returned: always
  type: list
  elements: str
restart_due:
  description: Whether the running engine is older than the file. In check mode, whether it would be.
  returned: always
  type: bool
"""


def differing(current: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Return the keys whose wanted value is not the current one."""
    return sorted(key for key, value in wanted.items() if key not in current or current[key] != value)


def read(path: Path) -> dict[str, Any]:
    """Return the file's object; a missing file counts as an empty one.

    Raises:
        ValueError: the file is no JSON object.
    """
    try:
        found = json.loads(path.read_text() or "{}")
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ValueError(f"{path} is no JSON: {error}. Correct it by hand; it was not touched.") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no JSON object. Correct it by hand; it was not touched.")
    return found


def write(path: Path, content: dict[str, Any]) -> None:
    """Replace the file; one that is there keeps its owner and mode."""
    # The folder is everybody's to read, unlike those that write_file makes.
    path.parent.mkdir(parents=True, exist_ok=True)
    owner, mode = (-1, -1), 0o644
    if path.exists():
        seen = path.stat()
        owner, mode = (seen.st_uid, seen.st_gid), stat.S_IMODE(seen.st_mode)
    write_file(path, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode(), owner, mode)


def started_at(pid_file: Path, proc: Path = Path("/proc")) -> float | None:
    """Return when the engine started, in seconds since the epoch; None where none runs."""
    try:
        # The command's name, in parentheses, may hold spaces; the start is the 20th field after it (proc(5)).
        ticks = int((proc / pid_file.read_text().strip() / "stat").read_text().rpartition(")")[2].split()[19])
        boot = next(line for line in (proc / "stat").read_text().splitlines() if line.startswith("btime"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None
    return int(boot.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")


def is_newer(path: Path, pid_file: Path) -> bool:
    """Say whether the file was written after the engine had started."""
    started = started_at(pid_file)
    return started is not None and path.exists() and path.stat().st_mtime > started


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "options": {"type": "dict", "required": True},
            "write": {"type": "bool", "default": False},
            "path": {"type": "path", "default": "/etc/docker/daemon.json"},
            "pid_file": {"type": "path", "default": "/var/run/docker.pid"},
        },
        supports_check_mode=True,
    )
    path, pid_file = Path(module.params["path"]), Path(module.params["pid_file"])
    try:
        current = read(path)
    except ValueError as error:
        module.fail_json(msg=str(error))
    keys = differing(current, module.params["options"])
    changed = bool(keys) and module.params["write"]
    if changed and not module.check_mode:
        try:
            write(path, {**current, **module.params["options"]})
        except OSError as error:
            module.fail_json(msg=f"Could not write {path}: {error}.")
    due = changed if module.check_mode else is_newer(path, pid_file)
    module.exit_json(changed=changed, differing=keys, restart_due=due)


if __name__ == "__main__":
    main()
