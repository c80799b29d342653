"""The engine, and the one way to a connection: gate, pool, deadline."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import BoundedSemaphore
from typing import cast

from flask import current_app
from sqlalchemy import Connection, Engine, QueuePool, create_engine, text
from sqlalchemy.orm import Session

from . import deadline, metrics
from .config import GRACE_SECONDS, PROBES, Settings
from .gate import Gate, GateFullError, GateTimeoutError

# A pooled connection has to show that it lives, or a new one to be made, within this.
CONNECT_SECONDS = 3.0
# How long /health waits for a connection.
PROBE_SECONDS = 2.0


def make_engine(settings: Settings) -> Engine:
    """Makes the engine; call it in the process that uses it: forked processes must not share connections."""
    deadline.install()
    return create_engine(
        settings.database_url,
        poolclass=QueuePool,
        pool_size=settings.pool_size,
        max_overflow=settings.max_overflow,
        pool_timeout=settings.pool_timeout,
        pool_recycle=settings.pool_recycle,
        pool_pre_ping=settings.pool_pre_ping,
        # No table has hstore columns, and looking for the type costs each new connection a query.
        use_native_hstore=False,
        # What people wrote about their health stays out of the logs.
        hide_parameters=True,
        connect_args={
            "application_name": settings.replica_name,
            # The server drops a query whose client gave up, so that it does not hold one of its connections.
            "options": "-c client_connection_check_interval=1000",
            # An idle connection whose other end vanished is noticed within half a minute.
            "keepalives_idle": 15,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
        },
    )


class Database:
    def __init__(self, settings: Settings) -> None:
        self.engine = make_engine(settings)
        self._pool = cast(QueuePool, self.engine.pool)
        self._pool_timeout = settings.pool_timeout
        self._request_timeout = settings.request_timeout
        permits = BoundedSemaphore(settings.connections)
        self._requests = Gate(permits, settings.admitted)
        self._probes = Gate(permits, PROBES)
        metrics.show_settings(settings)
        metrics.show_pool(self._pool)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction on one connection: committed at the end, rolled back by an exception."""
        with (
            self._connection(self._requests, self._pool_timeout) as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session
            session.commit()

    def probe(self) -> None:
        """Asks the database through the pool; returns or raises soon, whatever state both are in."""
        with (
            deadline.within(PROBE_SECONDS + GRACE_SECONDS),
            self._connection(self._probes, PROBE_SECONDS) as connection,
        ):
            connection.execute(text("SELECT 1"))

    @contextmanager
    def _connection(self, gate: Gate, patience: float) -> Iterator[Connection]:
        with deadline.within(self._request_timeout), ExitStack() as held:
            held.callback(metrics.show_pool, self._pool)
            connection = self._check_out(held, gate, patience)
            metrics.show_pool(self._pool)
            yield connection

    def _check_out(self, held: ExitStack, gate: Gate, patience: float) -> Connection:
        started = time.monotonic()
        try:
            with metrics.pool_waiting.track_inprogress():
                held.enter_context(gate.enter(patience))
                with deadline.within(CONNECT_SECONDS):
                    connection = held.enter_context(self.engine.connect())
        except GateFullError:
            metrics.pool_refused.inc()
            raise
        except GateTimeoutError:
            metrics.pool_timeouts.inc()
            metrics.pool_wait.observe(time.monotonic() - started)
            raise
        metrics.pool_wait.observe(time.monotonic() - started)
        return connection


def database() -> Database:
    """The database of the running application."""
    found: Database = current_app.extensions["database"]
    return found
