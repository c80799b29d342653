"""The pool contract: how many connections the backend can ask for, and what the database must offer.

A declared pool is a mapping::

    {"replicas": 2, "workers": 2, "pool_size": 5, "max_overflow": 10, "companions": 0, "hosts": 1,
     "superuser_reserved": 3, "reserved": 5, "other": 10, "max_connections": None}

The first five are the backend's on each of its hosts, where companions have workers and pools as replicas
do; ``hosts`` says how many those are. The next three are kept away from it. All but the first four may be
left out (their defaults are the ones above).
``max_connections`` is there only where somebody overrides the computed figure.

``contract(pool)`` computes, ``problems(pool)`` says what does not fit and which numbers would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stanchion.contract.problem import Problem, either

SUPERUSER_RESERVED = 3
RESERVED = 5
OTHER = 10

# Postgres' own ceiling (MAX_BACKENDS) is far higher; past this the process table, not memory, is the limit.
MOST_CONNECTIONS = 10_000

# Past these an image may refuse to start, as the reference backend does: the contract promises no more.
MOST_WORKERS = 64
MOST_POOL = 200

_ONE_EACH = "stack_db_pool_size=1 and stack_db_max_overflow=0"


@dataclass(frozen=True)
class PoolContract:
    """The figures that follow from a declared pool."""

    demand: int
    connection_limit: int
    kept_away: int
    needed: int
    max_connections: int
    superuser_reserved: int
    reserved: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class _Pool:
    replicas: int
    workers: int
    pool_size: int
    max_overflow: int
    companions: int
    hosts: int
    superuser_reserved: int
    reserved: int
    other: int
    max_connections: int | None

    @property
    def members(self) -> int:
        return self.replicas + self.companions

    @property
    def processes(self) -> int:
        return self.hosts * self.members * self.workers

    @property
    def kept_away(self) -> int:
        return self.superuser_reserved + self.reserved + self.other


def contract(pool: Mapping[str, Any]) -> PoolContract:
    """The demand, twice over for the overlap of a replace, a migration a host, and what is kept away."""
    p = _read(pool)
    demand = p.processes * (p.pool_size + p.max_overflow)
    limit = 2 * demand + p.hosts
    needed = limit + p.kept_away
    return PoolContract(
        demand=demand,
        connection_limit=limit,
        kept_away=p.kept_away,
        needed=needed,
        max_connections=needed if p.max_connections is None else p.max_connections,
        superuser_reserved=p.superuser_reserved,
        reserved=p.reserved,
    )


def problems(pool: Mapping[str, Any]) -> list[Problem]:
    """Everything in the declared pool that is no arithmetic or does not fit, each with numbers that do."""
    try:
        p = _read(pool)
    except (KeyError, TypeError, ValueError) as error:
        return [
            Problem(
                "pool-unreadable",
                f"The pool contract needs whole numbers and got {dict(pool)!r} ({error}).",
                "Set stack_backend_replicas, stack_backend_workers, stack_db_pool_size and "
                "stack_db_max_overflow to whole numbers.",
            )
        ]
    return _range_problems(p) or _fit_problems(p, contract(pool))


def proposal(pool: Mapping[str, Any], max_connections: int) -> str | None:
    """Pool numbers that fit into `max_connections`; None where not even one connection a replica does."""
    p = _read(pool)
    room = (max_connections - p.kept_away - p.hosts) // 2
    if room < p.hosts * (1 + p.companions):
        return None
    if room < p.hosts * p.members:
        return (
            f"stack_backend_replicas={room // p.hosts - p.companions}, stack_backend_workers=1, {_ONE_EACH}"
        )
    each = room // p.processes
    if each < 1:
        return f"stack_backend_workers={room // (p.hosts * p.members)}, {_ONE_EACH}"
    size = min(p.pool_size, each)
    return f"stack_db_pool_size={size} and stack_db_max_overflow={min(each - size, p.max_overflow)}"


def _read(pool: Mapping[str, Any]) -> _Pool:
    override = pool.get("max_connections")
    return _Pool(
        replicas=int(pool["replicas"]),
        workers=int(pool["workers"]),
        pool_size=int(pool["pool_size"]),
        max_overflow=int(pool["max_overflow"]),
        companions=int(pool.get("companions", 0)),
        hosts=int(pool.get("hosts", 1)),
        superuser_reserved=int(pool.get("superuser_reserved", SUPERUSER_RESERVED)),
        reserved=int(pool.get("reserved", RESERVED)),
        other=int(pool.get("other", OTHER)),
        max_connections=None if override in (None, "") else int(override),
    )


def _range_problems(p: _Pool) -> list[Problem]:
    found = [
        Problem(
            "pool-range",
            f"{variable} is {value}: the contract with the image ends at {most}.",
            f"Set it to {most} or less.",
        )
        for variable, value, most in (
            ("stack_backend_workers", p.workers, MOST_WORKERS),
            ("stack_db_pool_size", p.pool_size, MOST_POOL),
            ("stack_db_max_overflow", p.max_overflow, MOST_POOL),
        )
        if value > most
    ]
    for variable, value, least, why in (
        ("stack_backend_replicas", p.replicas, 1, "no backend would run"),
        ("stack_backend_workers", p.workers, 1, "no process would answer"),
        ("stack_db_pool_size", p.pool_size, 1, "SQLAlchemy reads 0 as a pool without an end"),
        ("stack_db_max_overflow", p.max_overflow, 0, "SQLAlchemy reads -1 as a pool without an end"),
        (
            "superuser_reserved_connections in postgres_settings",
            p.superuser_reserved,
            1,
            "no operator could get in",
        ),
        ("reserved_connections in postgres_settings", p.reserved, 0, "it is a number of connections"),
        ("postgres_other_connections", p.other, 0, "it is a number of connections"),
    ):
        if value < least:
            found.append(
                Problem("pool-range", f"{variable} is {value}: {why}.", f"Set it to {least} or more.")
            )
    return found


def _fit_problems(p: _Pool, figures: PoolContract) -> list[Problem]:
    hosts = f"{p.hosts} hosts x " if p.hosts > 1 else ""
    migrations = f"one for the migration of each of {p.hosts} hosts" if hosts else "one for the migration"
    companions = f"{p.companions} companions" if p.companions > 1 else "1 companion"
    members = f"({p.replicas} replicas + {companions})" if p.companions else f"{p.replicas} replicas"
    sum_up = (
        f"{hosts}{members} x {p.workers} workers x ({p.pool_size} + {p.max_overflow}) = "
        f"{figures.demand} connections, doubled while a replica is replaced, plus {migrations} = "
        f"{figures.connection_limit}, plus {p.kept_away} kept for operators, exporter and backup = "
        f"{figures.needed}"
    )
    most = min(figures.max_connections, MOST_CONNECTIONS)
    if figures.needed <= most:
        return []
    ways = []
    if figures.needed <= MOST_CONNECTIONS:
        ways.append(f"raise max_connections in postgres_settings to {figures.needed} (or leave it out)")
    smaller = proposal(p.__dict__, most)
    if smaller:
        ways.append(f"make the pool smaller, {smaller} would fit")
    if not ways:
        ways.append("lower postgres_other_connections, or the reserved connections in postgres_settings")
    return [
        Problem(
            "pool-contract",
            f"The connection pool does not fit: {sum_up}, and max_connections is {most}.",
            either(ways),
        )
    ]
