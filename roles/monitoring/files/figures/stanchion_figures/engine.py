# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the Docker engine tells, asked over its socket, all of it within a few seconds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from stanchion_host.docker_api import DEFAULT_HOST, Engine, EngineError

from stanchion_figures import side_by_side
from stanchion_figures.settings import Settings

STACK_LABEL = "io.stanchion.stack"
# An engine that is alive answers within milliseconds; on a busy host, within seconds.
ANSWERS_WITHIN = 6.0

Told = Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """What the engine told; what it did not tell is missing."""

    # By name, what `inspect` tells; None for a container that is not there, or not of this stack.
    containers: dict[str, Told | None] = field(default_factory=dict)
    # Where disks are that the settings do not name by a path, by what they are called.
    places: dict[str, str] = field(default_factory=dict)
    # Kills for want of memory from `counted_from` until `now`; None where it did not tell.
    oom_kills: Counter[str] | None = None
    # Whether it has told of every container, and of what happened.
    answers: bool = False


def look(settings: Settings, counted_from: float, now: float) -> Look:
    """Ask the engine everything.

    Args:
        settings: what is asked about.
        counted_from: until when kills are counted already, in Unix seconds; 0 for never.
        now: until when they are counted now.
    """
    host = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    engine = Engine(host, ANSWERS_WITHIN)
    # Of the time before the first look nothing is counted, nor of a future that a clock put back has made.
    since = counted_from if 0 < counted_from < now else now
    questions: dict[tuple[str, str], Callable[[], Any]] = {
        ("events", ""): partial(_oom_kills, engine, settings.stack, since, now)
    }
    for name in settings.containers:
        questions["container", name] = partial(_container, engine, settings.stack, name)
    for of, place in settings.disks.items():
        if not place.startswith("/"):
            questions["disk", of] = partial(_place, engine, place)
    told = side_by_side.ask(questions, ANSWERS_WITHIN)
    containers = {
        name: told["container", name] for name in settings.containers if ("container", name) in told
    }
    return Look(
        containers=containers,
        places={of: told["disk", of] for of in settings.disks if told.get(("disk", of))},
        oom_kills=told.get(("events", "")),
        answers=("events", "") in told and len(containers) == len(settings.containers),
    )


def _container(engine: Engine, stack: str, name: str) -> Told | None:
    """Return what `inspect` tells of a container; None where this stack has none of this name."""
    try:
        found: Told = engine.get(f"/containers/{quote(name)}/json")
    except EngineError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise
    return found if (found["Config"].get("Labels") or {}).get(STACK_LABEL) == stack else None


def _place(engine: Engine, volume: str) -> str:
    """Return where a volume is on the host, or without one all that is the engine's; empty for nowhere."""
    try:
        if volume:
            return str(engine.get(f"/volumes/{quote(volume)}")["Mountpoint"])
        return str(engine.get("/info")["DockerRootDir"])
    except EngineError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return ""
        raise


def _oom_kills(engine: Engine, stack: str, since: float, until: float) -> Counter[str]:
    """Count the kills from `since` on and before `until`, by container: so none is counted twice."""
    # The question says milliseconds, so a moment more is asked for.
    label = f"{STACK_LABEL}={stack}"
    told = engine.events(since - 1, type=["container"], event=["oom"], label=[label])
    return Counter(
        str(each["Actor"]["Attributes"].get("name", ""))
        for each in told
        if since <= each["timeNano"] / 1e9 < until
    )
