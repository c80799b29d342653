# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a signal does: the whole command ends, with a record, and takes away what it was making."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

# HUP: the terminal, or the connection, that it was started from is gone.
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked this command to end. No BackupError: where one is passed over, work would go on."""

    exit_code = 1


def on_signals() -> None:
    """Raise Stopped when one of them comes; one that is ignored, as nohup has it, stays so."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, _frame: object) -> None:
    raise Stopped(f"It was stopped by {signal.Signals(number).name} before it was done.")


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let nobody but SIGKILL interrupt."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
