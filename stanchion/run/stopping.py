"""Ends a run early: on Ctrl-C, on SIGTERM or when its time is over. First politely, then by force."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Literal, Self

from stanchion.run.processes import Process, below, wait_until_gone

Reason = Literal["interrupted", "terminated", "timed out"]

GRACE_SECONDS = 10.0
_DEATH_SECONDS = 2.0
_REASONS: dict[int, Reason] = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "terminated",
    signal.SIGHUP: "terminated",
}


class Stopper:
    """Holds the signal handlers while a run lasts, and gives them back afterwards.

    Ansible gets SIGINT, which it hands to its workers, and `grace` seconds. After that, or at a second
    signal, every process of the run is killed: workers and modules are sessions of their own and would live
    on otherwise.
    """

    def __init__(
        self, on_stop: Callable[[Reason], None], timeout: float | None = None, grace: float = GRACE_SECONDS
    ) -> None:
        self.reason: Reason | None = None
        # A second signal came: whoever sent it wants the end, and nothing else.
        self.hurried = False
        self._on_stop = on_stop
        self._told = False
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._grace = grace
        self._kill_at = 0.0
        # Not the run's: they were there before it.
        self._earlier: list[Process] = []
        self._processes: list[Process] = []
        self._previous: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        self._earlier = below(os.getpid())
        self._previous = {number: signal.signal(number, self._on_signal) for number in _REASONS}
        return self

    def __exit__(self, *_: object) -> None:
        # Ansible may be gone before what it started: a module that ignores SIGINT still changes its host.
        wait_until_gone(self._processes, self._kill_at)
        if self.reason is not None:
            self._kill()
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def must_kill(self) -> bool:
        """Say whether the run has to die now; asked about twice a second."""
        now = time.monotonic()
        if self.reason is None and self._deadline is not None and now >= self._deadline:
            self._ask_to_stop("timed out")
        if self.reason is None:
            return False
        if not self._told:
            # Not from the signal's handler: it may interrupt another write to the terminal.
            self._told = True
            self._on_stop(self.reason)
        if self._processes and now < self._kill_at:
            return False
        self._kill()
        return True

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.reason is None:
            self._ask_to_stop(_REASONS[number])
        else:
            self.hurried = True
            self._kill_at = time.monotonic()

    def _ask_to_stop(self, reason: Reason) -> None:
        self.reason = reason
        self._kill_at = time.monotonic() + self._grace
        # From /proc, not from the first event: a module may run before an event of it has been read.
        # Remembered, since whoever loses its parent can no longer be found.
        self._processes = self._running()
        if self._processes:
            with contextlib.suppress(ProcessLookupError):
                _interrupt(self._processes[0].pid)

    def _running(self) -> list[Process]:
        """Return the processes of the run, Ansible first."""
        return [process for process in below(os.getpid()) if process not in self._earlier]

    def _kill(self) -> None:
        processes = [*self._processes, *self._running()]
        for process in processes:
            process.kill()
        # The kernel needs a moment; what is told of the host afterwards has to be its last word.
        wait_until_gone(processes, time.monotonic() + _DEATH_SECONDS)


def _interrupt(pid: int) -> None:
    """Send SIGINT to the process and its group; to it alone while it has not left ours."""
    group = os.getpgid(pid)
    if group == os.getpgrp():
        os.kill(pid, signal.SIGINT)
    else:
        os.killpg(group, signal.SIGINT)
