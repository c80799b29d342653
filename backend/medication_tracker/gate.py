"""The admission gate before the connection pool."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class PoolBusyError(Exception):
    """No connection could be had; the client should try again a little later."""


class GateFullError(PoolBusyError):
    """As many requests as may wait are waiting already."""


class GateTimeoutError(PoolBusyError):
    """Waited as long as allowed."""


class Gate:
    """Lets a bounded number of requests in, and each of these wait a bounded time for a permit.

    There are as many permits as the pool may open connections, so that nothing ever waits inside the pool:
    gates that share permits can give their callers different patience and a waiting room of their own.
    """

    def __init__(self, permits: threading.Semaphore, room: int) -> None:
        self._permits = permits
        self._room = threading.BoundedSemaphore(room)

    @contextmanager
    def enter(self, seconds: float) -> Iterator[None]:
        if not self._room.acquire(blocking=False):
            raise GateFullError
        try:
            if not self._permits.acquire(timeout=seconds):
                raise GateTimeoutError
            try:
                yield
            finally:
                self._permits.release()
        finally:
            self._room.release()
