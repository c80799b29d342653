"""The application under a real gunicorn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import requests

from .wait import free_port, until

FOLDER = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    status: int
    seconds: float
    headers: Mapping[str, str]


class Web:
    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.port = free_port()
        self._log = log
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--config", "gunicorn_conf.py"],
                cwd=FOLDER,
                env={**os.environ, "ENABLE_DEBUG_ROUTES": "1", **environment, "PORT": str(self.port)},
                stdout=output,
                stderr=output,
            )
        self._pool_size = int(environment["WEB_CONCURRENCY"]) * int(environment["DB_POOL_SIZE"])

    def wait_for_workers(self) -> None:
        until(self._up, "gunicorn answers /livez")
        until(lambda: self.metrics().get("db_pool_size") == self._pool_size, "all workers are up")

    def _up(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"gunicorn ended with {self._process.returncode}: {self.log()}")
        try:
            return self.get("/livez").status == 200
        except requests.ConnectionError:
            return False

    def log(self) -> str:
        return self._log.read_text()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path: str) -> Answer:
        started = time.monotonic()
        response = requests.get(self.url(path), timeout=60)
        return Answer(response.status_code, time.monotonic() - started, response.headers)

    def get_at_once(self, path: str, times: int) -> list[Answer]:
        together = threading.Barrier(times)

        def get(_number: int) -> Answer:
            together.wait()
            return self.get(path)

        with ThreadPoolExecutor(times) as threads:
            return list(threads.map(get, range(times)))

    def metrics(self) -> dict[str, float]:
        """All of /metrics, by name with labels."""
        lines = requests.get(self.url("/metrics"), timeout=10).text.splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def metric(self, name: str) -> float:
        return self.metrics()[name]

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return sorted(int(pid) for pid in children.split())

    def stop(self) -> tuple[int, float]:
        """Ends it as Docker does; tells its exit code and how long it took."""
        started = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        return self.wait(), time.monotonic() - started

    def quit(self) -> None:
        """Ends it without regard to the requests that a test left behind."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)

    def wait(self) -> int:
        return self._process.wait(timeout=60)


def count(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)
