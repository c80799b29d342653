#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Has Prometheus and Alertmanager read their files anew, where those are younger than what is in force."""

from __future__ import annotations

import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils._docker_api import (
    DEFAULT_HOST,
    Engine,
    EngineError,
)

DOCUMENTATION = r"""
module: monitoring_reload
short_description: Have a changed configuration of Prometheus or Alertmanager in force
description:
  - Compares the youngest file of each folder with the moment at which the program last read its files, which
    is one of its own figures. Where a file is younger, the program is told to read anew (SIGHUP), and asked
    until it has.
  - So a run that was killed after it wrote a file is made good by the next one. Nothing is restarted, no
    figure is lost.
  - A configuration that the program refuses fails; it goes on with the one that it has.
options:
  containers:
    description: The programs.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the container.
        type: str
        required: true
      url:
        description: Where it has its figures, without C(/metrics).
        type: str
        required: true
      folder:
        description: The folder on the host with its files.
        type: path
        required: true
      metric:
        description: Beginning of the names of its figures about reading its files.
        type: str
        required: true
  timeout:
    description: Seconds that each has to read its files.
    type: int
    default: 20
author: [Stanchion maintainers]
attributes:
  check_mode:
    support: full
    description: >-
      Tells what would be read anew. A program that does not run yet reads its files when it
      starts.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Have the new configuration in force
  stanchion.stack.monitoring_reload:
    containers:
      - name: medication-tracker-prometheus
        url: http://127.0.0.1:9090
        folder: /var/lib/stanchion/medication-tracker/monitoring/prometheus
        metric: prometheus_config_last_reload
"""

RETURN = r"""
reloaded:
  description: Names of the containers that have read their files anew, or would.
  type: list
  elements: str
  returned: always
"""

ASKS_EVERY = 0.2
# Seconds: the engine hands a signal on at once.
SIGNALS_WITHIN = 20
LOG_LINES = 5


class ReloadError(Exception):
    """A program does not answer, or refuses its files; the text is for people."""


@dataclass(frozen=True)
class Program:
    """One of the programs; moments are Unix seconds."""

    name: str
    url: str
    folder: str
    metric: str

    def youngest(self) -> float:
        """Return when a file of the folder, or which files there are, last changed."""
        return max(self._changes())

    def _changes(self) -> Iterator[float]:
        for folder, _, files in os.walk(self.folder):
            yield Path(folder).stat().st_mtime
            yield from (Path(folder, name).stat().st_mtime for name in files)

    def read(self) -> tuple[bool, float]:
        """Return whether it took its files when it last read them, and when it last took them."""
        try:
            # The role's own address on loopback.
            with urllib.request.urlopen(f"{self.url}/metrics", timeout=5) as answer:  # noqa: S310
                text = answer.read().decode()
        except (OSError, urllib.error.URLError) as error:
            raise ReloadError(f"{self.name} does not answer at {self.url}: {error}.") from error
        return figure(text, f"{self.metric}_successful") == 1, figure(
            text, f"{self.metric}_success_timestamp_seconds"
        )


def figure(text: str, name: str) -> float:
    """Return the value of a series without labels; ReloadError where there is none."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    if not found:
        raise ReloadError(f"There is no figure {name} among what is told.")
    return float(found[1])


def reload(program: Program, engine: Engine, timeout: float) -> None:
    """Have it read its files, and wait until it has taken them."""
    engine.post(f"/containers/{program.name}/kill", signal="HUP")
    # What was there before the signal says nothing about it.
    before, deadline = program.youngest(), time.monotonic() + timeout
    while time.monotonic() < deadline:
        time.sleep(ASKS_EVERY)
        taken, when = program.read()
        if taken and when >= before:
            return
    lines = engine.logs(program.name, stdout=True, stderr=True, tail=str(LOG_LINES))
    raise ReloadError(
        f"{program.name} has not taken its files in {program.folder} within {timeout:g} s, and goes on "
        f"with those "
        f"that it has. The last lines of its log:\n{lines}"
    )


def converge(module: AnsibleModule) -> list[str]:
    """Return the names of the programs that had to read their files."""
    engine = Engine(os.environ.get("DOCKER_HOST", DEFAULT_HOST), SIGNALS_WITHIN)
    reloaded = []
    for each in module.params["containers"]:
        program = Program(**each)
        try:
            taken, when = program.read()
            due = not taken or when < program.youngest()
        except (ReloadError, FileNotFoundError):
            if module.check_mode:
                continue
            raise
        if due:
            reloaded.append(program.name)
            if not module.check_mode:
                reload(program, engine, module.params["timeout"])
    return reloaded


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "containers": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "url": {"type": "str", "required": True},
                    "folder": {"type": "path", "required": True},
                    "metric": {"type": "str", "required": True},
                },
            },
            "timeout": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    try:
        reloaded = converge(module)
    except ReloadError as error:
        module.fail_json(msg=str(error))
    except EngineError as error:
        module.fail_json(msg=f"The engine did not hand the signal on: {error}.")
    except OSError as error:
        module.fail_json(msg=f"{error.filename} can't be looked at: {error.strerror}.")
    module.exit_json(changed=bool(reloaded), reloaded=reloaded)


if __name__ == "__main__":
    main()
