"""A deploy is killed at one task after another: no writer notices, and a rerun converges."""

from __future__ import annotations

import time

from fault import Fault, Row
from scene import Figures, Scene

# Something was begun by then, and the second run goes on where the first was killed. Of the first, Ansible
# hears and gives the lock back; of the second, nothing is left that could.
KILLED_AT = {
    "stanchion.stack.backend : migrate | Wait until it has finished": False,
    "stanchion.stack.backend : try_candidate | Wait until it is healthy": True,
}


def kill(scene: Scene, row: Row) -> None:
    changed = scene.stack.with_variables(backend_pool_timeout=4)
    for task, ansible_too in KILLED_AT.items():
        changed.kill_at_task(task, ansible_too)
    made = time.monotonic()
    look = scene.look("--plan")
    row.detected, row.cause = look.ended - made, "host.cut_short"
    assert look.code == 8, str(look)
    assert look.cause("host.cut_short")["because"] == ["host.lock"]
    began = time.monotonic()
    again = scene.stack.runner("deploy", "--format", "json", "--no-validate")
    row.recovered = time.monotonic() - began
    scene.notes["recovered"] = row.recovered
    assert again.code == 0, again.text
    last = scene.settled()
    assert last.code == 0, str(last)


def nobody_noticed(scene: Scene, figures: Figures) -> None:
    """Not one request failed, and no container of the application is left beside the declared ones."""
    assert {status for status, _, _ in figures.answers} == {201}
    assert set(scene.host.containers(scene.stack.name)) == {scene.database, *scene.backends}


FAULT = Fault(
    "F20",
    "a deploy is killed (SIGKILL) at one task after another",
    inject=nobody_noticed,
    course=kill,
    repair="deploy again",
    afterwards=nobody_noticed,
    gap=3,
    long=False,
)
