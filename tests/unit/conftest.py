"""Makes the collection importable the way Ansible does: the root is ansible_collections.stanchion.stack.

And a Docker engine of the tests' own: it answers over a Unix socket, with an error, with nonsense, or never.
"""

import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

from stanchion.run.paths import STATE_VARIABLE

ROOT = Path(__file__).resolve().parents[2]

_AnsibleCollectionFinder(paths=[str(ROOT / ".ansible" / "collections")])._install()


@pytest.fixture(scope="session", autouse=True)
def records_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs that tests begin are not kept beside a person's own."""
    own = ROOT / ".stanchion" / "runs"
    before = set(own.glob("*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(tmp_path_factory.mktemp("state")))
        yield
    assert set(own.glob("*")) == before, "a test has begun a run among a person's own"


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
