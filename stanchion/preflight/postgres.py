"""Does the declared database fit: into its pool contract, its memory limit, the host and the disk?

Declared: what the filters of the role postgres get (`memory`, `cpus`, `pool`, `settings`: see
stanchion.contract.database), and beside it `stack_name`, `state_dir`, `secret_files` (paths on the host) and
`given_secrets` (what the filter secret_kinds says of those from a vault); `restoring` says that this is the
restore which is under way. Under their own names:
`stack_database_alias`, `stack_database_name`, `stack_database_user`, `postgres_volume`,
`postgres_adopt_superuser`,
`postgres_data_space` (what the data needs while there is no volume), `postgres_memory`,
`postgres_temp_file_limit`, `postgres_health_interval`, `postgres_start_timeout`, `postgres_log_max_size`,
`postgres_log_max_file`, `postgres_statement_timeout`, `postgres_lock_timeout`,
`postgres_idle_in_transaction_session_timeout`.
"""

from __future__ import annotations

from stanchion.contract import database
from stanchion.preflight import values
from stanchion.preflight.files import given_problems, secret_problems
from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import MB, Declared, Facts, has_engine, show, unreadable

SOURCES = ("engine", "containers", "disk", "memory", "cpus", "files", "volume_record")

# With data in place: a checkpoint and a roll-out still need room for WAL.
REST_SPACE = 256 * MB


def look(declared: Declared, facts: Facts) -> list[Problem]:
    """Return everything about the database that does not fit."""
    unmeant = _values(declared)
    if unmeant:
        # Nothing can be computed from those.
        return unmeant
    return [
        *_contract(declared),
        *values.seen_in_time(declared, facts, "postgres_health_interval", "postgres_start_timeout"),
        *_paused(declared, facts),
        *_restore(declared, facts),
        *_adoption(declared, facts),
        *_memory(declared, facts),
        *_processors(declared, facts),
        *secret_problems(declared.get("secret_files", []), facts, passwords=True),
        *given_problems(declared.get("given_secrets", {}), "{name}", passwords=True),
        *_disk(declared, facts),
    ]


def _values(declared: Declared) -> list[Problem]:
    least = {
        "postgres_memory": values.LEAST_MEMORY,
        "postgres_log_max_size": values.LEAST_LOG,
        "postgres_data_space": 0,
    }
    return [
        *values.socket_path(declared),
        *values.database_names(declared),
        *values.docker_names("postgres", declared, "postgres_volume"),
        *values.sizes("postgres", declared, least),
        *values.temporary_files(declared),
        *values.counts("postgres", declared, "postgres_log_max_file"),
        *values.intervals("postgres", declared, "postgres_health_interval"),
        *values.settings_durations(
            "postgres",
            declared,
            "postgres_statement_timeout",
            "postgres_lock_timeout",
            "postgres_idle_in_transaction_session_timeout",
        ),
    ]


def _contract(declared: Declared) -> list[Problem]:
    return [
        Problem(
            slug=f"postgres.{problem.slug.replace('-', '_')}",
            what=problem.what,
            where="the variables stack_* and postgres_* of the inventory",
            remedy=problem.remedy,
        )
        for problem in database.problems(declared.values)
    ]


def _paused(declared: Declared, facts: Facts) -> list[Problem]:
    """Refuse a paused database: it would be waited for in vain."""
    if not has_engine(facts):
        return []
    broken = unreadable(facts, "containers")
    if broken:
        return broken
    name = f"{declared.text('stack_name')}-db"
    if not any(item["name"] == name and item["state"] == "paused" for item in facts["containers"]["entries"]):
        return []
    return [
        Problem(
            slug="postgres.paused",
            what=f"The database container {name} is paused, and somebody will have had a reason.",
            where="docker ps on the host",
            remedy=f"Let it go on with `docker unpause {name}`, then deploy again.",
        )
    ]


def _restore(declared: Declared, facts: Facts) -> list[Problem]:
    """Refuse to start anything in the middle of a restore; the restore itself says so (`restoring`)."""
    if unreadable(facts, "volume_record") or declared.get("restoring", False):
        return []
    record = facts["volume_record"]["record"]
    restore = record.get("restore") if isinstance(record, dict) else None
    if not restore:
        return []
    return [
        Problem(
            slug="postgres.restore",
            what=f"A restore of this database ({restore['to']}) is not finished: it is under way, or was "
            "interrupted.",
            where=facts["volume_record"]["path"],
            remedy="`python runner.py restore --resume` goes on with it, `python runner.py restore "
            "--rollback` returns to the old database.",
        )
    ]


def _adoption(declared: Declared, facts: Facts) -> list[Problem]:
    """Refuse to take somebody's cluster over where no backup would be taken before."""
    if not declared.text("postgres_adopt_superuser") or declared.get("archive"):
        return []
    if unreadable(facts, "volume_record"):
        return []
    record = facts["volume_record"]["record"]
    if isinstance(record, dict) and "adopting" not in record:
        return []
    return [
        Problem(
            slug="postgres.adopt_backup",
            what=f"The cluster in {declared.text('postgres_volume')} is to be taken over, and stack_backup "
            "is false: nothing would bring back what goes wrong.",
            where="the variables postgres_adopt_superuser and stack_backup",
            remedy="Set stack_backup to true. It may be turned off again after the first deploy.",
        )
    ]


def _memory(declared: Declared, facts: Facts) -> list[Problem]:
    if not facts["memory"]["ok"]:
        return unreadable(facts, "memory")
    limit, total = declared.size("memory"), facts["memory"]["total"]
    if limit <= total:
        return []
    return [
        Problem(
            slug="postgres.host_memory",
            what=f"The database may take {show(limit)}, and the host has {show(total)}.",
            where="the variable postgres_memory",
            remedy=f"Set it to at most {show(total * 3 // 4)}, which leaves something to everything else, or "
            "use a larger host.",
        )
    ]


def _processors(declared: Declared, facts: Facts) -> list[Problem]:
    if not facts["cpus"]["ok"]:
        return unreadable(facts, "cpus")
    wanted, there = float(declared.get("cpus")), facts["cpus"]["count"]
    if wanted <= there:
        return []
    return [
        Problem(
            slug="postgres.host_cpus",
            what=f"The database may take {wanted:g} processors, and the host has {there}: it gets {there}.",
            where="the variable postgres_cpus",
            remedy=f"Set it to {there} or less, or take a larger host.",
            level="warning",
        )
    ]


def _disk(declared: Declared, facts: Facts) -> list[Problem]:
    broken = unreadable(facts, "disk", "volume_record")
    if broken:
        return broken
    needed = REST_SPACE if facts["volume_record"]["exists"] else declared.size("postgres_data_space")
    disk = facts["disk"]["docker_root"]
    if disk["free"] >= needed:
        return []
    return [
        Problem(
            slug="disk.data",
            what=f"The database needs {show(needed)}, and {disk['path']} has {show(disk['free'])} free.",
            where=f"the file system of {disk['measured_at']} on the host",
            remedy="Make room there. A database whose disk is full stops with a panic.",
        )
    ]
