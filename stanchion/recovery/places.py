"""What several causes ask of a look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from stanchion.checks.container import BACKEND, POSTGRES, Container
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, Level, Outcome
from stanchion.recovery.model import Seen
from stanchion.recovery.registry import Failing

# Sources of stack_facts that a database which does not serve leaves without an answer.
SILENT = ("sql", "backup", "inside", "outside", "ready", "libraries", "metrics")
# The words of the image's probe, and of the server itself, while log is replayed.
_RECOVERING = ("recovering", "rejecting", "starting up", "not yet accepting", "recovery mode")
_SATURATED = ("saturated", "too many clients", "remaining connection slots")


def evidence(failing: Failing, *slugs: str) -> Iterator[tuple[str, Evidence]]:
    """Yield what these checks have seen that is not well, each with its check's slug."""
    for slug in slugs:
        finding = failing.get(slug)
        if finding is not None and finding.outcome is not Outcome.ERROR:
            yield from ((slug, seen) for seen in finding.evidence if seen.level is not Level.NOTE)


def database(look: Look) -> Container | None:
    """Return the database's container, None where it is not there.

    Raises:
        SkipError: no database is declared for this host.
        UnreadableError: the containers could not be looked at.
    """
    wanted = next(iter(look.postgres["containers"]))
    return next((each for each in look.real_containers() if each.name == wanted), None)


def paused(containers: Iterable[Container], takes: str) -> Iterator[Seen]:
    """Yield those that are paused, by what they take and never answer."""
    for each in containers:
        if each.state == "paused":
            what = f"is paused: it takes {takes} and never answers"
            yield Seen(each.name, what, (f"docker unpause {each.name}",))


def stopped(containers: Iterable[Container], refused: str = "") -> Iterator[Seen]:
    """Yield those that do not run, with why they must not be started, where that is so."""
    for each in containers:
        if each.state in ("exited", "created", "dead"):
            what = f"is {each.state}, with code {each.exit_code}"
            yield Seen(each.name, what, (f"docker start {each.name}",), refused=refused)


def looping(containers: Iterable[Container]) -> Iterator[Seen]:
    """Yield those that end each time that they are started."""
    for each in containers:
        if each.state == "restarting":
            what = f"was restarted {each.restart_count} times, and ends with code {each.exit_code}"
            yield Seen(each.name, what)


def used_up_pools(failing: Failing) -> Iterator[Seen]:
    """Yield the containers whose pool is used up, as pool.attribution has seen it."""
    for _, seen in evidence(failing, "pool.attribution"):
        # The other thing that it finds is a holder that nobody knows.
        if "of the pool in use" in seen.what:
            yield Seen(seen.of, seen.what)


def first_of(told: Sequence[str]) -> str:
    """Return the first of several things, and how many more there are."""
    return f"{told[0]} (and {len(told) - 1} more)" if len(told) > 1 else told[0]


def missing(look: Look, role: str) -> list[str]:
    """Return the names of declared containers of a role that are not there."""
    there = {each.name for each in look.real_containers()}
    return [each.name for each in look.declared_containers() if each.role == role and each.name not in there]


def backends(look: Look) -> list[Container]:
    """Return the backend's containers that are there."""
    return look.containers(BACKEND)


def is_recovering(look: Look, container: Container) -> bool:
    """Say whether the database replays its log: alive, and not to be touched."""
    # After a crash of the server alone its container may still count as healthy: what it answers says more.
    sick = container.health != "healthy" or not (look.facts.get("sql") or {}).get("ok")
    return container.running and sick and _says(look, container, _RECOVERING)


def is_saturated(look: Look, container: Container) -> bool:
    """Say whether the database turns clients away for want of a free connection: alive as well."""
    return container.running and _says(look, container, _SATURATED)


def _says(look: Look, container: Container, words: tuple[str, ...]) -> bool:
    """Look for words in what the probe of the database, or its answer to the look, has said last."""
    sql = look.facts.get("sql") or {}
    told = f"{container.health_output or ''} {'' if sql.get('ok') else sql.get('error') or ''}".lower()
    return container.role == POSTGRES and any(word in told for word in words)
