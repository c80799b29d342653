#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looks at the containers of the backend and at the secrets that they mount."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils._backend_docker import (
    DockerError,
    docker,
    health_of,
    inspect,
)
from ansible_collections.stanchion.stack.plugins.module_utils._docker_api import (
    DEFAULT_HOST,
    Engine,
    EngineError,
)
from ansible_collections.stanchion.stack.plugins.module_utils._private import write_file

DOCUMENTATION = r"""
module: backend_state
short_description: Look at the backend's containers and fingerprint the secrets that they mount
description:
  - Lists the containers of the role backend, stopped ones too, with what a roll-out is decided by.
  - Makes one fingerprint of the secret files, keyed by a random key of the host, so that a container's
    label can tell whether it was started with them and nobody can guess a secret from the label.
  - Changes nothing but the key's file, which is made once and is never reported as a change.
author: [Stanchion maintainers]
options:
  stack:
    description: Name of the stack.
    type: str
    required: true
  key_file:
    description: Where the key of the fingerprint is kept.
    type: path
    required: true
  secret_files:
    description: The files that the fingerprint covers.
    type: list
    elements: path
    default: []
  secrets_dir:
    description: The folder that the containers mount; what else is in it is returned as stale.
    type: path
attributes:
  check_mode:
    support: full
    description: A missing engine counts as no containers, a missing key or file as no fingerprint.
"""

EXAMPLES = r"""
- name: Look at the backend
  stanchion.stack.backend_state:
    stack: medication-tracker
    key_file: /var/lib/stanchion/medication-tracker/secrets/fingerprint_key
    secret_files: [/var/lib/stanchion/medication-tracker/secrets/backend/pgpass]
  register: backend_seen
"""

RETURN = r"""
containers:
  description:
    - Each container's name, state, health (null without a health check) and published port.
    - The labels config and secrets, the image's id, and what can be changed while a container lives.
  type: list
  elements: dict
  returned: always
fingerprint:
  description: The fingerprint; empty when there is nothing to cover, or not yet in check mode.
  type: str
  returned: always
start_interval:
  description: Whether the engine can run a health check more often while a container starts.
  type: bool
  returned: always
stale_secrets:
  description: Files in I(secrets_dir) that are not in I(secret_files).
  type: list
  elements: str
  returned: always
"""

KEY_BYTES = 32
ASK_WITHIN = 20.0


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Reduce `docker inspect` to what a roll-out is decided by."""
    host, labels = found["HostConfig"], found["Config"].get("Labels") or {}
    bindings = [each for ports in (host.get("PortBindings") or {}).values() for each in ports or []]
    return {
        "name": found["Name"].lstrip("/"),
        "state": found["State"]["Status"],
        "health": health_of(found),
        "port": int(bindings[0]["HostPort"]) if bindings and bindings[0].get("HostPort") else None,
        "config": labels.get("io.stanchion.config"),
        "secrets": labels.get("io.stanchion.secrets"),
        "image": found["Image"],
        "memory": host.get("Memory") or 0,
        "memory_swap": host.get("MemorySwap") or 0,
        "nano_cpus": host.get("NanoCpus") or 0,
        "pids": host.get("PidsLimit") or 0,
        "restart": (host.get("RestartPolicy") or {}).get("Name") or "no",
        "networks": {
            name: list(network.get("Aliases") or [])
            for name, network in (found["NetworkSettings"].get("Networks") or {}).items()
        },
    }


def containers(module: AnsibleModule) -> list[dict[str, Any]]:
    """Return what is there of the stack's backend, sorted by name."""
    if module.check_mode and module.get_bin_path("docker") is None:
        return []
    try:
        names = docker(
            module,
            *("ps", "--all", "--no-trunc", "--format", "{{.Names}}"),
            *("--filter", f"label=io.stanchion.stack={module.params['stack']}"),
            *("--filter", "label=io.stanchion.role=backend"),
        ).split()
        found = inspect(module, names) if names else {}
    except DockerError as error:
        if module.check_mode and "cannot connect" in str(error).lower():
            return []
        raise
    return [summary(found[name]) for name in sorted(found)]


def start_interval(module: AnsibleModule) -> bool:
    """Say what the engine can do; one that is not there yet, in check mode, nothing."""
    try:
        return Engine(os.environ.get("DOCKER_HOST") or DEFAULT_HOST, ASK_WITHIN).has_start_interval()
    except EngineError as error:
        if module.check_mode:
            return False
        raise DockerError(str(error)) from error


def host_key(path: Path, check_mode: bool) -> bytes | None:
    """Return the host's key; make it where it is missing or was cut short."""
    try:
        key = path.read_bytes()
        if len(key) == KEY_BYTES:
            return key
    except FileNotFoundError:
        pass
    if check_mode:
        return None
    key = os.urandom(KEY_BYTES)
    write_file(path, key)
    return key


def fingerprint(key: bytes, files: list[str]) -> str:
    """Return one keyed hash of all files, their names and lengths included."""
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for name in sorted(files):
        content = Path(name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def secrets_fingerprint(module: AnsibleModule) -> str:
    files = module.params["secret_files"]
    if not files or (module.check_mode and not all(Path(name).exists() for name in files)):
        return ""
    key = host_key(Path(module.params["key_file"]), module.check_mode)
    return fingerprint(key, files) if key else ""


def stale_secrets(module: AnsibleModule) -> list[str]:
    folder = module.params["secrets_dir"]
    if folder is None or not Path(folder).is_dir():
        return []
    there = {str(path) for path in Path(folder).iterdir()}
    return sorted(there - set(module.params["secret_files"]))


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "stack": {"type": "str", "required": True},
            "key_file": {"type": "path", "required": True, "no_log": False},
            "secret_files": {"type": "list", "elements": "path", "default": [], "no_log": False},
            "secrets_dir": {"type": "path", "no_log": False},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(
            changed=False,
            containers=containers(module),
            start_interval=start_interval(module),
            fingerprint=secrets_fingerprint(module),
            stale_secrets=stale_secrets(module),
        )
    except DockerError as error:
        module.fail_json(msg=f"Could not look at the backend's containers: {error}. Is the engine running?")
    except OSError as error:
        module.fail_json(msg=f"Could not fingerprint the backend's secret files: {error}.")


if __name__ == "__main__":
    main()
