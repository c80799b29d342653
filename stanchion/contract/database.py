"""The database's settings: each computed or taken from an override, each with the reason beside it.

The declared database is a mapping (what role postgres hands to its filters and to the preflight)::

    {"stack_name": "medication-tracker", "memory": "2g", "cpus": 2,
     "pool": {"replicas": 2, "workers": 2, "pool_size": 5, "max_overflow": 10, "other": 10},
     "settings": {"work_mem": "2MB"}, "temp_file_limit": ""}

``settings(declared)`` is the content of postgresql.conf, ``problems(declared)`` everything that does not fit:
unknown names, the pool contract, the memory limit. The preflight needs to call nothing else here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stanchion.contract import memory, pool
from stanchion.contract.problem import Problem, either
from stanchion.contract.setting_names import POSTGRES_17

# What the container's layout fixes; a different value would only cut the database off.
OWNED = frozenset(
    (
        "config_file",
        "data_directory",
        "external_pid_file",
        "hba_file",
        "ident_file",
        "listen_addresses",
        "port",
        "unix_socket_directories",
    )
)
# The shut-down checkpoint writes the dirty part of shared_buffers; a slow disk takes 20 MB a second.
STOP_BYTES_A_SECOND = 20 * memory.MB
LEAST_STOP_SECONDS = 120
# Parallel queries exchange rows through /dev/shm; Docker's own 64 MB end them with an error.
LEAST_SHM = 256 * memory.MB
# temp_file_limit counts kB in 31 bits.
MOST_TEMP_FILES = (2**31 - 1) * memory.KB
# Postgres' own processes, health checks and whoever looks in with `docker exec`.
OTHER_PROCESSES = 100
PIDS_STEP = 256

_CUSTOM = re.compile(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class Setting:
    """One line of postgresql.conf."""

    section: str
    name: str
    value: str
    reason: str


def settings(declared: Mapping[str, Any]) -> list[Setting]:
    """The whole postgresql.conf, computed settings first, then what only the override names."""
    given = dict(_given(declared))
    computed = _computed(declared)
    lines = [
        Setting(s.section, s.name, literal(given.pop(s.name)), "set in postgres_settings")
        if s.name in given
        else s
        for s in computed
    ]
    extra = [
        Setting("Only here", n, literal(v), "set in postgres_settings") for n, v in sorted(given.items())
    ]
    return lines + extra


def problems(declared: Mapping[str, Any]) -> list[Problem]:
    """Everything that does not fit: setting names, then the pool contract, then the memory limit."""
    found = _name_problems(_given(declared))
    found += pool.problems(_pool(declared))
    return found or _memory_problems(declared)


def contract(declared: Mapping[str, Any]) -> pool.PoolContract:
    """The pool's figures, with what the overrides say about reserved and most connections."""
    return pool.contract(_pool(declared))


def limits(declared: Mapping[str, Any]) -> dict[str, int | str]:
    """What the container needs for these settings: seconds for a stop, bytes of /dev/shm, processes; and what
    the application's role gets, the most of temporary files."""
    plan = _plan(declared)
    processes = contract(declared).max_connections + _parallel_workers(declared) + OTHER_PROCESSES
    return {
        "stop_seconds": max(LEAST_STOP_SECONDS, 60 + plan.shared_buffers // STOP_BYTES_A_SECOND),
        "shm_bytes": max(LEAST_SHM, plan.limit // 8),
        # In steps: it cannot be changed in place, and a little larger pool shall not replace the container.
        "pids": -(-processes // PIDS_STEP) * PIDS_STEP,
        "temp_file_limit": _temp_file_limit(declared, plan),
    }


def _temp_file_limit(declared: Mapping[str, Any], plan: memory.MemoryPlan) -> str:
    """One runaway sort of the application may not fill the volume: twice the memory, where none is said."""
    wanted = declared.get("temp_file_limit")
    if wanted not in (None, ""):
        return str(wanted)
    return memory.show(min(2 * plan.limit, MOST_TEMP_FILES))


def literal(value: Any) -> str:
    """A value as postgresql.conf wants it: on/off, a bare number, or a quoted string."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    if re.fullmatch(r"[A-Za-z0-9_.]+", text):
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _given(declared: Mapping[str, Any]) -> Mapping[str, Any]:
    return {str(name).lower(): value for name, value in (declared.get("settings") or {}).items()}


def _pool(declared: Mapping[str, Any]) -> dict[str, Any]:
    given = _given(declared)
    merged = dict(declared["pool"])
    for name, setting in (
        ("max_connections", "max_connections"),
        ("superuser_reserved", "superuser_reserved_connections"),
        ("reserved", "reserved_connections"),
    ):
        if setting in given:
            merged[name] = given[setting]
    return merged


def _parallel_workers(declared: Mapping[str, Any]) -> int:
    given = _given(declared)
    return int(given.get("max_parallel_workers", max(1, int(float(declared["cpus"])))))


def _sorting_processes(declared: Mapping[str, Any]) -> int:
    return contract(declared).max_connections + _parallel_workers(declared)


def _plan(declared: Mapping[str, Any]) -> memory.MemoryPlan:
    return memory.plan(memory.docker_size(declared["memory"]), _sorting_processes(declared), _given(declared))


def _name_problems(given: Mapping[str, Any]) -> list[Problem]:
    found = []
    for name, value in given.items():
        if name in OWNED:
            found.append(
                Problem(
                    "settings-owned",
                    f"postgres_settings sets {name}, which the container's layout fixes.",
                    "Leave it out.",
                )
            )
        elif name not in POSTGRES_17 and not _CUSTOM.fullmatch(str(name)):
            near = difflib.get_close_matches(str(name), POSTGRES_17, 3, 0.6)
            found.append(
                Problem(
                    "settings-unknown",
                    f"postgres_settings sets {name!r}, which Postgres 17 does not know.",
                    f"Did you mean {' or '.join(near)}?" if near else "Leave it out.",
                )
            )
        elif not isinstance(value, str | int | float) or "\n" in str(value):
            found.append(
                Problem(
                    "settings-value",
                    f"postgres_settings sets {name} to {value!r}, which is no single value.",
                    "Give it one number, one word or one line.",
                )
            )
    return found


def _memory_problems(declared: Mapping[str, Any]) -> list[Problem]:
    try:
        plan = _plan(declared)
    except ValueError as error:
        return [
            Problem(
                "settings-value", f"postgres_settings can't be read: {error}.", "Write a size with its unit."
            )
        ]
    if plan.fits:
        return []
    given = _given(declared)
    sorting = plan.sorting_processes
    ways = []
    enough = memory.smallest_limit(sorting, given)
    if enough:
        ways.append(f"raise postgres_memory to at least {memory.show(enough)}")
    most = memory.most_sorting_processes(plan.limit, given) - _parallel_workers(declared)
    smaller = pool.proposal(_pool(declared), most) if "max_connections" not in given else None
    if smaller:
        ways.append(f"make the pool smaller ({smaller} would fit)")
    overridden = [n for n in ("shared_buffers", "work_mem", "maintenance_work_mem") if n in given]
    if overridden:
        ways.append(f"leave {' and '.join(overridden)} out of postgres_settings, so that it is computed")
    return [
        Problem(
            "memory-limit",
            f"The memory limit of {memory.show(plan.limit)} is too small for the settings: "
            f"shared_buffers {memory.show(plan.shared_buffers)} + {sorting} processes "
            f"x work_mem {memory.show(plan.work_mem)} x {plan.hash_mem_multiplier:g} + "
            f"{plan.autovacuum_max_workers} x maintenance_work_mem {memory.show(plan.maintenance_work_mem)} "
            f"+ 20 % for everything else = {memory.show(plan.worst_case // memory.MB * memory.MB)}. "
            "Past the limit, the kernel kills the database.",
            either(ways),
        )
    ]


def _archive(declared: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    if not declared.get("archive"):
        return [("archive_mode", False, "stack_backup is false: what is not backed up is lost with the disk")]
    return [
        ("archive_mode", True, "the WAL goes to the backup repositories: any moment can be restored"),
        ("archive_command", "pgbackrest-push %p", "of the image; pushes to every repository"),
        ("archive_timeout", f"{declared['archive_timeout']}s", "what a lost host costs at most"),
    ]


def _computed(declared: Mapping[str, Any]) -> list[Setting]:
    figures = contract(declared)
    plan = _plan(declared)
    parallel = _parallel_workers(declared)
    sections: dict[str, list[tuple[str, Any, str]]] = {
        "Where things are (fixed by the container's layout)": [
            ("data_directory", "/var/lib/postgresql/data", "the active volume"),
            ("hba_file", "/etc/postgresql/pg_hba.conf", "this folder, mounted read-only"),
            ("ident_file", "/etc/postgresql/pg_ident.conf", "this folder, mounted read-only"),
            (
                "unix_socket_directories",
                "/run/postgresql",
                "the operators' socket, in a root-only host folder",
            ),
            ("listen_addresses", "*", "inside the container only: no port is published, pg_hba decides"),
            ("port", 5432, "the alias db and this port are the stack's contract"),
        ],
        "Connections": [
            (
                "max_connections",
                figures.max_connections,
                f"{figures.connection_limit} for the application (its pools twice over, and one migration) "
                f"+ {figures.kept_away} kept away from it",
            ),
            (
                "superuser_reserved_connections",
                figures.superuser_reserved,
                "operators and the health check get in when everything else is taken",
            ),
            ("reserved_connections", figures.reserved, "for roles with pg_use_reserved_connections"),
            ("password_encryption", "scram-sha-256", "md5 can be replayed"),
            ("ssl", False, "the network is internal to one host; with more hosts it is encrypted itself"),
            ("tcp_keepalives_idle", 60, "a vanished client gives its connection back within two minutes"),
            ("tcp_keepalives_interval", 10, "as above"),
            ("tcp_keepalives_count", 6, "as above"),
            ("client_connection_check_interval", "10s", "a query whose client is gone stops"),
        ],
        "Memory (worst case within the container's limit)": [
            ("shared_buffers", memory.show(plan.shared_buffers), "25 % of the limit"),
            (
                "effective_cache_size",
                memory.show(plan.effective_cache_size),
                "75 % of the limit; only the planner reads it",
            ),
            (
                "work_mem",
                memory.show(plan.work_mem),
                f"{plan.sorting_processes} processes x {plan.hash_mem_multiplier:g} fit beside the rest",
            ),
            ("hash_mem_multiplier", f"{plan.hash_mem_multiplier:g}", "counted in work_mem's sum"),
            (
                "maintenance_work_mem",
                memory.show(plan.maintenance_work_mem),
                "1/32 of the limit, once for each autovacuum worker",
            ),
            ("autovacuum_max_workers", plan.autovacuum_max_workers, "counted in maintenance_work_mem's sum"),
        ],
        "Processors": [
            ("max_parallel_workers", parallel, "as many as the container has processors"),
            (
                "max_parallel_workers_per_gather",
                parallel // 2,
                "half of them, so that one report leaves room",
            ),
            ("max_parallel_maintenance_workers", parallel // 2, "as above"),
            ("max_worker_processes", 8 + parallel, "the parallel workers and Postgres' own eight"),
            ("jit", False, "short queries pay for the compiler and gain nothing; the image leaves it out"),
        ],
        "Durability": [
            ("fsync", True, "an acknowledged row survives a crash"),
            ("full_page_writes", True, "a torn page is repaired from the WAL"),
            ("synchronous_commit", True, "as fsync"),
            ("wal_level", "replica", "what a WAL archive and a standby need"),
            ("wal_compression", "lz4", "full pages shrink for little processor time"),
            ("max_wal_size", "1GB", "bounds crash recovery to seconds"),
            ("max_slot_wal_keep_size", "4GB", "a forgotten slot must not fill the volume"),
            ("checkpoint_timeout", "5min", "bounds crash recovery to seconds"),
        ],
        "WAL archive": _archive(declared),
        "Planner": [
            ("random_page_cost", 1.1, "solid-state disks"),
            ("effective_io_concurrency", 200, "solid-state disks"),
        ],
        "Log (to Docker, which rotates it)": [
            ("logging_collector", False, "standard error is Docker's log"),
            ("log_line_prefix", "%m [%p] %q%u@%d %a %h ", "when, who, from where"),
            ("log_checkpoints", True, "checkpoints too close together show"),
            ("log_lock_waits", True, "who waits for whom past deadlock_timeout"),
            ("log_temp_files", "10MB", "sorts that outgrow work_mem show"),
            ("log_autovacuum_min_duration", "10s", "long vacuums show"),
            ("log_min_duration_statement", "1s", "slow statements show"),
            ("log_parameter_max_length", 0, "values are people's data: they stay out of the log"),
            ("log_parameter_max_length_on_error", 0, "as above"),
            ("log_connections", False, "health checks and pools would fill the log"),
            ("lc_messages", "C", "whoever reads the log finds the words the manual uses"),
        ],
        "Everything else": [
            ("allow_alter_system", False, "this file is the only place; ALTER SYSTEM would be read after it"),
            ("timezone", "UTC", "one clock everywhere"),
            ("log_timezone", "UTC", "one clock everywhere"),
            ("cluster_name", str(declared["stack_name"]), "shown in the process list"),
        ],
    }
    return [
        Setting(section, name, literal(value), reason)
        for section, lines in sections.items()
        for name, value, reason in lines
    ]
