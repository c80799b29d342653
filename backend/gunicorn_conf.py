"""gunicorn's settings. The environment is checked here, in the master: a bad value ends the process at once
instead of workers that die and are started again for ever."""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import socket
import struct
import sys
import tempfile
from pathlib import Path
from typing import Protocol

from medication_tracker.config import Settings, SettingsError


class Listener(Protocol):
    sock: socket.socket


class Arbiter(Protocol):
    LISTENERS: list[Listener]


class Worker(Protocol):
    pid: int


try:
    _settings = Settings.from_environment(os.environ)
except SettingsError as error:
    sys.exit(f"medication_tracker: {error}")

# Heartbeats and metrics are files: in memory, since the root file system may be read-only.
_shared_memory = Path("/dev") / "shm"
_memory = str(_shared_memory if os.access(_shared_memory, os.W_OK) else Path(tempfile.gettempdir()))
# prometheus_client looks for this when it is first imported, so the application is imported later.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="metrics-", dir=_memory)
_metrics = os.environ["PROMETHEUS_MULTIPROC_DIR"]

# A client gets this long for each part of its request that it owes; it holds a thread meanwhile.
_CLIENT_SECONDS = 10

wsgi_app = "medication_tracker.app:create_app()"
bind = f":{_settings.port}"
workers = _settings.workers
worker_class = "gthread"
threads = _settings.threads
# Far more than there are threads, because a connection counts before its client has sent anything.
worker_connections = 1000
worker_tmp_dir = _memory
# Each worker makes its own engine: connections must not be shared across a fork.
preload_app = False
timeout = _settings.worker_timeout
# Docker kills 10 s after its SIGTERM where nobody says otherwise; the role lets it wait for 12.
graceful_timeout = 8
# One request per connection: a kept one would tie its client to one worker, busy or not, and make the worker
# read to the end what a refused client still sends.
keepalive = 0

# Each worker's accepting thread competes with its busy ones for the interpreter. At Python's 5 ms a turn, a
# burst of requests would wait for seconds before anybody looks at them.
sys.setswitchinterval(0.0005)

logging.basicConfig(level=logging.INFO, format="%(asctime)s [%(process)d] [%(levelname)s] %(message)s")


def on_starting(_server: Arbiter) -> None:
    # The code is loaded once and shared; what it makes, it makes in the workers.
    importlib.import_module("medication_tracker.app")


def when_ready(server: Arbiter) -> None:
    for listener in server.LISTENERS:
        # Inherited by every connection that is accepted; gunicorn's threads would wait for ever.
        limit = struct.pack("ll", _CLIENT_SECONDS, 0)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    logging.getLogger("medication_tracker").info(
        "replica %s: %d workers x (%d + %d) connections, %d threads each",
        _settings.replica_name,
        _settings.workers,
        _settings.pool_size,
        _settings.max_overflow,
        _settings.threads,
    )


def child_exit(_server: Arbiter, worker: Worker) -> None:
    # Its gauges must not count any more; its counters go on counting.
    for file in Path(_metrics).glob(f"gauge_live*_{worker.pid}.db"):
        file.unlink(missing_ok=True)


def on_exit(_server: Arbiter) -> None:
    shutil.rmtree(_metrics, ignore_errors=True)
