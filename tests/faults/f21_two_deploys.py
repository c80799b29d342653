"""Two deploys at once: the second is turned away in seconds, with the name of who holds the host."""

from __future__ import annotations

import json
import os
import time

from fault import ITSELF, Fault, Row
from scene import Scene
from stack import until

HOLDER = "import json; print(json.dumps(json.load(open('/var/lib/stanchion/lock.json'))['holder']))"
# And the start of two processes on a machine that others use as well.
TURNED_AWAY = 5 + 3


def two_at_once(scene: Scene, row: Row) -> None:
    """The first has nothing to do, does nothing, and hears nothing of the other."""
    before = scene.stack.identities()
    first = scene.stack.start("deploy", "--format", "json")
    until(lambda: bool(scene.host.python(HOLDER)), "the first has not taken the lock", every=0.1)
    began = time.monotonic()
    second = scene.stack.runner("deploy")
    row.detected = time.monotonic() - began
    assert second.code == 6, second.text
    assert f'@{os.uname().nodename} with "deploy"' in second.text
    assert row.detected < TURNED_AWAY
    row.cause = "the lock is held (exit code 6)"
    out, err = first.communicate(timeout=600)
    assert first.returncode == 0, out + err
    assert json.loads(out)["changed"] == 0, out
    assert scene.stack.identities() == before


FAULT = Fault(
    "F21",
    "two deploys at once",
    inject=two_at_once,
    course=two_at_once,
    repair=ITSELF,
    gap=3,
    long=False,
)
