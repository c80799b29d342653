"""The pool under load, with a real gunicorn. Small numbers: each worker has two connections."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from conftest import USER, StartWeb, as_superuser
from testkit.postgres import Server
from testkit.wait import until
from testkit.web import Web, count

TIMEOUT = 2
POOL = {"DB_POOL_SIZE": 1, "DB_MAX_OVERFLOW": 1}
REPLICA = "replica-7"
RUNNING = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND application_name = 'replica-7'"


@pytest.fixture(scope="module")
def web(start_web: StartWeb) -> Web:
    """Two workers that let requests wait for a short time."""
    return start_web(**POOL, WEB_CONCURRENCY=2, DB_POOL_TIMEOUT=TIMEOUT, REPLICA_NAME=REPLICA)


@pytest.fixture(scope="module")
def patient(start_web: StartWeb) -> Web:
    """One worker that lets requests wait for a long time."""
    return start_web(**POOL, WEB_CONCURRENCY=1, DB_POOL_TIMEOUT=30)


@contextmanager
def exhausted(web: Web, seconds: float, connections: int) -> Iterator[None]:
    """Holds all connections from here on, and so long; leaves when they are free again."""
    sleepers = threading.Thread(target=web.get_at_once, args=(f"/debug/sleep?seconds={seconds}", connections))
    sleepers.start()
    until(lambda: web.metric("db_pool_in_use") == connections, "all connections are in use")
    try:
        yield
    finally:
        sleepers.join()


def test_exhaustion_answers_503_in_time_and_passes(web: Web) -> None:
    web.get_at_once("/medications", 8)
    workers = web.workers()
    lively: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            answer = web.get("/livez")
            lively.append(answer.seconds if answer.status == 200 else float("inf"))
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    # Four are served. Who waits for them to end has too little time left, or none.
    answers = web.get_at_once(f"/debug/sleep?seconds={TIMEOUT - 0.5}", 20)
    after = web.get("/medications")
    over.set()
    watcher.join()

    assert set(count(answers)) == {200, 503}
    assert max(answer.seconds for answer in answers) < TIMEOUT + 1
    refused = [answer for answer in answers if answer.status == 503]
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    assert after.status == 200 and after.seconds < 1
    assert len(lively) > 10 and max(lively) < 1
    assert web.workers() == workers


def test_metrics_are_summed_over_the_workers(start_web: StartWeb) -> None:
    web = start_web(**POOL, WEB_CONCURRENCY=2, WEB_THREADS=30, DB_POOL_TIMEOUT=2, REQUEST_TIMEOUT=20)

    def requests_with(status: int) -> str:
        labels = f'method="GET",route="/debug/sleep",status="{status}"'
        return f"http_request_duration_seconds_count{{{labels}}}"

    before = web.metrics()
    assert (before["db_pool_size"], before["db_pool_limit"]) == (2, 4)
    assert (before["db_pool_threads"], before["db_pool_admitted"]) == (60, 44)
    assert (before["db_pool_pre_ping"], before["db_pool_timeout_seconds"]) == (1, 2)
    assert before["db_pool_worker_timeout_seconds"] == 60

    results: list[int] = []
    clients = threading.Thread(
        target=lambda: results.extend(a.status for a in web.get_at_once("/debug/sleep?seconds=5", 20))
    )
    clients.start()
    during: dict[str, float] = {}

    def all_came_in() -> bool:
        during.update(web.metrics())
        return during["db_pool_in_use"] == 4 and during["db_pool_waiting"] == 16

    until(all_came_in, "four requests are served and the others wait")
    assert during["db_pool_overflow"] == 2
    clients.join()

    after = web.metrics()
    assert (after["db_pool_in_use"], after["db_pool_waiting"], after["db_pool_overflow"]) == (0, 0, 0)
    grown = {
        "db_pool_timeouts_total": 16,
        "db_pool_wait_seconds_count": 20,
        requests_with(200): 4,
        requests_with(503): 16,
    }
    assert {name: after[name] - before.get(name, 0) for name in grown} == grown
    assert (results.count(200), results.count(503)) == (4, 16)


def test_dead_workers_are_replaced_and_no_longer_counted(web: Web) -> None:
    before = web.metrics()
    dead = web.workers()
    for pid in dead:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(set(web.workers()) - set(dead)) == 2, "the workers are replaced")
    web.wait_for_workers()
    assert web.metric("db_pool_wait_seconds_count") == before["db_pool_wait_seconds_count"]


def test_connections_carry_the_replica_name(web: Web, postgres: Server) -> None:
    assert web.get("/health").status == 200
    assert (REPLICA,) in as_superuser(postgres, "SELECT application_name FROM pg_stat_activity")


def test_a_query_that_outlives_its_request_is_given_up_on_both_sides(web: Web, postgres: Server) -> None:
    answer = web.get("/debug/sleep?seconds=50")
    assert answer.status == 503 and answer.headers["Retry-After"]
    assert answer.seconds < TIMEOUT + 1
    until(lambda: not as_superuser(postgres, RUNNING), "the server gave the query up", 10)


def test_who_sends_too_much_is_told_so(web: Web) -> None:
    headers = {"Content-Type": "application/json"}
    for size in (100_000, 3_000_000):
        answer = requests.post(web.url("/medications"), data=b" " * size, headers=headers, timeout=10)
        assert answer.status_code == 413


def test_health_tells_of_exhaustion_soon(patient: Web) -> None:
    # Longer than the answer may take.
    with exhausted(patient, 4, connections=2):
        health = patient.get("/health")
        assert health.status == 503 and health.headers["Retry-After"]
        assert health.seconds < 3
    assert patient.get("/health").status == 200


def test_neither_waiting_requests_nor_probes_take_the_last_thread(patient: Web) -> None:
    # 16 threads: 8 for requests of the database, 4 for probes.
    with exhausted(patient, 4, connections=2):
        crowd = [
            threading.Thread(target=patient.get_at_once, args=(path, 40))
            for path in ("/medications", "/health")
        ]
        for thread in crowd:
            thread.start()
        until(lambda: patient.metric("db_pool_waiting") == 6 + 4, "as many wait as may")
        for path in ("/livez", "/metrics"):
            assert patient.get(path).seconds < 1
        for thread in crowd:
            thread.join()
    assert patient.metric("db_pool_refused_total") >= 34


def test_a_role_without_free_connections_is_503(start_web: StartWeb, postgres: Server) -> None:
    as_superuser(postgres, "ALTER ROLE {} CONNECTION LIMIT 0", USER)
    try:
        web = start_web(**POOL, WEB_CONCURRENCY=1)
        answer = web.get("/medications")
        assert answer.status == 503 and answer.headers["Retry-After"]
    finally:
        as_superuser(postgres, "ALTER ROLE {} CONNECTION LIMIT -1", USER)
    assert web.get("/medications").status == 200


def test_clients_that_fall_silent_are_dropped(patient: Web) -> None:
    head = b"POST /medications HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 50\r\n"
    address = ("127.0.0.1", patient.port)
    with socket.create_connection(address) as in_head, socket.create_connection(address) as in_body:
        in_head.sendall(head)
        in_body.sendall(head + b"\r\n{")
        for silent in (in_head, in_body):
            silent.settimeout(15)
        assert in_body.recv(100).startswith(b"HTTP/1.1 408")
        assert in_head.recv(100) == b""


def test_stops_soon_and_finishes_what_runs(start_web: StartWeb) -> None:
    web = start_web(**POOL, WEB_CONCURRENCY=1)
    answers: list[int] = []
    request = threading.Thread(target=lambda: answers.append(web.get("/debug/sleep?seconds=1").status))
    request.start()
    until(lambda: web.metric("db_pool_in_use") == 1, "the request runs")
    code, took = web.stop()
    request.join()
    assert (code, answers) == (0, [200])
    assert took < 5
