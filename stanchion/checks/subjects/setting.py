"""The server's settings: against its container's limits, against what is declared, and those of the log.

Before a deploy they are the declared ones; afterwards the server's own.
"""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import ANYWHERE, DEFAULT_SHM, POSTGRES, Container
from stanchion.checks.look import Look, Row
from stanchion.checks.model import Evidence, Phase, SkipError, bad, note, warn
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
from stanchion.checks.units import number, same, seconds, shown, unquoted
from stanchion.checks.words import mb
from stanchion.contract import memory
from stanchion.contract.memory import show
from stanchion.secret_names import HIDDEN

_EVERYWHERE = frozenset(("*", ANYWHERE, "::"))
# Where a setting comes from that only this look has.
_OF_THE_LOOK = "client"
# The look comes by the Unix socket, where these read 0.
_OF_TCP = "tcp_"
# Where a setting comes from that somebody chose for everybody, or for a database or role.
_CHOSEN = frozenset(("command line", "configuration file", "database", "user", "database user"))


def _text(look: Look, name: str) -> str:
    if look.phase is Phase.PREFLIGHT:
        return unquoted(look.postgres["settings"][name])
    return str(look.settings[name]["setting"])


def _bytes(look: Look, name: str) -> int:
    if look.phase is Phase.PREFLIGHT:
        return memory.size(name, _text(look, name))
    return int(number(_text(look, name), look.settings[name]["unit"]) or 0)


def _limit(container: Container) -> int:
    if container.memory is None:
        raise SkipError(f"{container.name} has no memory limit to compare with")
    return container.memory


@check(
    "setting.shared_buffers",
    rows="SET-01",
    title="shared_buffers is a fair share of the container's memory",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=WARNING,
    why="Too little, and pages are read from disk again and again; too much, and nothing is left for sorts "
    "and the kernel's cache.",
    remedy="Leave shared_buffers out of postgres_settings (a quarter of postgres_memory is computed), or set "
    "postgres_memory to what the container is to have, and deploy.",
    source="PostgreSQL manual, Resource Consumption: 25 % to start with, more than 40 % seldom helps",
    reads=("containers",),
    reads_running=("sql.settings",),
    thresholds=(
        Threshold("validation_setting_shared_buffers_least", 0.15, "of the limit", "ours: half of the start"),
        Threshold("validation_setting_shared_buffers_most", 0.4, "of the limit", "PostgreSQL manual"),
    ),
    part=POSTGRES,
)
def shared_buffers(look: Look) -> Iterator[Evidence]:
    limit, size = _limit(look.database), _bytes(look, "shared_buffers")
    least = look.threshold("validation_setting_shared_buffers_least")
    most = look.threshold("validation_setting_shared_buffers_most")
    say = note if least * limit <= size <= most * limit else bad
    yield say(f"{show(size)} of {show(limit)}, {size / limit:.0%}", "shared_buffers")


@check(
    "setting.worst_case_memory",
    rows="SET-02",
    title="All connections busy at once fit into the container's memory",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=WARNING,
    why="Past the limit the kernel kills one of the server's processes, and the server then ends every "
    "session and recovers.",
    remedy="Raise postgres_memory, make the pool smaller, or lower work_mem in postgres_settings; left out, "
    "work_mem is computed so that it fits.",
    source="Ours: shared_buffers + (max_connections + max_parallel_workers) x work_mem x hash_mem_multiplier "
    "+ autovacuum workers x their memory + 20 %",
    reads=("containers",),
    reads_running=("sql.settings",),
    part=POSTGRES,
)
def worst_case_memory(look: Look) -> Iterator[Evidence]:
    limit = _limit(look.database)
    sizes = {name: _bytes(look, name) for name in ("shared_buffers", "work_mem", "maintenance_work_mem")}
    own = _vacuum_bytes(look)
    if own > 0:
        sizes["maintenance_work_mem"] = own
    counts = ("autovacuum_max_workers", "hash_mem_multiplier")
    overrides = {name: f"{size}B" for name, size in sizes.items()} | {c: _text(look, c) for c in counts}
    processes = sum(int(_text(look, name)) for name in ("max_connections", "max_parallel_workers"))
    worst = memory.plan(limit, processes, overrides).worst_case
    text = (
        f"{mb(worst)} at worst of {mb(limit)}: shared_buffers "
        f"{show(sizes['shared_buffers'])}, {processes} processes x work_mem {show(sizes['work_mem'])}"
    )
    yield bad(text) if worst > limit else note(text)


def _vacuum_bytes(look: Look) -> int:
    """Return what each autovacuum worker may have of its own; -1 where it is maintenance_work_mem."""
    if look.phase is Phase.PREFLIGHT:
        text = unquoted(look.postgres["settings"].get("autovacuum_work_mem", "-1"))
        return -1 if text.startswith("-") else memory.size("autovacuum_work_mem", text)
    return _bytes(look, "autovacuum_work_mem")


@check(
    "setting.effective_cache_size",
    rows="SET-03",
    title="The planner does not count on more memory than there is",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=INFO,
    why="A planner that takes everything for cached prefers index scans that then read from disk.",
    remedy="Leave effective_cache_size out of postgres_settings (three quarters of postgres_memory are "
    "computed), and deploy.",
    source="Ours: the container's limit counts its page cache too",
    reads=("containers",),
    reads_running=("sql.settings",),
    part=POSTGRES,
)
def effective_cache_size(look: Look) -> Iterator[Evidence]:
    limit, size = _limit(look.database), _bytes(look, "effective_cache_size")
    say = bad if size > limit else note
    yield say(f"{show(size)}, and the container has {show(limit)}", "effective_cache_size")


@check(
    "setting.shm",
    rows="SET-04",
    title="The database has enough shared memory for parallel queries",
    phases=(PREFLIGHT, DEPLOY, RUNTIME, FILE),
    severity=WARNING,
    why="With Docker's own 64 MB a parallel query ends with 'could not resize shared memory segment'.",
    remedy="Deploy: the role sets it and makes the container anew. In a compose file: shm_size: 256mb.",
    source="The official image's manual, Caveats",
    reads=("containers",),
    thresholds=(
        Threshold(
            "validation_setting_shm_bytes",
            256 * memory.MB,
            "bytes",
            "the official image's manual shows 128 MB; ours: two large parallel joins at once",
        ),
    ),
    part=POSTGRES,
)
def shm(look: Look) -> Iterator[Evidence]:
    least = int(look.threshold("validation_setting_shm_bytes"))
    for container in look.containers(POSTGRES):
        size = container.shm_size or DEFAULT_SHM
        if size < least:
            yield bad(
                f"has {show(size)} of /dev/shm, and {show(least)} are wanted", container.name, "shm_size"
            )
        else:
            yield note(f"{show(size)} of /dev/shm", container.name)


@check(
    "setting.pending_restart",
    rows="SET-05",
    title="No setting waits for a restart",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="The server still runs with the old value, and changes at its next restart, whenever that comes.",
    remedy="Restart it when it suits: docker restart NAME-db; or deploy, which restarts it where its "
    "settings need that.",
    source="PostgreSQL manual, pg_settings",
    reads=("sql.settings",),
    part=POSTGRES,
)
def pending_restart(look: Look) -> Iterator[Evidence]:
    waiting = [row for row in look.settings.values() if row["pending_restart"]]
    for row in waiting:
        yield bad(f"is {shown(row['setting'], row['unit'])} until the server is restarted", row["name"])
    if not waiting:
        yield note("none waits")


@check(
    "setting.file",
    rows="SET-06",
    title="The server can read its configuration",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="A running server goes on with the old values; at its next start it refuses to, and the database "
    "stays down.",
    remedy="Mend the line named, in postgres_settings where it comes from there, and deploy.",
    source="PostgreSQL manual, pg_file_settings",
    reads=("sql.file_settings",),
    part=POSTGRES,
)
def file(look: Look) -> Iterator[Evidence]:
    wrong = [row for row in look.rows("file_settings") if row["error"]]
    for row in wrong:
        where = f"{row['file']}:{row['line']}"
        if row["at_start_only"]:
            # The server says the same of one that is wrong and of one that only a restart brings.
            yield warn(f"{row['name']} = {row['setting']} is not applied: it needs a restart", where)
        else:
            yield bad(f"{row['name'] or 'the line'}: {row['error']}", where)
    if not wrong:
        yield note("every line is read")


@check(
    "setting.drift",
    rows="SET-07",
    title="The server's settings are the declared ones",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Somebody has changed it by hand: the next deploy or restart takes it back, and until then the "
    "server is not the one that was tested.",
    remedy="Put the value into postgres_settings where it is meant, and deploy. What is left in "
    "postgresql.auto.conf goes with ALTER SYSTEM RESET name (postgres_settings: {allow_alter_system: true} "
    "for that long). One of a database or role goes with ALTER DATABASE … RESET or ALTER ROLE … RESET.",
    source="check_postgres settings_checksum; leftovers of a restore: pgBackRest's manual",
    reads=("sql.settings", "sql.file_settings"),
    part=POSTGRES,
)
def drift(look: Look) -> Iterator[Evidence]:
    found = [*_changed(look), *_undeclared(look), *_leftovers(look)]
    yield from found or [note(f"{len(look.postgres['settings'])} declared settings are in force")]


def _changed(look: Look) -> Iterator[Evidence]:
    real = {name.lower(): row for name, row in look.settings.items()}
    for name, wanted in look.postgres["settings"].items():
        row = real.get(name.lower())
        if row is None:
            if "." not in name:  # those of an extension that is not loaded are not shown
                yield bad("is declared, and the server does not know it", name)
        elif _not_to_be_compared(name, row):
            continue
        elif not same(wanted, row["setting"], row["unit"]):
            value = shown(row["setting"], row["unit"])
            yield bad(f"is {value} (from: {row['source']}), and declared is {unquoted(wanted)}", name)


def _not_to_be_compared(name: str, row: Row) -> bool:
    of_the_look = row["source"] == _OF_THE_LOOK or name.startswith(_OF_TCP)
    return of_the_look or row["pending_restart"] or HIDDEN in row["setting"]


def _undeclared(look: Look) -> Iterator[Evidence]:
    declared = {name.lower() for name in look.postgres["settings"]}
    for name, row in look.settings.items():
        if row["source"] in _CHOSEN and name.lower() not in declared:
            yield bad(f"is {row['setting']} (from: {row['source']}), and nothing is declared", name)


def _leftovers(look: Look) -> Iterator[Evidence]:
    for row in look.rows("file_settings"):
        if str(row["file"]).endswith("/postgresql.auto.conf"):
            yield bad(f"is left in postgresql.auto.conf: {row['setting']}", str(row["name"]))


@check(
    "setting.listen",
    rows="SET-08",
    title="The server listens inside its network only",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=WARNING,
    why="In a container the server listens on all addresses so that the application reaches it; that is "
    "safe only while these are addresses of an internal network.",
    remedy="Take the published port or network_mode host away: deploy, and the role makes the container "
    "anew.",
    source="CIS PostgreSQL 17 Benchmark 5.2",
    reads=("containers",),
    reads_running=("sql.settings",),
    part=POSTGRES,
)
def listen(look: Look) -> Iterator[Evidence]:
    addresses = {each.strip() for each in _text(look, "listen_addresses").split(",")}
    container = look.database
    open_to = [f"port {port.port or port.container_port} of {port.address}" for port in container.ports]
    if container.network_mode == "host":
        open_to.append("every network of the host")
    if addresses & _EVERYWHERE and open_to:
        yield bad(f"listens on all addresses, and is open to {', '.join(open_to)}", container.name)
    else:
        where = ", ".join(sorted(addresses))
        yield note(f"listens on {where} in {', '.join(sorted(container.networks))}", container.name)


@check(
    "setting.log",
    rows="SET-10",
    title="The log says what is needed when something went wrong",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=INFO,
    why="Afterwards nobody can tell who waited for whom, what was slow, and whose session it was.",
    remedy="Leave these out of postgres_settings, and deploy: the role sets them all.",
    source="CIS PostgreSQL 17 Benchmark 3.1; pgBadger needs the same",
    reads_running=("sql.settings",),
    part=POSTGRES,
)
def log(look: Look) -> Iterator[Evidence]:
    found = []
    for name in ("log_lock_waits", "log_checkpoints"):
        if not same(_text(look, name), "on", None):
            found.append(bad(f"is {_text(look, name)}", name))
    prefix = _text(look, "log_line_prefix")
    missing = [
        words
        for marks, words in ((("%m", "%t", "%n"), "the time (%m)"), (("%p",), "%p"), (("%a",), "%a"))
        if not any(mark in prefix for mark in marks)
    ]
    if missing:
        found.append(bad(f"lacks {', '.join(missing)}", "log_line_prefix"))
    if _text(look, "log_min_duration_statement").startswith("-"):
        found.append(bad("is off: slow statements do not show", "log_min_duration_statement"))
    slow = _text(look, "log_min_duration_statement")
    yield from found or [
        note(f"waits, checkpoints and statements slower than {seconds(slow):g} s are logged")
    ]
