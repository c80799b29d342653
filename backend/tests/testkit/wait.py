"""Waiting for what takes a moment."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable


def until(condition: Callable[[], object], what: str, seconds: float = 60, pause: float = 0.05) -> None:
    """Returns when the condition holds; fails, saying what was waited for, when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain until {what}")
        time.sleep(pause)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
