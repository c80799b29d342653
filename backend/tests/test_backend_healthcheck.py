"""The image's health check asks the path that it is given."""

from __future__ import annotations

import http.server
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

HEALTHCHECK = Path(__file__).resolve().parents[1] / "healthcheck"


class Answers(http.server.BaseHTTPRequestHandler):
    """200 for /health, 404 for everything else, each with a body."""

    def do_GET(self) -> None:  # the name is http.server's
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
        self.wfile.write(b"the body")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


def ask(port: int, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HEALTHCHECK, *argv],
        env={**os.environ, "PORT": str(port)},
        timeout=20,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        ([], 0, "200 OK the body"),
        (["/health"], 0, "200 OK the body"),
        (["/nope"], 1, "404 Not Found the body"),
    ],
)
def test_the_given_path_decides(port: int, argv: list[str], code: int, said: str) -> None:
    done = ask(port, *argv)
    assert (done.returncode, said in done.stdout, done.stderr) == (code, True, ""), done


def test_nobody_there_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = ask(port)
    assert (done.returncode, done.stdout) == (1, f"/health did not answer: no connection to port {port}\n")


def test_a_silent_server_is_told() -> None:
    """It is connected to, and says nothing for longer than the probe waits."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = ask(silent.getsockname()[1])
    assert (done.returncode, done.stdout) == (1, "/health did not answer within 8 s\n")
