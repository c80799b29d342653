"""Time limits for everything that waits for the database's socket.

libpq waits without limit for a server that is frozen or cut off (its kernel may go on acknowledging, so no
TCP time-out ends it). psycopg2 hands its waiting to a callback; this one gives up at the thread's deadline.
psycopg2 then closes the connection and SQLAlchemy drops it from the pool.
"""

from __future__ import annotations

import math
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2 import extensions

_EVENTS = {extensions.POLL_READ: select.POLLIN, extensions.POLL_WRITE: select.POLLOUT}


class _Deadline(threading.local):
    at = math.inf


_deadline = _Deadline()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Lets this thread wait for the database no longer than this; an outer, earlier limit holds too."""
    outer = _deadline.at
    _deadline.at = min(outer, time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.at = outer


def _wait(connection: extensions.connection) -> None:
    while (state := connection.poll()) != extensions.POLL_OK:
        poller = select.poll()
        poller.register(connection.fileno(), _EVENTS[state])
        left = _deadline.at - time.monotonic()
        if not poller.poll(None if left == math.inf else max(0.0, left * 1000)):
            raise psycopg2.OperationalError("the database did not answer in time")


def install() -> None:
    """Makes every psycopg2 connection of this process obey the deadlines."""
    extensions.set_wait_callback(_wait)
