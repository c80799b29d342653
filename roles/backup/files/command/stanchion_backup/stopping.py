# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a signal does to a job that has things to take away."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

from stanchion_backup.errors import BackupError


class _Stopped(BaseException):
    """A signal asked this process to end."""


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Turn SIGTERM and SIGINT into an error, so that what was begun is taken away."""

    def stop(number: int, _frame: object) -> None:
        raise _Stopped(signal.Signals(number).name)

    with _handlers(stop):
        try:
            yield
        except _Stopped as stopped:
            raise BackupError(
                f"The drill was stopped by {stopped}. All that it had made was taken away."
            ) from stopped


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let nobody but SIGKILL interrupt."""
    with _handlers(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handlers(handler: Any) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
