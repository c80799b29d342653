"""In which order things came up, as their own times tell it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from stanchion.checks.container import BACKEND, POSTGRES, Container
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, SkipError, UnreadableError, bad, note
from stanchion.checks.registry import DEPLOY, RUNTIME, WARNING, Threshold, check
from stanchion.moments import moment


@check(
    "order.observed",
    rows="ORD-01",
    title="Whatever came up before the database has got over it",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="After a reboot the engine starts everything at once; depends_on is not asked. An application that "
    "does not wait for its database by itself is down then, or is restarted until the database is there.",
    remedy="Let the application retry its first connection; until then, docker restart CONTAINER once the "
    "database is up.",
    source="Docker manual, Control startup order: only compose's own commands honour depends_on",
    reads=("containers", "ready"),
    thresholds=(
        Threshold(
            "validation_order_window",
            60,
            "s",
            "ours: a restart this close to the database's own start was for want of it",
        ),
    ),
    part=POSTGRES,
)
def observed(look: Look) -> Iterator[Evidence]:
    if not look.has(BACKEND):
        raise SkipError("no backend is declared for this host")
    database, backends = look.database, look.some(BACKEND)
    ready = _ready(look, database)
    window = look.threshold("validation_order_window")
    yield note(f"took connections at {ready:%Y-%m-%d %H:%M:%S} UTC", database.name)
    for container in sorted(backends, key=lambda each: each.started_at or ready):
        yield _of_one(container, ready, window)


def _of_one(container: Container, ready: datetime, window: float) -> Evidence:
    if container.started_at is None:
        return note("was never started", container.name)
    after = (container.started_at - ready).total_seconds()
    text = f"started {abs(after):.1f} s {'after' if after >= 0 else 'before'} the database took connections"
    if after < 0 and container.running and container.health in ("unhealthy", "starting"):
        return bad(f"{text}, and is {container.health}", container.name)
    if after < 0 and not container.running:
        return bad(f"{text}, and is {container.state}", container.name)
    if container.restart_count and abs(after) <= window:
        times = "once" if container.restart_count == 1 else f"{container.restart_count} times"
        return bad(f"{text}, restarted {times} by the engine", container.name)
    return note(text, container.name)


def _ready(look: Look, database: Container) -> datetime:
    """Return when the server first took connections since its container's start."""
    ready = moment(look.source("ready")["entries"].get(database.name))
    if ready:
        return ready
    if not database.running:
        raise UnreadableError(f"{database.name} is {database.state}")
    if database.health == "healthy":
        raise SkipError("the database's log no longer tells when it took connections first")
    raise UnreadableError("the database has not taken connections yet")
