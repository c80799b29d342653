"""Whether this user can become root on this machine, asked before anything starts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

from stanchion.errors import SudoError
from stanchion.run.inventory import Inventory

_ANSWER_SECONDS = 10


def needs_check(password_given: bool, environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether it is open at all if this user can become root."""
    return os.geteuid() != 0 and not password_given and "ANSIBLE_BECOME_PASSWORD_FILE" not in environment


def check(inventory: Inventory) -> None:
    """Refuse a run on this machine by a user who is not root and would be asked for a password."""
    here = [name for name, variables in inventory.hosts.items() if _becomes_root_here(variables)]
    if here and not _sudo_works():
        host = sorted(here)[0]
        if shutil.which("sudo") is None:
            raise SudoError(f"{host} is this machine, and it has no sudo.", "Run it as root.")
        raise SudoError(f"{host} is this machine, you are not root, and sudo asks for a password.")


def _becomes_root_here(variables: Mapping[str, Any]) -> bool:
    if variables.get("ansible_connection") not in ("local", "ansible.builtin.local"):
        return False
    given = {"ansible_become_password", "ansible_become_pass", "ansible_become_password_file"}
    return variables.get("ansible_become", True) is not False and not given & set(variables)


def _sudo_works() -> bool:
    try:
        answer = subprocess.run(
            ["/usr/bin/env", "sudo", "-n", "true"], capture_output=True, timeout=_ANSWER_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0
