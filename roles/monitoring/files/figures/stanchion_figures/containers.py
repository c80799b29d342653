# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Figures of one container. Pure: what the engine and the kernel told comes in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stanchion_host.exposition import Sample
from stanchion_host.moments import moment

from stanchion_figures.kernel import Use

# What the engine takes where a limit of processors names no period, in microseconds.
_PERIOD = 100_000


def samples(
    labels: Mapping[str, str], found: Mapping[str, Any] | None, use: Use | None, oom_kills: int
) -> Iterator[Sample]:
    """Return what is known of a container.

    Args:
        labels: which one it is.
        found: what `inspect` tells; None for one that is not there.
        use: what its processes use; None where it has none.
        oom_kills: how often it ran out of memory.
    """
    for name, value in _values(found, use):
        yield Sample(f"stanchion_container_{name}", value, labels)
    yield Sample("stanchion_container_oom_kills_total", oom_kills, labels)


def _values(found: Mapping[str, Any] | None, use: Use | None) -> Iterator[tuple[str, int | float | None]]:
    if found is None:
        yield "running", 0
        return
    state, host = found["State"], found["HostConfig"]
    # One that is paused or restarting serves nobody; how healthy it was is no news of it.
    running = state["Status"] == "running"
    yield "running", int(running)
    yield "healthy", _healthy(state) if running else None
    yield "restarts_total", found.get("RestartCount", 0)
    yield "started_timestamp_seconds", moment(state.get("StartedAt", "")) or None
    yield "memory_limit_bytes", host.get("Memory") or None
    yield "cpu_limit", _cpu_limit(host)
    if use is not None:
        yield "memory_bytes", use.memory
        yield "cpu_seconds_total", use.cpu_seconds
        yield "cpu_periods_total", use.cpu_periods
        yield "cpu_throttled_periods_total", use.cpu_throttled_periods


def _healthy(state: Mapping[str, Any]) -> int | None:
    """Return nothing where there is no health check, or while it starts."""
    return {"healthy": 1, "unhealthy": 0}.get((state.get("Health") or {}).get("Status", ""))


def _cpu_limit(host: Mapping[str, Any]) -> float | None:
    """Return the limit as a number of processors, however it was given."""
    if host.get("NanoCpus"):
        return float(host["NanoCpus"]) / 1e9
    quota = host.get("CpuQuota") or 0
    return quota / float(host.get("CpuPeriod") or _PERIOD) if quota > 0 else None
