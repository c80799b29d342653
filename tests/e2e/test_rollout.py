"""New versions of the backend, good and bad, and killed roll-outs, with somebody asking all the while."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType

import pytest
from stack import Stack

REPLICAS = 2
# Asks every replica about once in 50 ms until its standard input ends.
PROBE = """
import http.client, json, sys, threading, time
ports = [int(port) for port in sys.argv[1:]]
failures, rounds, gaps = dict.fromkeys(ports, 0), 0, 0
asking = True
def listen():
    global asking
    sys.stdin.read()
    asking = False
threading.Thread(target=listen, daemon=True).start()
def serves(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
while asking:
    served = [serves(port) for port in ports]
    rounds += 1
    gaps += not any(served)
    for port, good in zip(ports, served):
        failures[port] += not good
    time.sleep(0.05)
print(json.dumps({"rounds": rounds, "gaps": gaps, "failures": failures}))
"""


class Probe:
    """Asks all replicas from their host while the block runs; `seen` tells how often whom in vain."""

    def __init__(self, stack: Stack) -> None:
        ports = [stack.url(replica).rpartition(":")[2] for replica in range(1, REPLICAS + 1)]
        self._command = ["docker", "exec", "-i", stack.host.container, "python3", "-c", PROBE, *ports]
        self.seen: dict = {}

    def __enter__(self) -> Probe:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        out, _ = self._process.communicate(timeout=30)
        self.seen = json.loads(out)
        # So that a slow machine, or a slow roll-out, can be told from the figures.
        print(self.seen, file=sys.stderr)


def replicas(stack: Stack) -> dict[str, str]:
    """Return names and ids of the backend's containers, one-shot and kept ones included."""
    return {
        name: number
        for name, number in stack.host.containers(stack.name).items()
        if name.startswith(f"{stack.name}-backend-")
    }


def test_a_new_version_comes_in_without_a_gap(stack: Stack, context: Path) -> None:
    """Every replica is replaced, and at each moment one of them serves."""
    kept = stack.add_medication("written before the new version")
    before = replicas(stack)
    # Upon the version that runs: that an image is built with its packages is seen elsewhere.
    running = stack.host.inspect(f"{stack.name}-backend-1")["Config"]["Image"]
    (context / "Dockerfile").write_text(f"ARG BASE\nFROM {running}\nARG RESOLVED\nCOPY . .\n")
    with (context / "medication_tracker" / "__init__.py").open("a") as file:
        file.write("\n# the second version\n")
    with Probe(stack) as probe:
        result = stack.deploy("--no-validate").result
    assert result["changed"] > 0
    after = replicas(stack)
    assert sorted(after) == sorted(before)
    assert not set(after.values()) & set(before.values())
    assert probe.seen["rounds"] > 50
    assert probe.seen["gaps"] == 0
    status, body = stack.curl(f"/medications/{kept}", replica=2)
    assert (status, json.loads(body)["name"]) == (200, "written before the new version")


def test_a_version_that_cannot_start_leaves_the_old_one_serving(stack: Stack, context: Path) -> None:
    """Exit code 4, its last words on the screen, and not one request in vain."""
    before = replicas(stack)
    configuration = context / "gunicorn_conf.py"
    good = configuration.read_text()
    configuration.write_text(good + '\nsys.exit("the third version cannot start")\n')
    try:
        with Probe(stack) as probe:
            run = stack.runner("deploy")
    finally:
        configuration.write_text(good)
    assert run.code == 4, run.text
    assert "exited with code 1" in run.text
    assert "the third version cannot start" in run.text
    assert replicas(stack) == before
    assert (probe.seen["gaps"], set(probe.seen["failures"].values())) == (0, {0})


KILLED_AT = [
    "stanchion.stack.backend : try_candidate | Wait",
    "stanchion.stack.backend : replace | Create",
    "stanchion.stack.backend : replace | Wait",
]


@pytest.mark.long
def test_a_killed_roll_out_is_taken_up_again(stack: Stack) -> None:
    """Somebody serves all the while; the last run converges and leaves nothing behind.

    What a killed one leaves is also made by hand, and taken up, in molecule/backend.
    """
    stack.variables["backend_environment"] = {"ENABLE_DEBUG_ROUTES": "1", "WEB_THREADS": "43"}
    before = replicas(stack)
    with Probe(stack) as probe:
        for task in KILLED_AT:
            stack.kill_at_task(task)
        stack.deploy()
    assert probe.seen["gaps"] == 0
    after = replicas(stack)
    assert sorted(after) == sorted(before)
    assert not set(after.values()) & set(before.values())
