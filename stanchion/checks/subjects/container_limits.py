"""What a container may take of the host, and what it takes."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import POSTGRES, Container
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, SkipError, UnreadableError, bad, note, warn
from stanchion.checks.registry import (
    CRITICAL,
    DEFINED,
    INFO,
    RUNNING,
    WARNING,
    Threshold,
    check,
)
from stanchion.checks.words import count, mb, span
from stanchion.contract.memory import show

CIS = "CIS Docker Benchmark"
DOCKER_MANUAL = "Docker manual"


@check(
    "container.memory_limit",
    rows="CTR-01",
    title="Every container has a memory limit",
    phases=DEFINED,
    severity=WARNING,
    why="Without one, a leak in one container makes the kernel kill processes of another, often the "
    "database's.",
    remedy="Set postgres_memory and backend_memory and deploy; in a compose file set mem_limit.",
    source=f"{CIS} 5.11",
    reads=("containers",),
)
def memory_limit(look: Look) -> Iterator[Evidence]:
    for container in look.some():
        if container.memory is None:
            yield bad("has no memory limit", container.name, "mem_limit")
        else:
            yield note(f"{show(container.memory)}", container.name, "mem_limit")


@check(
    "container.swap",
    rows="CTR-02",
    title="The database has no swap beside its memory",
    phases=DEFINED,
    severity=INFO,
    why="Docker gives a container as much swap as memory unless told otherwise. A database that swaps "
    "answers late and looks well.",
    remedy="Deploy: the role postgres sets memory_swap to postgres_memory. In a compose file set "
    "memswap_limit to the value of mem_limit.",
    source=f"{DOCKER_MANUAL}, Resource constraints",
    reads=("containers",),
    part=POSTGRES,
)
def swap(look: Look) -> Iterator[Evidence]:
    limited = [container for container in look.some(POSTGRES) if container.memory is not None]
    if not limited:
        raise SkipError("the database has no memory limit, so none of swap either")
    for container in limited:
        most, both = container.memory or 0, container.memory_swap
        if both == most:
            yield note(f"{show(most)} of memory and swap together", container.name, "memswap_limit")
        elif both is None or both < 0:
            said = "Docker doubles the memory" if both is None else "it is without limit"
            yield bad(f"has no limit of memory and swap together: {said}", container.name, "memswap_limit")
        else:
            yield bad(
                f"may use {show(both - most)} of swap beside its memory", container.name, "memswap_limit"
            )


@check(
    "container.cpu_pids",
    rows="CTR-03",
    title="Every container has limits of processors and processes",
    phases=DEFINED,
    severity=INFO,
    why="One container that spins or forks without end takes the processors, or the host's process table, "
    "from all others.",
    remedy="Set postgres_cpus, backend_cpus and backend_pids_limit and deploy; in a compose file set cpus "
    "and pids_limit.",
    source=f"{CIS} 5.12 and 5.29",
    reads=("containers",),
)
def cpu_pids(look: Look) -> Iterator[Evidence]:
    for container in look.some():
        limited = (container.pids or 0) > 0
        if not container.cpus:
            yield bad("has no limit of processors", container.name, "cpus")
        if not limited:
            yield bad("has no limit of processes", container.name, "pids_limit")
        if container.cpus and limited:
            yield note(f"processors: {container.cpus:g}, processes: {container.pids}", container.name)


@check(
    "container.oom",
    rows="CTR-04",
    title="No container has lost a process for lack of memory",
    phases=RUNNING,
    severity=CRITICAL,
    why="The kernel kills one process and the container goes on looking well: a database drops every "
    "session, a web server loses the requests that it was at.",
    remedy="Raise postgres_memory or backend_memory, or lower what is used (work_mem, workers), and deploy. "
    "The count starts anew when the container is restarted.",
    source="awesome-prometheus-alerts, HostOomKillDetected; Docker's API text on State.OOMKilled",
    reads=("containers", "cgroups", "logs"),
)
def oom(look: Look) -> Iterator[Evidence]:
    cgroups = look.source("cgroups")["entries"]
    for container in look.some():
        kills = cgroups.get(container.name, {}).get("oom_kills")
        if kills:
            yield bad(
                f"the kernel has killed {count(kills, 'process')} in it for lack of memory", container.name
            )
        elif container.oom_killed:
            yield bad("was killed for lack of memory", container.name)
        elif container.name in cgroups and kills is None:
            raise UnreadableError(f"this kernel does not count what it kills in {container.name}")
        elif container.running and container.name not in cgroups:
            raise UnreadableError(f"{container.name} ended while it was looked at")
        else:
            yield _since_its_start(look, container)


def _since_its_start(look: Look, container: Container) -> Evidence:
    """Tell of one that has ended for lack of memory, and runs again: its counters began anew with it."""
    at = look.source("logs")["entries"].get(container.name, {}).get("oom")
    if not at:
        return note("none killed since it was started", container.name)
    ago = span(max(look.now.timestamp() - float(at), 0.0))
    return warn(f"ran out of memory {ago} ago, and was started again", container.name)


@check(
    "container.memory_used",
    rows="CTR-05",
    title="Every container has memory left",
    phases=RUNNING,
    severity=WARNING,
    why="At the limit the kernel first throws out the page cache, which makes everything slow, and then "
    "kills.",
    remedy="Find out what grows (docker stats; pool.attribution for connections), then raise "
    "postgres_memory or backend_memory and deploy.",
    source="awesome-prometheus-alerts, ContainerHighMemoryUsage",
    reads=("containers", "cgroups"),
    thresholds=(
        Threshold(
            "validation_container_memory_used",
            80,
            "%",
            "awesome-prometheus-alerts, ContainerHighMemoryUsage: the working set, without cached files that "
            "can be dropped",
        ),
    ),
)
def memory_used(look: Look) -> Iterator[Evidence]:
    most = look.threshold("validation_container_memory_used")
    cgroups = look.source("cgroups")["entries"]
    looked = [container for container in look.some() if container.name in cgroups]
    if not looked:
        raise UnreadableError("no container runs")
    for container in looked:
        used, limit = cgroups[container.name]["working_set"], cgroups[container.name]["memory_limit"]
        if limit is None:
            yield note(f"uses {mb(used)}, without a limit", container.name)
            continue
        text = f"uses {mb(used)} of {mb(limit)}, {used / limit:.0%}"
        yield (bad if used / limit * 100 > most else note)(text, container.name)
