"""Who asks for a host's lock: what can be told on the controller of the run that is under way.

A command line that starts Ansible may name the run and what it does by STANCHION_RUN_ID and STANCHION_VERB.
"""

from __future__ import annotations

import getpass
import multiprocessing
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

RUN_ID_VARIABLE = "STANCHION_RUN_ID"
VERB_VARIABLE = "STANCHION_VERB"


class Host(Protocol):
    """This machine, as plugins/module_utils/_lock.py sees it; without /proc less is known of it."""

    @property
    def boot_id(self) -> str | None: ...

    @property
    def pid_namespace(self) -> str | None: ...

    def start_of(self, pid: int) -> int | None:
        """Return when a process began; None for one that is gone."""


@dataclass(frozen=True)
class Identity:
    """The run that asks, precise enough to tell later whether its process still lives."""

    run_id: str
    verb: str
    user: str
    hostname: str
    directory: str
    pid: int
    pid_started: int | None
    pid_namespace: str | None
    boot_id: str | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def identity(verb: str, here: Host, environment: Mapping[str, str] = os.environ) -> Identity:
    """Return who runs this Ansible."""
    pid = _ansible_pid()
    started = here.start_of(pid)
    hostname = socket.gethostname()
    return Identity(
        run_id=environment.get(RUN_ID_VARIABLE) or f"{hostname}-{pid}-{started}-{(here.boot_id or '')[:8]}",
        verb=environment.get(VERB_VARIABLE) or verb,
        user=_user(environment),
        hostname=hostname,
        directory=str(Path.cwd()),
        pid=pid,
        pid_started=started,
        pid_namespace=here.pid_namespace,
        boot_id=here.boot_id,
    )


def death(holder: Mapping[str, Any], here: Host) -> str | None:
    """Say how it is certain here, on the controller, that a holder is gone, or None.

    The locked host may be another machine, or a container that sees none of the controller's processes.
    """
    known = (here.boot_id, here.pid_namespace)
    if None in known or (holder.get("boot_id"), holder.get("pid_namespace")) != known:
        return None
    started = here.start_of(int(holder["pid"]))
    if started is not None and started == holder.get("pid_started"):
        return None
    return f"its process {holder['pid']} on {holder['hostname']}, from where this run comes too, is gone"


def _ansible_pid() -> int:
    """Return ansible-playbook's own process: an action runs in a worker that it forked."""
    parent = multiprocessing.parent_process()
    return os.getpid() if parent is None or parent.pid is None else parent.pid


def _user(environment: Mapping[str, str]) -> str:
    if environment.get("SUDO_USER"):
        return environment["SUDO_USER"]
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this number: usual in containers
        return f"uid {os.getuid()}"
