"""The whole Docker host is stopped and started: all is back without a controller, cron too."""

from __future__ import annotations

import subprocess
import time

from fault import ITSELF, Fault, Row
from scene import Scene
from stack import until


def outside(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the engine that the host is a container of."""
    return subprocess.run(["docker", *argv], capture_output=True, text=True, timeout=180, check=False)


def engine_answers(scene: Scene) -> bool:
    return outside("exec", scene.host.container, "docker", "version").returncode == 0


def restart(scene: Scene, row: Row) -> None:
    """It cannot be looked at meanwhile, which is told with its own exit code; nobody mends anything."""
    assert outside("stop", "--time", "90", scene.host.container).returncode == 0
    made = time.monotonic()
    run = scene.stack.runner("recover", "--plan", "--format", "json")
    row.detected = time.monotonic() - made
    assert run.code == 3, run.text
    row.cause = f"unreachable: {', '.join(run.result['error']['hosts'])}"
    assert outside("start", scene.host.container).returncode == 0
    until(lambda: engine_answers(scene), "the engine does not answer", within=120, every=0.1)
    answered = time.time()
    scene.start_writers(scene.run)
    scene.wait_for_rows(scene.run, within=90)
    moments = [scene.rows(scene.run, writer).values() for writer in ("api", "sql")]
    row.recovered = max(min(at for at in each if at > answered) - answered for each in moments)
    scene.notes["recovered"] = row.recovered
    assert row.recovered <= 60
    last = scene.settled()
    assert last.code == 0, str(last)
    assert last.after["schedule.cron"]["outcome"] == "pass"


FAULT = Fault(
    "F19",
    "the Docker host is stopped and started",
    inject=restart,
    course=restart,
    repair=ITSELF,
    recovered=60,
    backend_stays=False,
    simulated="the host is a container: its processes end and begin anew, the kernel goes on",
)
