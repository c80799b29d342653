"""The monitoring: it stands on all other layers, and none of them on it."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import MONITORING, Container
from stanchion.checks.look import Look
from stanchion.recovery import places
from stanchion.recovery.model import Layer, Seen
from stanchion.recovery.places import evidence, missing
from stanchion.recovery.registry import Failing, cause

_BEHIND = (
    "container.health",
    "container.flapping",
    "monitoring.targets",
    "monitoring.metrics",
    "monitoring.configuration",
    "monitoring.delivery",
    "monitoring.switch",
)


def _containers(look: Look) -> list[Container]:
    return look.containers(MONITORING)


@cause(
    "monitoring.paused",
    Layer.MONITORING,
    "a container of the monitoring is paused",
    remedy="unpause",
    shown_by=("container.state",),
    explains=_BEHIND,
)
def paused(look: Look, _failing: Failing) -> Iterator[Seen]:
    yield from places.paused(_containers(look), "requests")


@cause(
    "monitoring.stopped",
    Layer.MONITORING,
    "a container of the monitoring does not run",
    remedy="start_monitoring",
    shown_by=("container.state",),
    explains=_BEHIND,
)
def stopped(look: Look, _failing: Failing) -> Iterator[Seen]:
    yield from places.stopped(_containers(look))
    for name in missing(look, MONITORING):
        yield Seen(name, "is declared and not there", ("python runner.py deploy",))


@cause(
    "monitoring.looping",
    Layer.MONITORING,
    "a container of the monitoring ends each time that it is started",
    shown_by=("container.state", "container.flapping"),
    explains=_BEHIND,
)
def looping(look: Look, _failing: Failing) -> Iterator[Seen]:
    yield from places.looping(_containers(look))


@cause(
    "monitoring.figures",
    Layer.MONITORING,
    "the host does not write its figures",
    remedy="write_monitoring",
    shown_by=("monitoring.figures",),
    explains=("monitoring.metrics",),
)
def figures(_look: Look, failing: Failing) -> Iterator[Seen]:
    for _, seen in evidence(failing, "monitoring.figures"):
        yield Seen(seen.of, seen.what, ("python runner.py deploy",))
        return
