"""The pool runs dry and comes back; the database goes away and comes back. The backend stays."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

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
    burst = list(pool.map(ask, ["/debug/sleep?seconds=0.8"] * 60))
after = ask("/medications")
done.set()
watcher.join()
print(json.dumps({"burst": burst, "alive": alive, "after": after}))
"""

# Bounded: one write after another for 15 seconds.
WRITER = """
import json, sys, time, urllib.error, urllib.request

base, until = sys.argv[1], time.monotonic() + 15
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
    assert max(answer["seconds"] for answer in seen["burst"]) <= POOL_TIMEOUT + 1
    assert {answer["status"] for answer in seen["alive"]} == {200}
    assert max(answer["seconds"] for answer in seen["alive"]) < 1
    assert seen["after"]["status"] == 200


def written_meanwhile(stack: Stack, disturbance: str) -> list[dict[str, Any]]:
    """Write for 15 s, disturb the host after one, and check that no acknowledged row is lost."""
    run = uuid.uuid4().hex
    stack.host.run("sh", "-c", f"(sleep 1; {disturbance}) >/dev/null 2>&1 &")
    tries = stack.host.python(WRITER, stack.url(), run)
    kept = {name for name in stack.sql("SELECT name FROM medications").splitlines() if name.startswith(run)}
    written = {attempt["name"] for attempt in tries if attempt["status"] == 201}
    # What was answered with an error may have been written or not.
    assert written <= kept <= {attempt["name"] for attempt in tries}
    assert {attempt["status"] for attempt in tries} <= {201, 503}
    return tries


def longest_gap(tries: list[dict[str, Any]]) -> float:
    """Return the longest time without a successful write, in seconds, the time until the end included."""
    ends = [attempt["at"] for attempt in tries if attempt["status"] == 201] + [tries[-1]["at"]]
    return max(later - earlier for earlier, later in itertools.pairwise(ends))


def test_database_restarted_under_load(stack: Stack) -> None:
    """Served again within 10 s, by the same backend, with every row."""
    database, backend = f"{stack.name}-db", f"{stack.name}-backend-1"
    before = {name: stack.host.inspect(name)["State"]["StartedAt"] for name in (database, backend)}
    tries = written_meanwhile(stack, f"docker restart {database}")
    assert longest_gap(tries) < 10
    assert stack.host.inspect(backend)["State"]["StartedAt"] == before[backend]
    assert stack.host.inspect(database)["State"]["StartedAt"] != before[database], "it was never away"
