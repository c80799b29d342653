"""The connection pools as checks see them: what the environment asks for, what the application tells."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stanchion.checks.container import BACKEND, Container
from stanchion.checks.look import Look, Row
from stanchion.checks.model import SkipError, UnreadableError

WORKERS, SIZE, OVERFLOW = "WEB_CONCURRENCY", "DB_POOL_SIZE", "DB_MAX_OVERFLOW"
THREADS, TIMEOUT = "WEB_THREADS", "DB_POOL_TIMEOUT"
# gunicorn reads it as words of its command line.
GUNICORN = "GUNICORN_CMD_ARGS"
# What gunicorn and SQLAlchemy take where nothing is said.
DEFAULTS = {WORKERS: 1, SIZE: 5, OVERFLOW: 10}
# Read though no role declares them: what somebody added by hand counts as well.
READ_BESIDE = (GUNICORN, THREADS)


@dataclass(frozen=True)
class Pool:
    """The pools of one container, one in each worker."""

    container: str
    workers: int
    size: int
    overflow: int
    replicas: int = 1

    @property
    def each(self) -> int:
        """The most connections of one worker."""
        return self.size + self.overflow

    @property
    def connections(self) -> int:
        """The most connections of the container."""
        return self.replicas * self.workers * self.each

    @property
    def endless(self) -> bool:
        """SQLAlchemy takes these figures for no limit."""
        return self.overflow < 0 or self.size < 1

    def __str__(self) -> str:
        replicas = f"{self.replicas} x " if self.replicas > 1 else ""
        return f"{replicas}{self.workers} x ({self.size} + {self.overflow}) = {self.connections} connections"


def pool_of(container: Container) -> Pool | None:
    """Return the pool that a container's environment asks for; None where it says nothing of one.

    Raises:
        UnreadableError: one of the figures is no whole number.
    """
    if not any(name in container.values for name in DEFAULTS):
        return None
    size, overflow = (_figure(container, name) for name in (SIZE, OVERFLOW))
    return Pool(container.name, _workers(container), size, overflow, container.replicas)


def pools(look: Look) -> list[Pool]:
    """Return the pools of the backend's containers.

    Raises:
        SkipError: no container says anything of a pool.
        UnreadableError: no container of the backend is there.
    """
    found = [pool for container in look.some(BACKEND) if (pool := pool_of(container)) is not None]
    if not found:
        raise SkipError(f"no container's environment has {', '.join(DEFAULTS)}")
    return found


def _workers(container: Container) -> int:
    """Return the workers: the command line has the last word, as gunicorn has it."""
    given = word_value(container.command, "--workers") or word_value(container.command, "-w")
    return int(given or gunicorn_option(container, "workers") or _figure(container, WORKERS))


def _figure(container: Container, name: str) -> int:
    text = container.values.get(name)
    if text is None:
        return DEFAULTS[name]
    try:
        return int(text)
    except ValueError:
        raise UnreadableError(f"{container.name}: {name} is {text!r}, no whole number") from None


def gunicorn_option(container: Container, option: str) -> float | None:
    """Return the number that gunicorn's command line in the environment gives an option, None of none."""
    return word_value(shlex.split(container.values.get(GUNICORN, "")), f"--{option}")


def word_value(words: Sequence[str], option: str) -> float | None:
    """Return the number after `option`, or in `option=NUMBER`; None where there is none."""
    following = [*words[1:], ""]
    for word, after in zip(words, following, strict=False):
        name, equals, value = word.partition("=")
        if name == option:
            return _number(value if equals else after)
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@dataclass(frozen=True)
class Told:
    """What an application tells of its pools at /metrics, summed over its workers."""

    container: str
    figures: Mapping[str, float]
    reason: str | None
    error: str | None

    def __getitem__(self, name: str) -> float | None:
        return self.figures.get(f"db_pool_{name}")


def told(look: Look) -> list[Told]:
    """Return what every container of the backend tells, those included that tell nothing."""
    entries: Mapping[str, Row] = look.source("metrics")["entries"]
    return [_told(name, entry) for name, entry in sorted(entries.items())]


def told_by_container(look: Look) -> Mapping[str, Told]:
    """Return what each container tells, by its name; nothing before there is anything to be asked.

    Raises:
        UnreadableError: one did not answer.
    """
    if look.of_declared:
        return {}
    every = told(look)
    for each in every:
        if each.error:
            raise UnreadableError(f"{each.container}: {each.error}")
    return {each.container: each for each in every}


def all_told(look: Look) -> list[Told]:
    """Return what each container tells.

    Raises:
        UnreadableError: one did not answer.
        SkipError: none tells anything.
    """
    every = list(told_by_container(look).values())
    if not any(each.figures for each in every):
        reason = f"{every[0].container}: {every[0].reason}" if every else "no backend runs"
        raise SkipError(f"the application does not tell of its pool ({reason})")
    return [each for each in every if each.figures]


def _told(name: str, entry: Row) -> Told:
    if not entry["ok"]:
        return Told(name, {}, None, entry["error"])
    return Told(name, _figures(entry["lines"]), entry["reason"], None)


def _figures(lines: Sequence[str]) -> dict[str, float]:
    # Here, since it takes 60 ms that no other command should wait for.
    from prometheus_client.parser import text_string_to_metric_families

    try:
        return {
            sample.name: sample.value
            for family in text_string_to_metric_families("".join(f"{line}\n" for line in lines))
            for sample in family.samples
            if not sample.labels
        }
    except ValueError as error:
        raise UnreadableError(f"what /metrics tells cannot be read: {error}") from None
