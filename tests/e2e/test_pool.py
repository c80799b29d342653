"""The pool runs dry and comes back; the database goes away and comes back. The backend stays."""

from __future__ import annotations

import pytest
from stack import Stack

POOL_TIMEOUT = 3

# Bounded: 60 slow requests at once to one replica, /livez asked ten times a second meanwhile, and one
# request afterwards.
BURST = """
import collections, concurrent.futures, json, sys, threading, time, urllib.error, urllib.request

base = sys.argv[1]

def ask(path):
    began = time.monotonic()
    try:
        with urllib.request.urlopen(base + path, timeout=30) as answer:
            status, retry = answer.status, answer.headers.get("Retry-After")
    except urllib.error.HTTPError as error:
        status, retry = error.code, error.headers.get("Retry-After")
    except OSError:
        status, retry = 0, None
    return {"status": status, "retry_after": retry, "seconds": time.monotonic() - began}

for _ in range(20):
    ask("/medications")
alive, done = [], threading.Event()

def watch():
    while not done.is_set():
        alive.append(ask("/livez"))
        done.wait(0.1)

watcher = threading.Thread(target=watch)
watcher.start()
with concurrent.futures.ThreadPoolExecutor(60) as pool:
    burst = list(pool.map(ask, ["/debug/sleep?seconds=2"] * 60))
after = ask("/medications")
done.set()
watcher.join()
print(json.dumps({"burst": burst, "alive": alive, "after": after}))
"""

# Bounded: one write after another for 25 seconds.
WRITER = """
import json, sys, time, urllib.error, urllib.request

base, until = sys.argv[1], time.monotonic() + 25
tries = []
while time.monotonic() < until:
    name = f"{sys.argv[2]}-{len(tries)}"
    body = json.dumps({"name": name, "dosage": "1"}).encode()
    request = urllib.request.Request(base + "/medications", body, {"Content-Type": "application/json"})
    began = time.time()
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError:
        status = 0
    tries.append({"name": name, "status": status, "at": time.time(), "seconds": time.time() - began})
    time.sleep(0.1)
print(json.dumps(tries))
"""


def test_sixty_slow_requests_at_once(stack: Stack) -> None:
    """More requests than connections: each is served or told to come back, in time, and nothing dies."""
    seen = stack.host.python(BURST, stack.url())
    statuses = [answer["status"] for answer in seen["burst"]]
    assert set(statuses) == {200, 503}, statuses
    assert all(answer["retry_after"] for answer in seen["burst"] if answer["status"] == 503)
    # The slow requests themselves sleep two seconds once they have a connection.
    assert max(a["seconds"] for a in seen["burst"] if a["status"] == 503) <= POOL_TIMEOUT + 1
    assert max(a["seconds"] for a in seen["burst"] if a["status"] == 200) <= POOL_TIMEOUT + 2 + 1
    assert {answer["status"] for answer in seen["alive"]} == {200}
    assert max(answer["seconds"] for answer in seen["alive"]) < 1
    assert seen["after"]["status"] == 200


def test_database_restarted_under_load(stack: Stack) -> None:
    """Served again within 10 s of the database being healthy, by the same backend, with every row."""
    before = stack.host.inspect(f"{stack.name}-backend-1")
    stack.host.run("sh", "-c", f"(sleep 5; docker restart {stack.name}-db) >/dev/null 2>&1 &")
    tries = stack.host.python(WRITER, stack.url(), "restart")
    written = [attempt["name"] for attempt in tries if attempt["status"] == 201]
    failed = [attempt for attempt in tries if attempt["status"] != 201]
    assert failed, "the database was never away"
    assert {attempt["status"] for attempt in failed} == {503}
    assert tries[-1]["status"] == 201
    assert failed[-1]["at"] - failed[0]["at"] < 15
    kept = stack.sql("SELECT name FROM medications WHERE name LIKE 'restart-%'").splitlines()
    assert set(written) <= set(kept)
    after = stack.host.inspect(f"{stack.name}-backend-1")
    assert after["State"]["StartedAt"] == before["State"]["StartedAt"]


@pytest.mark.long
def test_postmaster_killed(stack: Stack) -> None:
    """`kill -9` of the postmaster: healthy within 10 s by its restart policy, no acknowledged row lost."""
    kill = (
        f"sleep 5; main=$(docker top {stack.name}-db -eo pid,args"
        " | awk '$2 ~ /postgres$/ && $3 == \"-c\" {print $1; exit}'); kill -9 $main"
    )
    stack.host.run("sh", "-c", f"({kill}) >/dev/null 2>&1 &")
    tries = stack.host.python(WRITER, stack.url(), "killed")
    failed = [attempt for attempt in tries if attempt["status"] != 201]
    assert failed, "the postmaster was never away"
    assert failed[-1]["at"] - failed[0]["at"] < 10
    written = {attempt["name"] for attempt in tries if attempt["status"] == 201}
    kept = set(stack.sql("SELECT name FROM medications WHERE name LIKE 'killed-%'").splitlines())
    attempted = {attempt["name"] for attempt in tries}
    assert written <= kept <= attempted
    assert stack.host.inspect(f"{stack.name}-db")["RestartCount"] >= 1
