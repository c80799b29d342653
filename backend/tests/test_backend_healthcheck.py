"""The image's health check asks the path that it is given."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

HEALTHCHECK = Path(__file__).resolve().parents[1] / "healthcheck"


class Answers(http.server.BaseHTTPRequestHandler):
    """200 for /health, 404 for everything else."""

    def do_GET(self) -> None:  # the name is http.server's
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


@pytest.mark.parametrize(("argv", "code"), [([], 0), (["/health"], 0), (["/nope"], 1)])
def test_the_given_path_decides(port: int, argv: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-IS", str(HEALTHCHECK), *argv],
        env={**os.environ, "PORT": str(port)},
        timeout=20,
        check=False,
        capture_output=True,
    )
    assert done.returncode == code, done
