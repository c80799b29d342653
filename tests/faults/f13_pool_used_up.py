"""More slow requests than the pools have connections."""

from __future__ import annotations

from fault import BY_HAND, Fault
from scene import FOLDER, Look, Scene

# A pool is 2 + 3 connections of 2 workers. Each asks again as soon as it has its answer; two minutes at most.
CLIENTS = 24
BUSY = f"""
touch {FOLDER}/busy
ask() {{
    end=$(($(date +%s) + 120))
    while [ -e {FOLDER}/busy ] && [ $(date +%s) -lt $end ]; do
        curl -s -o /dev/null -m 6 "$1/debug/sleep?seconds=3" || sleep 0.2
    done
}}
for _ in $(seq {CLIENTS}); do
    (exec >/dev/null 2>&1; ask URL1) & (exec >/dev/null 2>&1; ask URL2) &
done
sleep 1
"""


def occupy(scene: Scene) -> None:
    scene.sh(BUSY.replace("URL1", scene.stack.url(1)).replace("URL2", scene.stack.url(2)))


def stop(scene: Scene) -> None:
    scene.sh(
        f"rm -f {FOLDER}/busy; for i in $(seq 80); do pgrep -x curl >/dev/null || break; sleep 0.1; done"
    )


def others_get_in(scene: Scene, _: Look) -> None:
    """Operators and the archive have connections that no pool can take."""
    assert scene.stack.sql("SELECT 1") == "1"
    scene.archived()


FAULT = Fault(
    "F13",
    "the backend's pools are used up",
    occupy,
    expect="backend.pool_used_up",
    checks=("pool.attribution",),
    says=r"\d+ of 10 connections of the pool in use, \d+ requests wait",
    repair=BY_HAND,
    undo=stop,
    meanwhile=others_get_in,
    recovered=15,
    long=False,
)
