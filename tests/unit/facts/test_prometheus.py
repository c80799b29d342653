"""A Prometheus that answers as the real one does, with an error, with nonsense, or never."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_figures, _prometheus
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError
from ansible_collections.stanchion.stack.plugins.module_utils._prometheus import Prometheus

TIMES = [0.0, 60.0, 120.0, 180.0]


class Fake:
    """What it answers by query; a number is a status without JSON, a text Prometheus' own error."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self.answers = {}
        self.asked = []

    def body(self, target):
        parts = urlsplit(target)
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append((parts.path, given))
        answer = self.answers.get(given["query"], [])
        if isinstance(answer, int):
            return answer, b"gone"
        if isinstance(answer, str):
            return 400, json.dumps({"status": "error", "errorType": "bad_data", "error": answer}).encode()
        kind = "matrix" if parts.path.endswith("query_range") else "vector"
        return 200, json.dumps({"status": "success", "data": {"resultType": kind, "result": answer}}).encode()


@pytest.fixture
def prometheus():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = self.server.fake.body(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.fake = Fake(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.fake
        server.shutdown()


def ask(fake, timeout=5.0):
    return Prometheus(fake.url, timeout)


def test_figures_along_a_period_have_a_place_for_each_moment(prometheus):
    prometheus.answers["up"] = [
        {"metric": {"job": "a"}, "values": [[0, "1"], [120, "2.5"]]},
        {"metric": {"job": "b"}, "values": [[60, "NaN"], [180, "+Inf"]]},
    ]
    assert ask(prometheus).along("up", TIMES) == [{"labels": {"job": "a"}, "values": [1.0, None, 2.5, None]}]
    path, given = prometheus.asked[0]
    assert path == "/api/v1/query_range"
    assert (given["start"], given["end"], given["step"]) == ("0.000", "180.000", "60.000")


def test_figures_of_a_moment_leave_out_what_is_no_number(prometheus):
    values = [({"of": "x"}, "0.1234567"), ({"of": "y"}, "NaN")]
    prometheus.answers["q"] = [{"metric": labels, "value": [9, value]} for labels, value in values]
    assert ask(prometheus).instant("q", 9.0) == [{"labels": {"of": "x"}, "value": 0.123457}]


def test_since_when_and_until_when(prometheus):
    prometheus.answers["last_over_time(ALERTS[90s])"] = [
        {"metric": {"n": "over"}, "values": [[0, "1"], [60, "1"], [120, "1"]]},
        {"metric": {"n": "twice"}, "values": [[0, "1"], [180, "1"]]},
    ]
    found = {each["labels"]["n"]: each["spans"] for each in ask(prometheus).spans("ALERTS", TIMES, 90.0)}
    # What the window has seen ended a window before; what it sees at the end goes on.
    assert found == {"over": [[0.0, 30.0]], "twice": [[0.0, 0.0], [180.0, 180.0]]}


def test_moments_end_with_the_period():
    assert _prometheus.moments(0.0, 180.0, 60.0) == TIMES
    assert _prometheus.moments(0.0, 200.0, 60.0) == [20.0, 80.0, 140.0, 200.0]
    assert _prometheus.moments(0.0, 10.0, 60.0) == [-50.0, 10.0]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (502, "answers 502, and no JSON"),
        ("parse error: unexpected end of input", "answers 400: parse error"),
        ({"no": "list"}, "none of Prometheus'"),
    ],
)
def test_what_is_no_answer_is_told(prometheus, answer, said):
    prometheus.answers["bad"] = answer
    asked = _prometheus.ask_each(
        lambda query: ask(prometheus).instant(query, 0.0), {"bad": "bad", "good": "x"}
    )
    assert asked["good"] == {"ok": True, "series": []}
    assert asked["bad"]["ok"] is False
    assert said in asked["bad"]["error"]


def test_nobody_listens():
    with pytest.raises(UnreadableError, match=r"http://127\.0\.0\.1:1 does not answer: .*refused"):
        Prometheus("http://127.0.0.1:1", 2.0).instant("up", 0.0)


def test_its_time_is_for_all_queries(prometheus):
    server = Prometheus(prometheus.url, 0.0)
    with pytest.raises(UnreadableError, match="was not done within 0 s"):
        server.instant("up", 0.0)
    assert prometheus.asked == []


def test_an_answer_of_something_else(prometheus):
    prometheus.answers["q"] = None
    with pytest.raises(UnreadableError, match="none of Prometheus'"):
        ask(prometheus).instant("q", 0.0)


def test_figures_of_now(prometheus):
    prometheus.answers["b"] = "no such function"
    prometheus.answers["a"] = [{"metric": {}, "value": [0, "7"]}]
    facts = _facts_figures.figure_facts(prometheus.url, {"a": "a", "b": "b"}, 5.0)
    assert facts["asked"] is True
    assert facts["entries"]["a"]["series"] == [{"labels": {}, "value": 7.0}]
    assert "no such function" in facts["entries"]["b"]["error"]


def test_a_stack_without_prometheus_is_an_answer():
    assert _facts_figures.figure_facts("", {"a": "a"}, 1.0) == {"asked": False, "entries": {}}


def test_one_that_does_not_answer_is_one_reason():
    with pytest.raises(UnreadableError, match="does not answer"):
        _facts_figures.figure_facts("http://127.0.0.1:1", {"a": "a"}, 1.0)
