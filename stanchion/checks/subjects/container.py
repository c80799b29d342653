"""How a container is held: limits, rights, restart, shut-down, health.

Asked of the declared ones before a deploy, of the real ones afterwards, and of a compose file.
"""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import DEFAULT_STOP_SECONDS, POSTGRES
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, bad, note
from stanchion.checks.registry import CRITICAL, DEPLOY, FILE, PREFLIGHT, RUNTIME, WARNING, Threshold, check
from stanchion.contract.memory import show

CIS = "CIS Docker Benchmark"


@check(
    "container.memory_limit",
    rows="CTR-01",
    title="Every container has a memory limit",
    phases=(PREFLIGHT, DEPLOY, RUNTIME, FILE),
    severity=WARNING,
    why="Without one, a leak in one container makes the kernel kill processes of another, often the "
    "database's.",
    remedy="Set postgres_memory and backend_memory and deploy; in a compose file set mem_limit.",
    source=f"{CIS} 5.11",
    reads=("containers",),
)
def memory_limit(look: Look) -> Iterator[Evidence]:
    for container in look.containers():
        if container.memory is None:
            yield bad("has no memory limit", container.name, "mem_limit")
        else:
            yield note(f"{show(container.memory)}", container.name)


@check(
    "container.stop",
    rows="CTR-09",
    title="The database is stopped by SIGINT, with time to write its pages out",
    phases=(PREFLIGHT, DEPLOY, FILE),
    severity=CRITICAL,
    why="SIGTERM waits for every pooled client and ends in SIGKILL; ten seconds are not enough for a "
    "checkpoint. Both mean crash recovery at the next start, and log that was not archived.",
    remedy="Deploy: the role postgres sets both. In a compose file: stop_signal: SIGINT and "
    "stop_grace_period: 2m.",
    source="Dockerfile of the official image (STOPSIGNAL); PostgreSQL manual, Shutting Down the Server",
    reads=("containers",),
    thresholds=(
        Threshold(
            "validation_container_stop_seconds",
            120,
            "s",
            "the official image's own comment finds that 90 s may be too short",
        ),
    ),
    part=POSTGRES,
)
def stop(look: Look) -> Iterator[Evidence]:
    least = look.threshold("validation_container_stop_seconds")
    for container in look.containers(POSTGRES):
        seconds = container.stop_timeout or DEFAULT_STOP_SECONDS
        if container.stop_signal not in (None, "SIGINT"):
            yield bad(f"is stopped by {container.stop_signal}", container.name, "stop_signal")
        if seconds < least:
            yield bad(
                f"has {seconds:g} s to stop, and {least:g} s are wanted", container.name, "stop_grace_period"
            )
