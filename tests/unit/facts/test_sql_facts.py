"""The database's answers, and its silences, each under its own word."""

import socket
import threading
import time

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_sql
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError


def ask(folder):
    with pytest.raises(UnreadableError) as raised:
        _facts_sql.sql_facts(str(folder), "app", 2.0)
    return str(raised.value), raised.value.details["state"]


@pytest.fixture
def server(tmp_path):
    """A server that takes a connection and says what it is told to, or nothing."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / ".s.PGSQL.5432"))
    listening.listen()
    held = []

    def answers(message):
        def serve():
            connection, _ = listening.accept()
            held.append(connection)
            connection.recv(1000)
            if message is not None:
                fields = b"SFATAL\0VFATAL\0C57P03\0M" + message.encode() + b"\0\0"
                connection.sendall(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        return tmp_path

    yield answers
    for connection in held:
        connection.close()
    listening.close()


def test_no_socket_is_unreachable(tmp_path):
    reason, state = ask(tmp_path)
    assert state == "unreachable"
    assert "No such file or directory" in reason


@pytest.mark.parametrize(
    "message", ["the database system is starting up", "the database system is in recovery mode"]
)
def test_recovering_is_not_dead(server, message):
    reason, state = ask(server(message))
    assert state == "recovering"
    assert reason.startswith("the database is recovering or starting, which is not dead")


def test_a_frozen_server_is_silent_and_costs_two_seconds(server):
    reason, state = ask(server(None))
    assert state == "silent"
    assert "takes the connection and says nothing" in reason


def test_another_refusal_keeps_its_words(server):
    reason, state = ask(server("sorry, too many clients already"))
    assert (state, "sorry, too many clients already" in reason) == ("unreachable", True)


def test_queries_read_only():
    """No statement that could change anything; the session is read-only besides."""
    for name, query in _facts_sql.QUERIES.items():
        assert query.strip().upper().startswith("SELECT"), name
        assert ";" not in query, name


class Server:
    """A connection whose every query takes a while."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.limits = []

    def cursor(self, cursor_factory):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def execute(self, query, parameters):
        if query.startswith("SET"):
            self.limits.append(parameters[0])
        else:
            time.sleep(self.seconds)

    def fetchall(self):
        return []


def test_slow_queries_cost_their_own_answers():
    server = Server(0.05)
    answers = _facts_sql._ask_all(server, time.monotonic() + 0.12)
    states = [answer["ok"] for answer in answers.values()]
    assert states[:2] == [True, True]
    assert states[-1] is False
    assert list(answers.values())[-1]["error"] == "no time was left for it"
    assert set(answers) == set(_facts_sql.QUERIES)
    assert server.limits[0] <= 120
    assert server.limits == sorted(server.limits, reverse=True)
