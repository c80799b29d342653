"""What an application tells of its pool, or does not."""

import socket
import socketserver
import threading

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_metrics

TOLD = "# TYPE db_pool_limit gauge\ndb_pool_limit 15.0\nother_total 3\ndb_pool_in_use 2.0\n"


@pytest.fixture
def application():
    """An application that answers what `answer` of its server is."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.rfile.readline()
            self.wfile.write(self.server.answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def container(port, **changed):
    published = {"container_port": 5000, "protocol": "tcp", "address": "127.0.0.1", "port": port}
    return {
        "name": "backend-1",
        "running": True,
        "ports": [published],
        "networks": {},
        "environment": {"values": {}},
        **changed,
    }


def ask(item, timeout=2.0):
    return _facts_metrics.metrics_facts([item], timeout)["entries"]["backend-1"]


def http(status, text):
    return f"HTTP/1.0 {status} x\r\n\r\n{text}".encode()


def test_only_the_pools_lines_are_told(application):
    application.answer = http(200, TOLD)
    answer = ask(container(application.server_address[1]))
    assert answer == {"ok": True, "reason": None, "lines": ["db_pool_limit 15.0", "db_pool_in_use 2.0"]}


@pytest.mark.parametrize(
    "answer,reason",
    [(http(404, "no"), "/metrics answers 404"), (http(200, "up 1\n"), "/metrics has no line db_pool_…")],
)
def test_an_application_that_tells_nothing(application, answer, reason):
    application.answer = answer
    assert ask(container(application.server_address[1])) == {"ok": True, "reason": reason, "lines": []}


def test_what_is_no_http_is_an_error(application):
    application.answer = b"SSH-2.0\r\n"
    answer = ask(container(application.server_address[1]))
    assert not answer["ok"]
    assert "BadStatusLine" in answer["error"]


def test_nobody_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer = ask(container(unused.getsockname()[1]))
    assert not answer["ok"]
    assert "refused" in answer["error"]


def test_silence_is_an_answer():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answer = ask(container(silent.getsockname()[1]), timeout=0.3)
    assert not answer["ok"]


def test_one_that_publishes_nothing_is_asked_at_its_own_address(application):
    application.answer = http(200, TOLD)
    networks = {"app": {"ip": "127.0.0.1"}}
    values = {"values": {"PORT": str(application.server_address[1])}}
    answer = ask(container(0, ports=[], networks=networks, environment=values))
    assert answer["ok"]
    assert answer["lines"]


def test_one_that_cannot_be_found():
    answer = ask(container(0, ports=[]))
    assert answer == {"ok": False, "error": "it publishes no port, and its environment names no PORT"}


def test_one_that_does_not_run_is_not_asked():
    assert _facts_metrics.metrics_facts([container(1, running=False)], 1.0) == {"entries": {}}
