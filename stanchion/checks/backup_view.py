"""What the backups' command on the host told, as checks read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stanchion.checks.look import Look, Row
from stanchion.checks.model import Phase, SkipError, UnreadableError

# A job that is late by half of its period has been missed, and not only delayed.
LATE = 1.5


def observed(look: Look) -> Row:
    """Return what `observe` said.

    Raises:
        SkipError: this stack has no backups, or not yet.
        UnreadableError: the command is not on the host.
    """
    if not look.stack.get("backup"):
        raise SkipError("stack_backup is false: this stack has no backups")
    facts = look.source("backup")
    if not facts["installed"]:
        if look.phase is Phase.PREFLIGHT:
            raise SkipError("there are no backups on this host yet")
        raise UnreadableError(f"there is no {facts['program']} on this host")
    found: Row = facts["observed"]
    return found


def section(look: Look, name: str) -> Row:
    """Return one part of it.

    Raises:
        UnreadableError: the command could not look at that part, or is of a version that does not.
    """
    found = observed(look).get(name)
    if found is None:
        raise UnreadableError(f"the command on the host does not tell of {name}; deploy the stack")
    if found.get("error"):
        raise UnreadableError(f"{name} could not be read: {found['error']}")
    part: Row = found
    return part


def repositories(look: Look) -> Sequence[Row]:
    """Return every repository, those too that can't be read (`code` is not 0)."""
    found: Sequence[Row] = observed(look)["repositories"]
    return found


def title(repository: Row) -> str:
    """Return a repository's name for people: repo1 (medication-tracker-backup)."""
    return f"repo{repository['key']} ({repository['where']})"


def readable(look: Look) -> list[Row]:
    """Return the repositories whose sets are known.

    Raises:
        UnreadableError: none of them could be read.
    """
    every = repositories(look)
    found = [each for each in every if each["code"] in (0, NO_BACKUP)]
    if not found:
        told = "; ".join(f"{title(each)}: {each['message']}" for each in every)
        raise UnreadableError(f"no repository could be read: {told}")
    return found


# pgBackRest's word for a stanza without a backup (src/command/info/info.c): that was read well.
NO_BACKUP = 2


def age(look: Look, moment: float | None) -> float | None:
    """Return the seconds since a moment (Unix seconds), None where there is none."""
    return None if moment is None else elapsed(look, moment)


def elapsed(look: Look, moment: float) -> float:
    """Return the seconds since a moment (Unix seconds)."""
    return max(look.now.timestamp() - moment, 0.0)


def job(look: Look, name: str) -> Row:
    """Return what is known of a job's runs."""
    found: Row = observed(look)["jobs"][name]
    return found


def scheduled(look: Look) -> Mapping[str, Row]:
    """Return cron expression and period (seconds) of each job that is scheduled."""
    found: Mapping[str, Row] = observed(look)["schedule"]
    return found


def runs(look: Look, name: str) -> Iterator[tuple[str, Row]]:
    """Return what is known of a job's runs; with two repositories, of each that it was made for.

    What is well in one of them says nothing of the other.
    """
    seen = job(look, name)
    made = {repo: each for repo, each in (seen.get("repositories") or {}).items() if each["last"]}
    if len(made) < 2:
        yield name, seen
    else:
        yield from ((f"{name} of {repo}", each) for repo, each in made.items())


def since_due(look: Look, name: str, seen: Row | None = None) -> float:
    """Return the seconds since a job was last well; of one that never was, since it was scheduled.

    Of the job in its worst repository, or of the runs that are given.
    """
    started: Any = section(look, "installed").get("cron_since")
    last = (seen or job(look, name))["last_success"]
    known = [moment for moment in (started, last) if moment is not None]
    if not known:
        raise UnreadableError(f"the job {name} has never run, and nothing tells since when it should")
    return elapsed(look, max(known))


def is_late(look: Look, name: str, seen: Row | None = None) -> bool:
    """Say whether a scheduled job should have been well again by now; as `since_due`."""
    plan = scheduled(look).get(name)
    return plan is not None and since_due(look, name, seen) > plan["period"] * LATE


def sets_of(repository: Row, *types: str) -> Iterator[Row]:
    """Return a repository's backups of these types, all where none is named, the oldest first."""
    yield from (each for each in repository["sets"] if not types or each["type"] in types)
