"""The processes of a run, from /proc; empty where there is none."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process, told from a later one of the same number by its start."""

    pid: int
    started: str

    def alive(self) -> bool:
        """Say whether it still runs; one that only waits for its parent to notice does not."""
        stat = _stat(_PROC / str(self.pid))
        return stat is not None and stat[19] == self.started and stat[0] != "Z"

    def kill(self) -> None:
        """Kill it, if it is still the same."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, signal.SIGKILL)


def below(pid: int) -> list[Process]:
    """Return every descendant of `pid`."""
    children: dict[int, list[Process]] = {}
    for folder in _PROC.glob("[0-9]*"):
        stat = _stat(folder)
        if stat is not None:
            children.setdefault(int(stat[1]), []).append(Process(int(folder.name), stat[19]))
    found: list[Process] = []
    todo = [pid]
    while todo:
        new = children.get(todo.pop(), [])
        found.extend(new)
        todo.extend(process.pid for process in new)
    return found


def any_alive(processes: Iterable[Process]) -> bool:
    """Say whether one of them still runs."""
    return any(process.alive() for process in processes)


def wait_until_gone(processes: Iterable[Process], until: float) -> bool:
    """Wait for the end of all of them, at most until `until` (time.monotonic); say whether they are gone."""
    remaining = list(processes)
    while any_alive(remaining):
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)
    return True


def _stat(folder: Path) -> list[str] | None:
    """Return the fields behind the name: state, parent, ..., the start as the twentieth."""
    try:
        # "pid (name) state parent ...": the name may hold spaces and parentheses.
        return (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
