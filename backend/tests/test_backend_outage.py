"""The database goes away, falls silent, comes back: the application answers in time and needs no restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from conftest import StartWeb, url
from testkit.postgres import Server
from testkit.proxy import Proxy
from testkit.wait import free_port, until
from testkit.web import Answer, Web

TIMEOUT = 2
SETTINGS = {"WEB_CONCURRENCY": 2, "DB_POOL_SIZE": 2, "DB_MAX_OVERFLOW": 2, "DB_POOL_TIMEOUT": TIMEOUT}


@contextmanager
def load(web: Web) -> Iterator[list[Answer]]:
    """Requests from eight clients, for as long as the block lasts."""
    answers: list[Answer] = []
    ended = threading.Event()

    def client() -> None:
        while not ended.is_set():
            answers.append(web.get("/medications"))

    clients = [threading.Thread(target=client) for _ in range(8)]
    for thread in clients:
        thread.start()
    try:
        yield answers
    finally:
        ended.set()
        for thread in clients:
            thread.join()


@pytest.fixture(scope="module")
def web(start_web: StartWeb) -> Web:
    return start_web(**SETTINGS)


def test_restart_of_the_database_unnoticed(web: Web, postgres: Server) -> None:
    """The pools hold connections that died: nobody is told, they are replaced."""
    web.get_at_once("/medications", 8)
    postgres.stop()
    postgres.start()
    assert {answer.status for answer in web.get_at_once("/medications", 8)} == {200}


def test_restart_of_the_database_under_load(web: Web, postgres: Server) -> None:
    workers = web.workers()
    with load(web) as answers:
        until(lambda: len(answers) > 50, "there is load")
        postgres.stop()
        try:
            until(lambda: web.get("/health").status == 503, "/health tells of the outage")
            assert web.get("/livez").status == 200
        finally:
            postgres.start()
        back = time.monotonic()
        until(lambda: web.get("/health").status == 200, "/health is well again")
        assert time.monotonic() - back < 5
    assert {answer.status for answer in answers} == {200, 503}
    assert max(answer.seconds for answer in answers) < TIMEOUT + 1
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 503)
    assert {answer.status for answer in web.get_at_once("/medications", 8)} == {200}
    assert web.workers() == workers
    # A line a second for each worker and reason, however many requests failed.
    assert web.log().count("the database does not serve") < 40


def test_silent_database(start_web: StartWeb, postgres: Server, database_name: str, proxy: Proxy) -> None:
    """A frozen server acknowledges packets and says nothing: no time-out of TCP or libpq ends that."""
    web = start_web(**SETTINGS, DATABASE_URL=url(postgres, database_name, proxy.port))
    assert {answer.status for answer in web.get_at_once("/medications", 8)} == {200}
    proxy.freeze()
    answers = web.get_at_once("/medications", 8)
    assert {answer.status for answer in answers} == {503}
    assert max(answer.seconds for answer in answers) < TIMEOUT + 1
    health = web.get("/health")
    assert health.status == 503 and health.seconds < 3
    assert web.get("/livez").status == 200
    proxy.thaw()
    assert {answer.status for answer in web.get_at_once("/medications", 8)} == {200}


def test_start_without_a_database(start_web: StartWeb, postgres: Server, database_name: str) -> None:
    web = start_web(**SETTINGS, DATABASE_URL=url(postgres, database_name, free_port()))
    assert web.get("/livez").status == 200
    answer = web.get("/health")
    assert answer.status == 503 and answer.headers["Retry-After"]
