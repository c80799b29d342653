"""What /metrics tells. Under gunicorn each worker writes to its own files in PROMETHEUS_MULTIPROC_DIR, and
whichever worker is asked sums over them all."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import QueuePool

from .config import Settings

# prometheus_client leaves this constructor without types.
_collect_workers_into: Callable[[CollectorRegistry], object] = MultiProcessCollector

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


def _gauge(name: str, text: str) -> Gauge:
    return Gauge(name, text, multiprocess_mode="livesum")


def _setting(name: str, text: str) -> Gauge:
    """The same in every worker, so not summed; the master has loaded this too, and its gauges stay 0."""
    return Gauge(name, text, multiprocess_mode="livemax")


pool_size = _gauge("db_pool_size", "Connections that the pools keep (DB_POOL_SIZE x workers)")
pool_limit = _gauge("db_pool_limit", "Connections that the pools may open ((size + overflow) x workers)")
pool_in_use = _gauge("db_pool_in_use", "Connections that requests hold now")
pool_overflow = _gauge("db_pool_overflow", "Open connections beyond the pools' size")
pool_waiting = _gauge("db_pool_waiting", "Requests that wait for a connection now")
pool_threads = _gauge("db_pool_threads", "Threads of the workers: requests that are worked on at once")
pool_admitted = _gauge("db_pool_admitted", "Requests that may hold or await a connection; more are refused")
pool_pre_ping = _setting("db_pool_pre_ping", "1 if a pooled connection is tried before it is used")
pool_timeout = _setting("db_pool_timeout_seconds", "How long a request waits for a connection")
worker_timeout = _setting("db_pool_worker_timeout_seconds", "How long a worker may hang before it is killed")
pool_timeouts = Counter("db_pool_timeouts_total", "Requests that waited for a connection in vain")
pool_refused = Counter("db_pool_refused_total", "Requests refused at once, too many were waiting already")
pool_wait = Histogram("db_pool_wait_seconds", "Time that requests waited for a connection", buckets=_SECONDS)
db_unavailable = Counter("db_unavailable_total", "Requests that the database did not serve")
requests = Histogram(
    "http_request_duration_seconds",
    "Time from the parsed request to its response",
    ("method", "route", "status"),
    buckets=_SECONDS,
)

_pool_lock = threading.Lock()


def show_pool(pool: QueuePool) -> None:
    """Shows the pool as it is; call after every change. The lock lets the last caller see the last state."""
    with _pool_lock:
        pool_in_use.set(pool.checkedout())
        pool_overflow.set(max(0, pool.overflow()))


def show_settings(settings: Settings) -> None:
    """Shows what the pool was made with."""
    pool_size.set(settings.pool_size)
    pool_limit.set(settings.connections)
    pool_threads.set(settings.threads)
    pool_admitted.set(settings.admitted)
    pool_pre_ping.set(settings.pool_pre_ping)
    pool_timeout.set(settings.pool_timeout)
    worker_timeout.set(settings.worker_timeout)


blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def metrics() -> Response:
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        _collect_workers_into(registry)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def measure_requests(app: Flask) -> None:
    @app.before_request
    def start() -> None:
        g.started = time.monotonic()

    @app.after_request
    def observe(response: Response) -> Response:
        # The rule, never the path: a path holds ids, and each would become a time series.
        route = request.url_rule.rule if request.url_rule else "unmatched"
        method = request.method if request.method in _METHODS else "other"
        requests.labels(method, route, response.status_code).observe(time.monotonic() - g.started)
        return response
