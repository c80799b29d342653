"""The subjects of a preflight. Adding one: its file beside this, a line here, the module's `choices`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stanchion.preflight import backend, backup, host, monitoring, network, postgres, recovery
from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import Declared, Facts


@dataclass(frozen=True)
class Subject:
    """What looks, and which sources of stack_facts it needs."""

    look: Callable[[Declared, Facts], list[Problem]]
    sources: tuple[str, ...]


SUBJECTS = {
    "host": Subject(host.look, host.SOURCES),
    "network": Subject(network.look, network.SOURCES),
    "postgres": Subject(postgres.look, postgres.SOURCES),
    "backend": Subject(backend.look, backend.SOURCES),
    "backup": Subject(backup.look, backup.SOURCES),
    "monitoring": Subject(monitoring.look, monitoring.SOURCES),
    "recovery": Subject(recovery.look, recovery.SOURCES),
}
