# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is a container alive, to be left alone, or dead? Pure: what was told and what was answered come in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stanchion_host.moments import moment

from stanchion_watch.settings import BACKEND, DATABASE, RESTART, START

ALIVE, LEFT, DEAD = "alive", "left", "dead"
# What the database's probe says of a server that will serve by itself, or serves others.
_RECOVERS = re.compile(r"recover|starting|rejecting|shutting down|saturated|too many|connection slots", re.I)
# The engine would have started it again: somebody has stopped it.
_RESTARTS = ("always", "unless-stopped")
# Where a database's container has its data (roles/postgres/vars/main.yml).
_DATA = "/var/lib/postgresql/data"
# Of a container that was made without a stop time-out.
_STOP_SECONDS = 10


@dataclass(frozen=True)
class Seen:
    """What the engine knows of a container. Moments are Unix seconds, 0 for never."""

    name: str
    role: str
    id: str
    status: str
    error: str
    started: float
    finished: float
    policy: str
    stop_seconds: int
    # Empty without a health check.
    health: str
    health_output: str
    # Where a port of it can be asked from the host: the published one first.
    addresses: tuple[tuple[str, int], ...]
    # Of a database: the volume that holds its data.
    data: str

    @property
    def life(self) -> str:
        """Return what is another one after each start."""
        return f"{self.id} {self.started:.3f}"


@dataclass(frozen=True)
class Verdict:
    """How it is; a dead one has the remedy."""

    state: str
    why: str
    remedy: str = ""


def seen(found: Mapping[str, Any], role: str, port: int) -> Seen:
    """Read what `docker inspect` told."""
    state, config, host = found["State"], found["Config"], found["HostConfig"]
    health = state.get("Health") or {}
    log = health.get("Log") or []
    return Seen(
        name=found["Name"].lstrip("/"),
        role=role,
        id=found["Id"],
        status=state["Status"],
        error=(state.get("Error") or "").strip(),
        started=moment(state.get("StartedAt", "")),
        finished=moment(state.get("FinishedAt", "")),
        policy=(host.get("RestartPolicy") or {}).get("Name", ""),
        stop_seconds=_STOP_SECONDS if config.get("StopTimeout") is None else int(config["StopTimeout"]),
        health=health.get("Status", "").replace("none", ""),
        health_output=str(log[-1].get("Output", "")).strip() if log else "",
        addresses=tuple(_addresses(found.get("NetworkSettings") or {}, port)),
        data=next(
            (each.get("Name", "") for each in found.get("Mounts") or () if each["Destination"] == _DATA), ""
        ),
    )


def _addresses(network: Mapping[str, Any], port: int) -> list[tuple[str, int]]:
    published = (network.get("Ports") or {}).get(f"{port}/tcp") or []
    everywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
    found = [
        (everywhere.get(each["HostIp"], each["HostIp"]), int(each["HostPort"]))
        for each in published
        if each.get("HostPort")
    ]
    own = [each.get("IPAddress") or "" for each in (network.get("Networks") or {}).values()]
    return found + [(address, port) for address in own if address]


def is_asked(container: Seen) -> bool:
    """Say whether it has to be asked itself before it can be judged."""
    if container.status != "running":
        return False
    if container.role == BACKEND:
        return bool(container.addresses)
    return container.health == "unhealthy" and not _RECOVERS.search(container.health_output)


def judge(container: Seen, answered: bool | None, stopped_by_watch: bool = False) -> Verdict:
    """Return how a container is.

    Args:
        container: what the engine knows.
        answered: whether it gave any answer at all; None where it was not asked (`is_asked`).
        stopped_by_watch: a restart by the watch itself was interrupted before it had started again.
    """
    if container.status == "exited":
        return _judge_exited(container, stopped_by_watch)
    if container.status != "running":
        # paused, created, restarting, removing, dead: the engine, a deploy or a person is at work.
        return Verdict(LEFT, f"is {container.status}")
    if container.role == DATABASE:
        return _judge_database(container, answered)
    if answered is None:
        return Verdict(LEFT, "has no address at which it could be asked")
    if answered:
        return Verdict(ALIVE, "answers")
    return Verdict(DEAD, "runs, and gives no answer of any kind to a request", RESTART[BACKEND])


def _judge_exited(container: Seen, stopped_by_watch: bool) -> Verdict:
    start = START[container.role]
    if stopped_by_watch:
        return Verdict(DEAD, "was being restarted by the watch, which was interrupted", start)
    if container.policy not in _RESTARTS:
        return Verdict(LEFT, f"has ended, and is not to be restarted ({container.policy or 'no policy'})")
    if container.error:
        # After this the engine tries no more.
        return Verdict(DEAD, f"could not be started by the engine: {container.error}", start)
    return Verdict(LEFT, "was stopped by hand")


def _judge_database(container: Seen, answered: bool | None) -> Verdict:
    if not container.health:
        return Verdict(LEFT, "has no health check")
    if container.health != "unhealthy":
        return Verdict(ALIVE, f"is {container.health}")
    if answered is None:
        return Verdict(ALIVE, f"says: {container.health_output}")
    if answered:
        return Verdict(ALIVE, "is unhealthy, and answers whoever connects")
    return Verdict(
        DEAD,
        f"runs, and answers no connection ({container.health_output or 'its health check says nothing'})",
        RESTART[DATABASE],
    )
