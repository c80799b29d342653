"""What a log says of trouble, by kind."""

import json

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_logs
from ansible_collections.stanchion.stack.plugins.module_utils._docker_api import Engine

DATABASE = {"name": "demo-db", "id": "d1", "role": "postgres", "started_at": "2026-11-25T14:00:00.5Z"}


def frames(*lines):
    """The log as the engine sends it: standard output and errors in frames."""
    parts = []
    for number, line in enumerate(lines):
        raw = f"2026-11-25T14:00:0{number % 10}.000000000Z {line}\n".encode()
        parts.append(bytes([1 + number % 2, 0, 0, 0]) + len(raw).to_bytes(4, "big") + raw)
    return b"".join(parts)


@pytest.fixture
def engine(fake_engine):
    def started(*lines, events=b""):
        return Engine(fake_engine({"/containers/d1/logs": frames(*lines), "/events": events}).host, 5)

    return started


@pytest.mark.parametrize(
    "kind,line",
    [
        ("panic", "[1] @ PANIC:  could not locate a valid checkpoint record"),
        ("crash", "[1] @ LOG:  terminating any other active server processes"),
        ("crash", "[1] @ LOG:  database system was not properly shut down; automatic recovery in progress"),
        ("killed", "[1] @ LOG:  server process (PID 12) was terminated by signal 9: Killed"),
        ("write", '[9] app@app ERROR:  could not extend file "base/5/1": No space left on device'),
        ("archive", "[7] @ LOG:  archive command failed with exit code 1"),
        ("fatal", '[1] @ FATAL:  could not create lock file "postmaster.pid"'),
        ("refused", '[3] app@app FATAL:  password authentication failed for user "app"'),
        ("refused", '[3] x@x FATAL:  no pg_hba.conf entry for host "172.30.241.9"'),
        ("saturated", "[3] app@app FATAL:  sorry, too many clients already"),
        ("saturated", '[3] app@app FATAL:  too many connections for role "app"'),
        ("deadlock", "[3] app@app ERROR:  deadlock detected"),
        ("write", '[3] app@app ERROR:  could not open file "base/5/16384": No such file or directory'),
    ],
)
def test_lines_that_mean_trouble(kind, line, engine):
    seen = _facts_logs.log_facts(engine("LOG:  checkpoint starting: time", line), [DATABASE], 60)
    trouble = seen["entries"]["demo-db"]["trouble"]
    assert seen["entries"]["demo-db"]["ready"] is None
    assert kind in trouble
    assert trouble[kind]["count"] == 1
    assert trouble[kind]["last"][0]["text"] == line
    assert trouble[kind]["last"][0]["at"].startswith("2026-11-25T14:00:01")


def test_what_the_engine_remembers_of_its_memory(engine):
    names = ("another", "demo-db")
    lines = [{"time": 1000 + n, "Actor": {"Attributes": {"name": name}}} for n, name in enumerate(names)]
    events = "".join(json.dumps(line) + "\n" for line in lines).encode()
    seen = _facts_logs.log_facts(engine("x", events=events), [DATABASE], 60)
    assert seen["entries"]["demo-db"]["oom"] == 1001


def test_when_the_server_last_took_connections(engine):
    ready = "[1] @ LOG:  database system is ready to accept connections"
    seen = _facts_logs.log_facts(engine(ready, "LOG:  checkpoint starting: time", ready, "x"), [DATABASE], 60)
    assert seen["entries"]["demo-db"]["ready"].startswith("2026-11-25T14:00:02")


@pytest.mark.parametrize(
    "line",
    [
        "LOG:  checkpoint complete: wrote 3 buffers",
        'FATAL:  role "healthcheck" does not exist',
        "FATAL:  the database system is starting up",
        "FATAL:  terminating connection due to administrator command",
        "FATAL:  terminating autovacuum process due to administrator command",
        'FATAL:  terminating background worker "parallel worker" due to administrator command',
        "FATAL:  unsupported frontend protocol 255.255: server supports 3.0 to 3.0",
        'ERROR:  could not open file "/tmp/x.csv" for reading: No such file or directory',
        'ERROR:  relation "x" does not exist',
    ],
)
def test_lines_of_ordinary_life(line, engine):
    assert _facts_logs.log_facts(engine(line), [DATABASE], 60)["entries"]["demo-db"]["trouble"] == {}


def test_a_flood_is_counted_and_its_last_lines_told(engine):
    seen = _facts_logs.log_facts(engine(*["PANIC:  " + "x" * 1000] * 20), [DATABASE], 60)["entries"][
        "demo-db"
    ]
    assert seen["trouble"]["panic"]["count"] == 20
    assert len(seen["trouble"]["panic"]["last"]) == 5
    assert len(seen["trouble"]["panic"]["last"][0]["text"]) == 300


def test_a_password_in_a_log_stays_there(engine):
    seen = _facts_logs.log_facts(engine("FATAL: no way to postgresql://u:p@h/d"), [DATABASE], 60)
    assert seen["entries"]["demo-db"]["trouble"]["fatal"]["last"][0]["text"].endswith("u:***@h/d")


def test_ready_is_the_first_time_since_the_start(engine):
    ready = "LOG:  database system is ready to accept connections"
    asked = engine(ready, "LOG:  listening", ready)  # the first one is of the start before
    assert _facts_logs.ready_facts(asked, [DATABASE])["entries"]["demo-db"].startswith("2026-11-25T14:00:02")


def test_a_server_that_has_not_come_up_has_no_time(engine):
    assert _facts_logs.ready_facts(engine("LOG:  starting"), [DATABASE])["entries"] == {"demo-db": None}
