"""The backend: judged dead by whether it answers at all, never by whether it is ready."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import BACKEND
from stanchion.checks.decide import decide
from stanchion.checks.look import Look
from stanchion.checks.model import Outcome, Phase
from stanchion.checks.registry import catalogue
from stanchion.recovery import places
from stanchion.recovery.model import Layer, Risk, Seen
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
    "monitoring.targets",
    "monitoring.metrics",
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
    yield from places.paused(backends(look), "requests")


@cause(
    "backend.stopped",
    Layer.BACKEND,
    "a container of the backend is stopped",
    remedy="start_backend",
    shown_by=("container.state",),
    explains=_BEHIND,
)
def stopped(look: Look, _failing: Failing) -> Iterator[Seen]:
    yield from places.stopped(backends(look))


@cause(
    "backend.missing",
    Layer.BACKEND,
    "a container of the backend is gone",
    remedy="make_backend",
    shown_by=("container.state",),
    silences=("containers", "inside", "outside", "metrics"),
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
    yield from places.looping(backends(look))


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
        if not container.running or container.health != "unhealthy" or answer is None or answer["ok"]:
            continue
        # Of one that names no port nobody knows how to ask it.
        if answer["error"].startswith("http://"):
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
    yield from places.used_up_pools(failing)


# Of the database too. The last: a deploy refuses what is paused, and waits for a database that serves.

# What is asked of the definition before a deploy too.
_DEFINED = (
    "container.capabilities",
    "container.cpu_pids",
    "container.health_check",
    "container.init",
    "container.memory_limit",
    "container.no_new_privileges",
    "container.privileged",
    "container.read_only",
    "container.recovery",
    "container.restart_policy",
    "container.stop",
    "container.swap",
    "container.user",
    "environment.both_forms",
    "environment.contract",
    "environment.secrets",
    "log.rotation",
    "network.database_unpublished",
    "setting.shm",
    "volume.mount",
)
# The declared limits and tags are always met by what a deploy makes.
_BY_ANY_DEPLOY = ("container.effective_limits", "image.pinned")


@cause(
    "backend.definition",
    Layer.BACKEND,
    "a container is not as it is declared",
    remedy="deploy",
    risk=Risk.APPROVE,
    shown_by=(*_DEFINED, *_BY_ANY_DEPLOY),
)
def definition(look: Look, failing: Failing) -> Iterator[Seen]:
    """Yield containers of which a check fails, and would not if they were as they are declared."""
    declared = Look(look.facts, look.declared, look.thresholds, Phase.PREFLIGHT)
    every = catalogue()
    asked = [slug for slug in failing if slug in _DEFINED]
    mended = {f.slug for f in decide(declared, [every[slug] for slug in asked]) if f.outcome is Outcome.PASS}
    told: dict[str, list[str]] = {}
    for _, seen in evidence(failing, *(slug for slug in asked if slug in mended), *_BY_ANY_DEPLOY):
        told.setdefault(seen.of, []).append(seen.what)
    names = {container.name for container in look.real_containers()}
    for of, whats in told.items():
        if of in names:
            yield Seen(of, places.first_of(whats), ("python runner.py deploy",))
