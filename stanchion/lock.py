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
from typing import Any

RUN_ID_VARIABLE = "STANCHION_RUN_ID"
VERB_VARIABLE = "STANCHION_VERB"


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


def identity(verb: str, environment: Mapping[str, str] = os.environ, proc: Path = Path("/proc")) -> Identity:
    """Return who runs this Ansible; /proc is missing on controllers other than Linux, then less is known."""
    pid = _ansible_pid()
    started = _started(proc, pid)
    boot_id = _text(proc / "sys/kernel/random/boot_id")
    hostname = socket.gethostname()
    return Identity(
        run_id=environment.get(RUN_ID_VARIABLE) or f"{hostname}-{pid}-{started}-{(boot_id or '')[:8]}",
        verb=environment.get(VERB_VARIABLE) or verb,
        user=_user(environment),
        hostname=hostname,
        directory=str(Path.cwd()),
        pid=pid,
        pid_started=started,
        pid_namespace=_link(proc / "self/ns/pid"),
        boot_id=boot_id,
    )


def death(holder: Mapping[str, Any], proc: Path = Path("/proc")) -> str | None:
    """Say how it is certain here, on the controller, that a holder is gone, or None.

    The locked host may be another machine, or a container that sees none of the controller's processes.
    """
    here = (_text(proc / "sys/kernel/random/boot_id"), _link(proc / "self/ns/pid"))
    if None in here or (holder.get("boot_id"), holder.get("pid_namespace")) != here:
        return None
    started = _started(proc, int(holder["pid"]))
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


def _started(proc: Path, pid: int) -> int | None:
    """Return when a process began, in ticks since boot; None for one that is gone or a zombie."""
    text = _text(proc / str(pid) / "stat")
    if text is None:
        return None
    # The name, in brackets, may itself hold brackets and spaces.
    field = text.rpartition(")")[2].split()
    return None if field[0] in "ZX" else int(field[19])


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except OSError:
        return None


def _link(path: Path) -> str | None:
    try:
        return str(path.readlink())
    except OSError:
        return None
