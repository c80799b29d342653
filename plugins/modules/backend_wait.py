#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waits until containers are healthy, or have finished, and brings their last words when they are not."""

from __future__ import annotations

import time
import urllib.parse
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils._backend_docker import (
    DockerError,
    docker,
    health_of,
    inspect,
)

DOCUMENTATION = r"""
module: backend_wait
short_description: Wait until containers are healthy or have finished
description:
  - Waits until every container is healthy, or has ended with exit code 0.
  - Fails as soon as that cannot come true any more, and at the latest after the time-out, with each
    container's state, the output of its last health check and the last lines of its log.
author: [Stanchion maintainers]
options:
  containers:
    description: Names of the containers.
    type: list
    elements: str
    required: true
  until:
    description: What to wait for.
    type: str
    choices: [healthy, finished]
    default: healthy
  timeout:
    description: Seconds to wait for it.
    type: float
    default: 60
  what:
    description: What the containers are, for the message.
    type: str
    default: The backend
  lines:
    description: Lines of the log to show.
    type: int
    default: 20
  redact:
    description: Files whose content is masked in what is shown; those that are missing are skipped.
    type: list
    elements: path
    default: []
  report:
    description:
      - The message of a failed roll-out. The module then fails with it in any case; it waits for
        I(containers) only to tell whether the earlier state serves.
    type: str
attributes:
  check_mode:
    support: full
    description: Does not wait.
"""

EXAMPLES = r"""
- name: Wait for two replicas
  stanchion.stack.backend_wait:
    containers: [medication-tracker-backend-1, medication-tracker-backend-2]
    timeout: 60
"""

RETURN = r"""
waited:
  description: Seconds until the containers were there.
  type: float
  returned: success
stanchion:
  description: For the command line; the kind of failure.
  type: dict
  returned: failure
"""

POLL = 0.4
# A container that the restart policy starts so often while we wait does not come up by waiting.
HOPELESS_RESTARTS = 3


def verdict(found: dict[str, Any] | None, until: str, restarts: int = 0) -> tuple[bool | None, str]:
    """Return True (there), False (cannot come true any more) or None (not yet), and the state in words.

    `restarts` counts those seen while waiting: a container may have had others in its long life.
    """
    if found is None:
        return False, "does not exist"
    state = found["State"]
    status, code = state["Status"], state.get("ExitCode")
    ended = f"{status} with code {code}" + (" (out of memory)" if state.get("OOMKilled") else "")
    if until == "finished":
        return (code == 0, ended) if status in ("exited", "dead") else (None, status)
    if status == "paused":
        return False, "is paused; `docker unpause` lets it go on"
    if status in ("exited", "dead", "removing"):
        return False, ended
    if restarts >= HOPELESS_RESTARTS:
        return False, f"{ended}, started anew {restarts} times"
    health = health_of(found)
    if status == "running" and health is None:
        return False, "runs, but has no health check: set backend_health_command"
    return (True if status == "running" and health == "healthy" else None), health or status


def masked(text: str, secrets: list[str]) -> str:
    """Return the text without the secrets, as they are or quoted for a URL."""
    for secret in sorted(secrets, key=len, reverse=True):
        for form in (secret, urllib.parse.quote(secret, safe="")):
            text = text.replace(form, "***")
    return text


def read_secrets(paths: list[str]) -> list[str]:
    """Return each file's content, and the password of one in the form of a pgpass line."""
    secrets = []
    for path in map(Path, paths):
        if path.is_file():
            content = path.read_text(errors="replace").strip()
            secrets += [content, content.rpartition(":")[2]]
    return [secret for secret in secrets if secret]


def evidence(module: AnsibleModule, name: str, found: dict[str, Any] | None) -> str:
    """Return the container's last words: its last health check and the end of its log."""
    if found is None:
        return ""
    text = ""
    probes = (found["State"].get("Health") or {}).get("Log") or []
    if probes:
        text += f"\nIts last health check ended with {probes[-1]['ExitCode']}: {probes[-1]['Output'].strip()}"
    try:
        log = docker(module, "logs", "--tail", str(module.params["lines"]), name).strip()
        text += f"\nThe last lines of its log:\n{log}" if log else "\nIts log is empty."
    except DockerError as error:
        text += f"\nIts log could not be read: {error}"
    return text


def wait(module: AnsibleModule) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the containers that are not there in time, with their states; and what inspect knows."""
    names, until = module.params["containers"], module.params["until"]
    deadline = time.monotonic() + module.params["timeout"]
    before: dict[str, int] = {}
    while True:
        found = inspect(module, names)
        verdicts = {}
        for name in names:
            count = found.get(name, {}).get("RestartCount", 0)
            verdicts[name] = verdict(found.get(name), until, count - before.setdefault(name, count))
        missing = {name: words for name, (there, words) in verdicts.items() if not there}
        hopeless = any(there is False for there, _ in verdicts.values())
        if not missing or hopeless or time.monotonic() >= deadline:
            return missing, found
        time.sleep(POLL)


def failure(module: AnsibleModule, missing: dict[str, str], found: dict[str, Any], waited: float) -> str:
    goal = "healthy" if module.params["until"] == "healthy" else "finished with code 0"
    texts = [
        f"{module.params['what']} is not {goal} after {waited:.0f} s: container {name}: {words}."
        + evidence(module, name, found.get(name))
        for name, words in missing.items()
    ]
    return masked("\n".join(texts), read_secrets(module.params["redact"]))


def earlier_state(names: list[str], missing: dict[str, str]) -> str:
    """Say whether the containers of before serve on."""
    if not names:
        return "There are no earlier replicas, so nothing serves now."
    if not missing:
        return "The earlier replicas serve on."
    ill = ", ".join(f"{name} {words}" for name, words in missing.items())
    return f"Of the earlier replicas, these do not serve: {ill}."


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "containers": {"type": "list", "elements": "str", "required": True},
            "until": {"type": "str", "choices": ["healthy", "finished"], "default": "healthy"},
            "timeout": {"type": "float", "default": 60},
            "what": {"type": "str", "default": "The backend"},
            "lines": {"type": "int", "default": 20},
            "redact": {"type": "list", "elements": "path", "default": []},
            "report": {"type": "str"},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False, waited=0.0)
    report = module.params["report"]
    started = time.monotonic()
    try:
        missing, found = wait(module) if module.params["containers"] else ({}, {})
        waited = time.monotonic() - started
        if report is not None:
            words = earlier_state(module.params["containers"], missing)
            module.fail_json(msg=f"{report}\n{words}", stanchion={"exit": "rollout"})
        if missing:
            text = failure(module, missing, found, waited)
            module.fail_json(msg=text, stanchion={"exit": "rollout"})
    except DockerError as error:
        module.fail_json(msg=f"{module.params['what']} could not be looked at: {error}.")
    module.exit_json(changed=False, waited=round(waited, 1))


if __name__ == "__main__":
    main()
