"""The backend: judged dead by whether it answers at all, never by whether it is ready."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import BACKEND
from stanchion.checks.look import Look
from stanchion.recovery.model import Layer, Seen
from stanchion.recovery.places import backends, evidence, missing
from stanchion.recovery.registry import Failing, cause

_BEHIND = (
    "container.health",
    "network.isolation",
    "connection.from_backend",
    "dns",
    "pool",
    "migration",
    "order",
)


@cause(
    "backend.paused",
    Layer.BACKEND,
    "a container of the backend is paused",
    remedy="unpause",
    shown_by=("container.state",),
    explains=_BEHIND,
)
def paused(look: Look, _failing: Failing) -> Iterator[Seen]:
    for container in backends(look):
        if container.state == "paused":
            what = "is paused: it takes requests and never answers"
            yield Seen(container.name, what, (f"docker unpause {container.name}",))


@cause(
    "backend.stopped",
    Layer.BACKEND,
    "a container of the backend is stopped",
    remedy="start_backend",
    shown_by=("container.state",),
    explains=_BEHIND,
)
def stopped(look: Look, _failing: Failing) -> Iterator[Seen]:
    for container in backends(look):
        if container.state in ("exited", "created", "dead"):
            what = f"is {container.state}, with code {container.exit_code}"
            yield Seen(container.name, what, (f"docker start {container.name}",))


@cause(
    "backend.missing",
    Layer.BACKEND,
    "a container of the backend is gone",
    remedy="make_backend",
    shown_by=("container.state",),
    explains=_BEHIND,
)
def gone(look: Look, _failing: Failing) -> Iterator[Seen]:
    names = missing(look, BACKEND)
    if names:
        yield Seen(", ".join(names), "declared and not there", ("python runner.py deploy",))


@cause(
    "backend.looping",
    Layer.BACKEND,
    "a container of the backend ends each time that it is started",
    shown_by=("container.state", "container.flapping"),
    explains=_BEHIND,
)
def looping(look: Look, _failing: Failing) -> Iterator[Seen]:
    for container in backends(look):
        if container.state == "restarting":
            what = f"was restarted {container.restart_count} times, and ends with code {container.exit_code}"
            yield Seen(container.name, what)


@cause(
    "backend.dead",
    Layer.BACKEND,
    "a container of the backend runs and answers nothing",
    remedy="restart_backend",
    shown_by=("container.health",),
    explains=_BEHIND,
)
def dead(look: Look, _failing: Failing) -> Iterator[Seen]:
    entries = look.source("metrics")["entries"]
    for container in backends(look):
        answer = entries.get(container.name)
        # Any answer, whatever its status, comes from a process that lives. Unready is not dead.
        if container.running and container.health == "unhealthy" and answer is not None and not answer["ok"]:
            what = f"runs, and answers no request at all: {answer['error']}"
            yield Seen(container.name, what, (f"docker restart {container.name}",), {"dead": True})


@cause(
    "backend.pool_used_up",
    Layer.BACKEND,
    "the backend's pool is used up",
    shown_by=("pool.attribution",),
    explains=("container.health", "connection.from_backend"),
)
def pool_used_up(_look: Look, failing: Failing) -> Iterator[Seen]:
    for _, seen in evidence(failing, "pool.attribution"):
        if "of the pool in use" in seen.what:
            yield Seen(seen.of, seen.what)
