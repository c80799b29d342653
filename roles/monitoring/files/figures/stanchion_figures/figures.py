# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One look at everything, and the file that comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from stanchion_host import exposition, recovery_record
from stanchion_host.exposition import Sample

from stanchion_figures import containers, disks, endpoints, engine, given_up, kernel, memory, side_by_side
from stanchion_figures.engine import Look
from stanchion_figures.kernel import Use
from stanchion_figures.kills import Kills
from stanchion_figures.memory import Memory
from stanchion_figures.settings import Settings

# Everything that a look waits for has its end by then.
LONGEST = max(engine.ANSWERS_WITHIN, endpoints.ANSWERS_WITHIN) + disks.ANSWERS_WITHIN + 2.0

# name: (type, help). Nothing else is written.
METRICS = {
    "stanchion_figures_timestamp_seconds": ("gauge", "When these figures were written."),
    "stanchion_figures_engine_up": ("gauge", "Whether the Docker engine has told all that it was asked."),
    "stanchion_container_running": (
        "gauge",
        "Whether it runs, and is neither paused nor restarting; 0 also for one that is gone.",
    ),
    "stanchion_container_healthy": ("gauge", "Whether its health check says so; none while it starts."),
    "stanchion_container_restarts_total": ("counter", "How often the engine has restarted it."),
    "stanchion_container_started_timestamp_seconds": ("gauge", "When it was last started."),
    "stanchion_container_oom_kills_total": (
        "counter",
        "How often it ran out of memory, since it was first looked at.",
    ),
    "stanchion_container_memory_bytes": (
        "gauge",
        "Memory in use, but for files that nobody has read of late.",
    ),
    "stanchion_container_memory_limit_bytes": ("gauge", "Memory that it may have."),
    "stanchion_container_cpu_seconds_total": ("counter", "Processor time that it has used."),
    "stanchion_container_cpu_limit": ("gauge", "Processors that it may use."),
    "stanchion_container_cpu_periods_total": ("counter", "Periods in which its limit of processors counted."),
    "stanchion_container_cpu_throttled_periods_total": ("counter", "Of those, in how many it was held up."),
    "stanchion_disk_size_bytes": ("gauge", "Size of the file system."),
    "stanchion_disk_available_bytes": ("gauge", "What of it is left for others than root."),
    "stanchion_endpoint_up": (
        "gauge",
        "Whether a published address gave a good answer, asked from the host.",
    ),
    "stanchion_endpoint_seconds": ("gauge", "How long the answer took."),
    "stanchion_watch_gave_up": (
        "gauge",
        "Whether the watch has given up on a container within the hour.",
    ),
}


def take(settings: Settings) -> None:
    """Look once, write the figures, and remember what the next look needs.

    OSError where they can't be written; the old ones stay then, with the moment at which they were.
    """
    remembered = memory.recall(settings.folder)
    now = time.time()
    seen = _look(settings, remembered, now)
    look: Look = seen.get("engine", Look())
    uses = {name: kernel.look(found) for name, found in look.containers.items()}
    _learn(settings, remembered, look, uses, now)
    every = [*_samples(settings, remembered, look, uses)]
    every += endpoints.samples(settings.endpoints, seen.get("endpoints", {}))
    every += _given_up(settings, now)
    every += [
        Sample("stanchion_figures_engine_up", int(look.answers)),
        Sample("stanchion_figures_timestamp_seconds", time.time()),
    ]
    exposition.write(settings.figures, exposition.render(every, METRICS, {"stack": settings.stack}))
    memory.keep(settings.folder, remembered)


def _look(settings: Settings, remembered: Memory, now: float) -> dict[str, Any]:
    """Ask the engine and the addresses side by side; each has its limit, and this one is never reached."""
    questions: dict[str, Callable[[], Any]] = {
        "engine": partial(engine.look, settings, remembered.counted_until, now),
        "endpoints": partial(endpoints.look, settings.endpoints),
    }
    return side_by_side.ask(questions, max(engine.ANSWERS_WITHIN, endpoints.ANSWERS_WITHIN) + 1.0)


def _learn(
    settings: Settings, remembered: Memory, look: Look, uses: Mapping[str, Use | None], now: float
) -> None:
    """Add what was counted, and where volumes are: a disk is full when the engine does not answer, too."""
    kills = {name: remembered.oom_kills.get(name, Kills()) for name in settings.containers}
    if look.oom_kills is not None:
        remembered.counted_until = now
        for name, before in kills.items():
            found, use = look.containers.get(name), uses.get(name)
            life = f"{found['Id']} {found['State'].get('StartedAt', '')}" if found else ""
            kills[name] = before.after(look.oom_kills[name], life, use.oom_kills if use else None)
    remembered.oom_kills = kills
    named = {of: place for of, place in settings.disks.items() if place.startswith("/")}
    known = {of: path for of, path in remembered.places.items() if of in settings.disks}
    remembered.places = {**known, **look.places, **named}


def _samples(
    settings: Settings, remembered: Memory, look: Look, uses: Mapping[str, Use | None]
) -> Iterator[Sample]:
    for name, found in look.containers.items():
        labels = {"container": name, "role": settings.containers[name]}
        yield from containers.samples(labels, found, uses[name], remembered.oom_kills[name].count)
    yield from disks.look(remembered.places)


def _given_up(settings: Settings, now: float) -> list[Sample]:
    """Return nothing where the record can't be read: that is no word of the watch."""
    try:
        record = recovery_record.records(settings.recovery)
    except OSError:
        return []
    return [*given_up.samples(settings.watched, record, now)]
