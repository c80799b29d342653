"""The application's connection pools: do they fit, can they wait for ever, who holds what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from stanchion.checks.container import BACKEND, POSTGRES, Container
from stanchion.checks.look import Look, Row
from stanchion.checks.model import Evidence, Level, Phase, SkipError, bad, note, warn
from stanchion.checks.pool_view import (
    OVERFLOW,
    SIZE,
    THREADS,
    TIMEOUT,
    Pool,
    Told,
    all_told,
    gunicorn_option,
    pool_of,
    pools,
    told,
    told_by_container,
    word_value,
)
from stanchion.checks.registry import (
    CRITICAL,
    DEPLOY,
    FILE,
    INFO,
    PREFLIGHT,
    RUNTIME,
    WARNING,
    Threshold,
    check,
)
from stanchion.checks.words import count
from stanchion.contract.pool import OTHER, SUPERUSER_RESERVED

SQLALCHEMY = "SQLAlchemy manual, Connection Pooling and Error Messages"
# What Postgres has where nobody says otherwise.
POSTGRES_MAX_CONNECTIONS = 100
# The names that a look gives its own sessions.
OWN_SESSIONS = ("stanchion", "stanchion-inside")


@check(
    "pool.arithmetic",
    rows="POOL-01",
    title="The database has a connection for everything that the pools may open",
    phases=(PREFLIGHT, DEPLOY, RUNTIME, FILE),
    severity=CRITICAL,
    why="Under load each worker opens its pool and its overflow. Where the sum is more than the database "
    "takes, requests fail with 'too many clients', first of all while a replica is replaced.",
    remedy="Make stack_db_pool_size, stack_db_max_overflow, stack_backend_workers or stack_backend_replicas "
    "smaller, or leave max_connections out of postgres_settings, and deploy.",
    source=f"{SQLALCHEMY}: a pool opens pool_size + max_overflow connections in each process; "
    "PostgreSQL manual, max_connections",
    reads=("containers",),
    reads_running=("sql.settings",),
    part=POSTGRES,
)
def arithmetic(look: Look) -> Iterator[Evidence]:
    if look.phase is Phase.FILE:
        yield from _fits_in_file(look)
    elif look.phase is Phase.PREFLIGHT:
        declared = look.postgres["pool"]
        reserved = declared["superuser_reserved"] + declared["reserved"]
        yield _fits(look, declared["demand"], declared["max_connections"], reserved)
    else:
        yield from _fits_really(look)


def _fits_really(look: Look) -> Iterator[Evidence]:
    """Ask it of what runs here; of other hosts' backends only what is declared is known."""
    hosts = _hosts(look)
    demand = look.postgres["pool"]["demand"]
    if look.has(BACKEND):
        demand = demand // hosts * (hosts - 1) + sum(pool.connections for pool in pools(look))
    most = int(look.settings["max_connections"]["setting"])
    reserved = sum(
        int(look.settings[name]["setting"])
        for name in ("superuser_reserved_connections", "reserved_connections")
    )
    yield _fits(look, demand, most, reserved)
    if look.has(BACKEND):
        yield from map(_pool_itself, pools(look))


def _fits(look: Look, demand: int, most: int, reserved: int) -> Evidence:
    """Say whether twice the demand, for the overlap of a replacement, and everybody else find room."""
    hosts, other = _hosts(look), int(look.postgres["declared"]["pool"]["other"])
    needed = 2 * demand + hosts + other + reserved
    figures = (
        f"2 x {demand} connections (twice while a replica is replaced), {hosts} for migrations, {other} for "
        f"others and {reserved} reserved are {needed}, and max_connections is {most}"
    )
    return bad(figures) if needed > most else note(figures)


def _hosts(look: Look) -> int:
    return int(look.postgres["declared"]["pool"]["hosts"])


def _pool_itself(pool: Pool) -> Evidence:
    if pool.endless:
        return bad(f"{pool}, and no end", pool.container, f"environment.{OVERFLOW}")
    return note(str(pool), pool.container)


def _fits_in_file(look: Look) -> Iterator[Evidence]:
    database = look.database
    most = _most_in_command(database)
    found = pools(look)
    demand = sum(pool.connections for pool in found)
    room = most - SUPERUSER_RESERVED
    figures = f"the pools may open {demand} connections, and max_connections {most} leaves {room}"
    if demand > room:
        yield bad(figures, database.name, "command")
    elif demand + OTHER > room:
        yield warn(
            f"{figures}: fewer than {OTHER} for migrations, backups and people", database.name, "command"
        )
    else:
        yield note(figures, database.name)
    yield from map(_pool_itself, found)


def _most_in_command(database: Container) -> int:
    """Return max_connections as the command sets it, or Postgres' own."""
    words = database.command
    if any("config_file=" in word for word in words):
        raise SkipError("the database's settings are in a file of its own")
    named = word_value([word.removeprefix("-c") for word in words if word != "-c"], "max_connections")
    return int(named or word_value(words, "--max_connections") or POSTGRES_MAX_CONNECTIONS)


@check(
    "pool.overflow_bounded",
    rows="POOL-02",
    title="Every pool has an end",
    phases=(PREFLIGHT, DEPLOY, RUNTIME, FILE),
    severity=WARNING,
    why="SQLAlchemy takes a max_overflow of -1, and a pool_size of 0, for a pool without an end. It moves "
    "the queue from the pool into the database, until that refuses everybody.",
    remedy="Set stack_db_max_overflow to 0 or more and stack_db_pool_size to 1 or more, and deploy.",
    source=f"{SQLALCHEMY} (QueuePool limit)",
    reads=("containers",),
    part=BACKEND,
)
def overflow_bounded(look: Look) -> Iterator[Evidence]:
    for pool in pools(look):
        if pool.overflow < 0:
            yield _endless(pool.container, OVERFLOW, pool.overflow)
        if pool.size < 1:
            yield _endless(pool.container, SIZE, pool.size)
        if not pool.endless:
            yield note(f"at most {pool.each} connections a worker", pool.container)


def _endless(container: str, name: str, value: int) -> Evidence:
    return bad(f"{name} is {value}: a pool without an end", container, f"environment.{name}")


@check(
    "pool.threads",
    rows="POOL-03",
    title="Requests that wait for a connection leave threads for the others",
    phases=(DEPLOY, RUNTIME, FILE),
    severity=WARNING,
    why="With more threads than connections, requests wait in the pool. Where nothing bounds how many, a "
    "slow query takes all threads, and not even the health check is answered.",
    remedy="Set WEB_THREADS (in backend_environment) to at most DB_POOL_SIZE + DB_MAX_OVERFLOW, or let the "
    "application refuse more than some requests and tell so (db_pool_threads, db_pool_admitted).",
    source=f"{SQLALCHEMY} (30 threads and 15 connections); ours: an application that admits fewer requests "
    "than it has threads is as safe, as the reference backend does",
    reads=("containers",),
    reads_running=("metrics",),
    part=BACKEND,
)
def threads(look: Look) -> Iterator[Evidence]:
    yield from _of_each_backend(
        look, _threads_of, f"nothing says how many threads a worker has: no {THREADS}, no db_pool_threads"
    )


def _of_each_backend(
    look: Look, judge: Callable[[Container, Told | None], Evidence | None], unsaid: str
) -> list[Evidence]:
    """Judge each backend by its settings and what it tells; skip where none says enough."""
    known = told_by_container(look)
    judged = (judge(container, known.get(container.name)) for container in look.containers(BACKEND))
    seen = [evidence for evidence in judged if evidence is not None]
    if not seen:
        raise SkipError(unsaid)
    return seen


def _threads_of(container: Container, telling: Told | None) -> Evidence | None:
    pool = pool_of(container)
    workers = pool.workers if pool else 1
    by_environment = container.values.get(THREADS, "")
    each = int(by_environment) if by_environment.isdigit() else gunicorn_option(container, "threads")
    total = telling["threads"] if telling else None
    if total is None and each is not None:
        total = workers * each
    if total is None or pool is None:
        return None
    admitted = telling["admitted"] if telling else None
    figures = f"{total:g} threads share {pool.connections} connections"
    key = f"environment.{THREADS if by_environment else 'GUNICORN_CMD_ARGS'}"
    if total <= pool.connections:
        return note(figures, container.name)
    if admitted is not None and admitted < total:
        return note(f"{figures}; {admitted:g} of them may hold or await one", container.name)
    return bad(f"{figures}, and nothing bounds how many wait for one", container.name, key)


@check(
    "pool.pre_ping",
    rows="POOL-04",
    title="A pooled connection is tried before it is used",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="After a restart of the database every pooled connection is dead. Without the try, each of them "
    "costs one request an error.",
    remedy="Set DB_POOL_PRE_PING to 1 (or take it out of backend_environment) and deploy; in another "
    "application create the engine with pool_pre_ping=True.",
    source=f"{SQLALCHEMY} (Disconnect Handling, Pessimistic)",
    reads=("metrics",),
    part=BACKEND,
)
def pre_ping(look: Look) -> Iterator[Evidence]:
    telling = [each for each in all_told(look) if each["pre_ping"] is not None]
    if not telling:
        raise SkipError("the application does not tell whether it tries its connections (db_pool_pre_ping)")
    for each in telling:
        if each["pre_ping"]:
            yield note("tries a connection before it is used", each.container)
        else:
            yield bad("uses pooled connections untried", each.container)


@check(
    "pool.timeout_order",
    rows="POOL-05",
    title="A request gives up its wait for a connection before its worker is killed",
    phases=(DEPLOY, RUNTIME, FILE),
    severity=WARNING,
    why="SQLAlchemy's wait and gunicorn's time-out are both 30 s by default. A worker that is killed while "
    "it waits takes its other requests along, and nobody reads the pool's error.",
    remedy="Set backend_pool_timeout below the worker's time-out (gunicorn's --timeout) and deploy.",
    source="SQLAlchemy's QueuePool and gunicorn's timeout, both 30 s; ours: the order follows from what "
    "each does",
    reads=("containers",),
    reads_running=("metrics",),
    part=BACKEND,
)
def timeout_order(look: Look) -> Iterator[Evidence]:
    yield from _of_each_backend(
        look, _order_of, "nothing says when a worker is killed: no GUNICORN_CMD_ARGS, no metric"
    )


def _order_of(container: Container, telling: Told | None) -> Evidence | None:
    killed = telling["worker_timeout_seconds"] if telling else None
    if killed is None:
        killed = gunicorn_option(container, "timeout")
    try:
        wait = float(container.values[TIMEOUT])
    except (KeyError, ValueError):
        wait = (telling["timeout_seconds"] if telling else None) or 30.0
    if killed is None:
        return None
    figures = f"a request waits {wait:g} s for a connection, and a worker is killed after {killed:g} s"
    if wait < killed or not killed:  # gunicorn's 0 is never
        return note(figures, container.name)
    return bad(figures, container.name, f"environment.{TIMEOUT}")


@check(
    "pool.forked_sockets",
    rows="POOL-06",
    title="No connection is held by two processes",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Two processes that write into one connection get each other's answers: wrong rows, broken protocol.",
    remedy="Make the engine in each worker, after the fork: take preload_app away, or call "
    "engine.dispose(close=False) in gunicorn's post_fork.",
    source="SQLAlchemy manual, Using Connection Pools with Multiprocessing; gunicorn manual, preload_app",
    reads=("sockets",),
    part=BACKEND,
)
def forked_sockets(look: Look) -> Iterator[Evidence]:
    for name, entry in look.source("sockets")["entries"].items():
        for shared in entry["shared"]:
            port = entry["local_ports"].get(shared["socket"])
            pids = " and ".join(map(str, shared["pids"]))
            yield bad(f"the connection from port {port} is held by the processes {pids}", name)
        if not entry["shared"]:
            workers = len(entry["holders"])
            yield note(
                f"{workers} processes hold {len(entry['local_ports'])} connections, each its own", name
            )


@check(
    "pool.application_name",
    rows="POOL-07",
    title="Every connection of the application says whose it is",
    phases=(DEPLOY, RUNTIME),
    severity=INFO,
    why="Without, a lock or a long query is known by an address only, which changes with every replaced "
    "container.",
    remedy="Deploy: the role gives every container PGAPPNAME, which libpq takes where the application says "
    "nothing of its own.",
    source="ours: what holds a lock has to be found in seconds",
    reads=("sql.activity",),
    part=POSTGRES,
)
def application_name(look: Look) -> Iterator[Evidence]:
    rows = sessions(look)
    nameless = Counter(str(row["address"] or "the socket") for row in rows if not row["application"])
    for address, number in sorted(nameless.items()):
        yield bad(
            f"{count(number, 'connection')} from {address} without application_name",
            look.stack["database_user"],
        )
    if not nameless:
        yield note(f"{count(len(rows), 'connection')}, each with a name", look.stack["database_user"])


def sessions(look: Look) -> list[Row]:
    """Return the sessions of the application's role, the look's own left out."""
    return [
        row
        for row in look.rows("activity")
        if row["role"] == look.stack["database_user"] and row["application"] not in OWN_SESSIONS
    ]


@check(
    "pool.attribution",
    rows="POOL-07",
    title="Every connection of the application has a known holder, and no pool is used up",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Connections that belong to nobody known take the room of the replicas, and use a password that only "
    "those should have. A pool that is used up makes requests wait; whether the pool is too small or the "
    "database too slow decides what helps.",
    remedy="Of an unknown holder: find it by its address (`docker network inspect NETWORK`), stop it, and "
    "change the role's password. Of a used-up pool: do what its evidence says of the bottleneck.",
    source="ours: pg_stat_activity joined with the containers' addresses and their processes' sockets",
    reads=("sql.activity", "containers", "sockets", "metrics"),
    thresholds=(
        Threshold(
            "validation_pool_used_percent",
            90,
            "%",
            "ours: what is left above it is gone with one burst of requests",
        ),
    ),
    part=POSTGRES,
)
def attribution(look: Look) -> Iterator[Evidence]:
    rows = sessions(look)
    yield from _bottleneck(look, rows)
    holders = _Holders(look)
    held: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        held.setdefault(holders.of(row), []).append(row)
    several_hosts = _hosts(look) > 1
    for (container, process), mine in sorted(held.items()):
        text = f"{process}: {_sessions_text(mine)}"
        if container:
            yield note(text, container)
        elif several_hosts:
            yield note(f"{text}; no container of this host, but backends run on others", "another host")
        else:
            yield bad(f"{text}; the address belongs to no container of the stack", "unknown holder")


class _Holders:
    """Who is at the other end of a session: the container by its address, the process by its port."""

    def __init__(self, look: Look) -> None:
        entries = look.source("containers")["entries"]
        self._by_address = {
            attached["ip"]: entry["name"]
            for entry in entries
            for attached in entry["networks"].values()
            if attached["ip"]
        }
        self._database = look.database.name
        self._sockets: Mapping[str, Row] = look.source("sockets")["entries"]

    def of(self, row: Row) -> tuple[str, str]:
        """Return container and process of a session; an empty container where the address is nobody's."""
        if row["address"] is None:
            return self._database, "by the operators' socket"
        container = self._by_address.get(row["address"], "")
        if not container:
            return "", f"{row['address']}, which calls itself {row['application'] or 'nothing'}"
        return container, self._process(self._sockets.get(container), row["port"])

    @staticmethod
    def _process(entry: Row | None, port: int) -> str:
        sockets = {} if entry is None else entry["local_ports"]
        inode = next((inode for inode, local in sockets.items() if local == port), None)
        pids = [] if entry is None else [h["inner_pid"] for h in entry["holders"] if inode in h["sockets"]]
        # Opened or closed while the look was made, or of a container that is looked at from outside only.
        return f"worker {'+'.join(map(str, pids))}" if pids else "a process that is not known"


def _sessions_text(rows: list[Row]) -> str:
    doing = Counter(_doing(row) for row in rows)
    parts = ", ".join(f"{number} {what}" for what, number in doing.most_common())
    oldest = max(row["connected_seconds"] for row in rows)
    transactions = [row["transaction_seconds"] for row in rows if row["transaction_seconds"] is not None]
    longest = f", the longest transaction {max(transactions):.0f} s" if transactions else ""
    return f"{count(len(rows), 'connection')} ({parts}), the oldest {oldest:.0f} s{longest}"


def _doing(row: Row) -> str:
    if row["state"] != "active":
        return str(row["state"] or "starting")
    if row["wait_event_type"] == "Lock":
        return f"{row['command'] or 'statement'} waiting for a lock"
    return f"running {row['command'] or 'a statement'}"


@dataclass(frozen=True)
class _Work:
    """What the application's sessions do in the database."""

    running: int
    locked: int
    in_transaction: int
    idle: int

    @classmethod
    def of(cls, rows: list[Row]) -> _Work:
        active = [row for row in rows if row["state"] == "active"]
        locked = sum(row["wait_event_type"] == "Lock" for row in active)
        in_transaction = sum(str(row["state"]).startswith("idle in transaction") for row in rows)
        idle = sum(row["state"] == "idle" for row in rows)
        return cls(len(active) - locked, locked, in_transaction, idle)

    def bottleneck(self) -> str:
        """Say what a request that waits for a connection really waits for."""
        most = max(self.running, self.locked, self.in_transaction, self.idle)
        figures = (
            f"{self.running} run statements, {self.locked} wait for locks, {self.in_transaction} are idle in "
            f"a transaction, {self.idle} are idle"
        )
        if most == 0:
            return f"the database: the pools have no session in it ({figures})"
        if most == self.locked:
            return f"the database, by locks: look at locks and long transactions ({figures})"
        if most == self.in_transaction:
            return f"the application, which holds transactions open and asks nothing ({figures})"
        if most == self.running:
            return f"the database: statements are slow or many; a larger pool would not help ({figures})"
        return f"the pool: connections are held and hardly used; it is too small or they leak ({figures})"


def _bottleneck(look: Look, rows: list[Row]) -> Iterator[Evidence]:
    share = look.threshold("validation_pool_used_percent")
    work = _Work.of(rows)
    pools_of = {container.name: pool_of(container) for container in look.containers(BACKEND)}
    seen = [_fullness(each, work, share, pools_of.get(each.container)) for each in told(look)]
    if not any(evidence.level is Level.BAD for evidence in seen):
        sessions_text = f"{count(len(rows), 'connection')} of the application"
        yield note(
            f"{sessions_text}, no bottleneck: {work.running} run statements, {work.locked} wait for locks"
        )
    yield from seen


def _fullness(each: Told, work: _Work, share: float, pool: Pool | None) -> Evidence:
    used, limit, waiting = each["in_use"], each["limit"], each["waiting"] or 0
    if used is None or not limit:
        return note(f"does not tell how full its pool is: {each.error or each.reason}", each.container)
    figures = f"{used:g} of {limit:g} connections of the pool in use, {waiting:g} requests wait"
    # Every request waits for the moment that it takes to be given a connection: some wait in vain only where
    # there may be more than one worker's pool has.
    one_worker = pool.each if pool is not None and not pool.endless else limit
    if (waiting and used + waiting > one_worker) or used * 100 >= limit * share:
        return bad(f"{figures}; the bottleneck is {work.bottleneck()}", each.container)
    return note(figures, each.container)
