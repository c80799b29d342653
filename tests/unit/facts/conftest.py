"""A Docker engine of the tests' own: answers over a Unix socket, with an error, with nonsense, or never."""

import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


class FakeEngine:
    """What it answers by path; a number is a status with an error message, None is silence."""

    def __init__(self, path: Path, answers: dict[str, object]) -> None:
        self.host = f"unix://{path}"
        self.answers = answers
        self.asked: list[str] = []

    def body(self, target: str) -> tuple[int, bytes]:
        self.asked.append(target)
        answer = self.answers[target.partition("?")[0]]
        if answer is None:
            time.sleep(30)
        if isinstance(answer, bytes):
            return 200, answer
        if isinstance(answer, int):
            return answer, json.dumps({"message": f"status {answer}"}).encode()
        return 200, json.dumps(answer).encode()


@pytest.fixture
def fake_engine(tmp_path: Path) -> Iterator[Callable[[dict[str, object]], FakeEngine]]:
    servers = []

    def start(answers: dict[str, object]) -> FakeEngine:
        path = tmp_path / "docker.sock"
        engine = FakeEngine(path, answers)

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                target = self.rfile.readline().decode().split()[1]
                length = 0
                while line := self.rfile.readline().strip():
                    name, _, value = line.decode().partition(":")
                    length = int(value) if name.lower() == "content-length" else length
                self.rfile.read(length)
                status, body = engine.body(target)
                head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                self.wfile.write(head.encode() + body)

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True
            block_on_close = False

        server = Server(str(path), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return engine

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def recorded() -> Callable[[str], dict]:
    folder = Path(__file__).parent / "recorded"
    return lambda name: json.loads((folder / f"{name}.json").read_text())
