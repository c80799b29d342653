"""The database's memory: what fits into a container's limit, and the smallest limit that would do.

The worst case, after which the container's out-of-memory killer would strike, is counted as::

    shared_buffers
    + (max_connections + max_parallel_workers) x work_mem x hash_mem_multiplier
    + autovacuum_max_workers x maintenance_work_mem
    + 20 % of the limit for everything else (process memory, WAL buffers, the page cache's minimum)

``plan`` takes figures from overrides where there are some, and computes the others so that the sum stays
within the limit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KB = 1024
MB = 1024 * KB
GB = 1024 * MB

# Below this, ordinary sorts and hashes of a small application spill to disk.
LEAST_WORK_MEM = MB
MOST_WORK_MEM = GB
# Postgres refuses less than 64 kB of it, and vacuum of a small table is slow below this.
LEAST_MAINTENANCE_WORK_MEM = 16 * MB
MOST_MAINTENANCE_WORK_MEM = GB
MOST_LIMIT = 4096 * GB
AUTOVACUUM_WORKERS = 3
HASH_MEM_MULTIPLIER = 2.0

_UNITS = {"B": 1, "kB": KB, "MB": MB, "GB": GB, "TB": 1024 * GB}
# What Postgres takes a bare number for.
_BARE = {"shared_buffers": 8 * KB, "effective_cache_size": 8 * KB}
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(B|kB|MB|GB|TB)?\s*")
# What Docker's engine, its log driver and Ansible's human_to_bytes all take, and take alike.
_DOCKER_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([Bb]|[kmgt]|[KMGT]B?)?")
_DOCKER_UNITS = {"": 1, "b": 1, "k": KB, "m": MB, "g": GB, "t": 1024 * GB}


@dataclass(frozen=True)
class MemoryPlan:
    """How a limit is divided; all sizes in bytes."""

    limit: int
    shared_buffers: int
    effective_cache_size: int
    work_mem: int
    maintenance_work_mem: int
    autovacuum_max_workers: int
    hash_mem_multiplier: float
    sorting_processes: int

    @property
    def kept(self) -> int:
        return self.limit // 5

    @property
    def worst_case(self) -> int:
        sorts = self.sorting_processes * self.work_mem * self.hash_mem_multiplier
        vacuum = self.autovacuum_max_workers * self.maintenance_work_mem
        return int(self.shared_buffers + sorts + vacuum + self.kept)

    @property
    def fits(self) -> bool:
        return self.worst_case <= self.limit


def plan(limit: int, sorting_processes: int, overrides: Mapping[str, Any] | None = None) -> MemoryPlan:
    """Divide `limit` bytes among the settings. Where too little is left, work_mem stays at its least figure
    and the plan does not fit."""
    given = overrides or {}
    shared_buffers = _override(given, "shared_buffers", limit // 4)
    maintenance = _override(
        given,
        "maintenance_work_mem",
        max(LEAST_MAINTENANCE_WORK_MEM, min(MOST_MAINTENANCE_WORK_MEM, limit // 32)),
    )
    workers = int(given.get("autovacuum_max_workers", AUTOVACUUM_WORKERS))
    multiplier = float(given.get("hash_mem_multiplier", HASH_MEM_MULTIPLIER))
    left = limit - limit // 5 - shared_buffers - workers * maintenance
    each = int(left / (sorting_processes * multiplier))
    return MemoryPlan(
        limit=limit,
        shared_buffers=shared_buffers,
        effective_cache_size=_override(given, "effective_cache_size", limit // 4 * 3),
        work_mem=_override(
            given, "work_mem", max(LEAST_WORK_MEM, min(MOST_WORK_MEM, each // (64 * KB) * 64 * KB))
        ),
        maintenance_work_mem=maintenance,
        autovacuum_max_workers=workers,
        hash_mem_multiplier=multiplier,
        sorting_processes=sorting_processes,
    )


def smallest_limit(sorting_processes: int, overrides: Mapping[str, Any] | None = None) -> int | None:
    """The smallest limit, in whole MB, into which the settings fit; None where no limit would do."""
    low, high = 1, MOST_LIMIT // MB
    if not plan(high * MB, sorting_processes, overrides).fits:
        return None
    while low < high:
        middle = (low + high) // 2
        if plan(middle * MB, sorting_processes, overrides).fits:
            high = middle
        else:
            low = middle + 1
    return low * MB


def most_sorting_processes(limit: int, overrides: Mapping[str, Any] | None = None) -> int:
    """How many processes `limit` feeds when each gets the least work_mem."""
    one = plan(limit, 1, overrides)
    each = _override(overrides or {}, "work_mem", LEAST_WORK_MEM) * one.hash_mem_multiplier
    left = limit - one.kept - one.shared_buffers - one.autovacuum_max_workers * one.maintenance_work_mem
    return max(0, int(left / each))


def size(setting: str, value: Any) -> int:
    """A setting's value in bytes, read as Postgres reads it; ValueError where it is no size."""
    match = _SIZE.fullmatch(str(value))
    if not match:
        raise ValueError(f"{setting} is {value!r}, which is no size (write it like 512MB)")
    return int(float(match[1]) * (_UNITS[match[2]] if match[2] else _BARE.get(setting, KB)))


def docker_size(value: Any) -> int:
    """A limit in bytes, read as Docker reads it: 512m, 4g, or a bare number of bytes; ValueError where it is
    no size."""
    match = _DOCKER_SIZE.fullmatch(str(value))
    if not match:
        raise ValueError(f"{value!r} is no size (write it like 512m or 4g)")
    return int(float(match[1]) * _DOCKER_UNITS[(match[2] or "").lower()[:1]])


def show(value: int) -> str:
    """Bytes as Postgres writes them: 512MB, 3264kB."""
    return f"{value // MB}MB" if value % MB == 0 else f"{value // KB}kB"


def _override(given: Mapping[str, Any], name: str, computed: int) -> int:
    if name in given:
        return size(name, given[name])
    # Whole megabytes read better, where there are enough of them.
    return computed // MB * MB if computed >= 4 * MB else computed
