"""What a check reads: facts, what is declared, thresholds. What could not be read says so when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from stanchion.checks.container import BACKEND, MONITORING, POSTGRES, Container, declared, inspected
from stanchion.checks.model import Evidence, Phase, SkipError, UnreadableError
from stanchion.moments import moment

# What a host without an engine has none of.
OF_ENGINE = ("containers", "images", "networks", "volumes")
# It asks the engine for the database and the repositories.
BACKUP = "backup"
# What the role declares of the pools, by the contract's variable that tells an image.
_POOL_FIGURES = {"WEB_CONCURRENCY": "workers", "DB_POOL_SIZE": "pool_size", "DB_MAX_OVERFLOW": "max_overflow"}

Row = Mapping[str, Any]
Locate = Callable[[Evidence], Evidence]


class Look:
    """One host at one moment, in one phase.

    Args:
        facts: what stack_facts returned; `{}` where nothing was looked at.
        declared: what the roles declare for the host: `stack`, and of the parts that it has, `postgres`,
            `backend` and `monitoring` (roles/validation/README.md has the keys).
        thresholds: values of the variables that the catalogue names.
        phase: in preflight and of a file, `containers()` are the declared ones.
        containers: the containers of a compose file, in place of any other.
        locate: adds file and line to evidence about a file.
    """

    def __init__(
        self,
        facts: Mapping[str, Any],
        declared: Mapping[str, Any],
        thresholds: Mapping[str, Any],
        phase: Phase,
        containers: Sequence[Container] | None = None,
        locate: Locate = lambda evidence: evidence,
    ) -> None:
        self.facts = _without_engine(facts) if phase is Phase.PREFLIGHT else facts
        self.declared = declared
        self.thresholds = thresholds
        self.phase = phase
        self.locate = locate
        self._containers = containers

    # What is declared

    def has(self, part: str) -> bool:
        """Say whether a part (`postgres`, `backend`, `monitoring`) is declared for this host."""
        if self._containers is not None:
            return any(found.role == part for found in self._containers)
        return part in self.declared

    @property
    def stack(self) -> Row:
        """What all roles share: name, state_dir, networks, the database's address."""
        found: Row = self.declared["stack"]
        return found

    @property
    def postgres(self) -> Row:
        """What the role postgres declares."""
        return self._part(POSTGRES)

    @property
    def backend(self) -> Row:
        """What the role backend declares."""
        return self._part(BACKEND)

    def _part(self, name: str) -> Row:
        if name not in self.declared:
            raise SkipError(f"no {name} is declared for this host")
        found: Row = self.declared[name]
        return found

    def threshold(self, variable: str) -> float:
        """Return the number of a threshold."""
        return float(self.thresholds[variable])

    def setting(self, variable: str) -> Any:
        """Return a threshold that is no number."""
        return self.thresholds[variable]

    # What was seen

    @property
    def of_declared(self) -> bool:
        """Say whether containers are as declared or written in a file: nothing runs yet."""
        return self._containers is not None or self.phase is Phase.PREFLIGHT

    @property
    def _engine(self) -> str | None:
        """The state of the engine, where a deploy is about to see to it."""
        return self.facts.get("engine", {}).get("state") if self.phase is Phase.PREFLIGHT else None

    def expect(self, name: str) -> None:
        """Raise UnreadableError unless what a check reads is there; declared containers need no look."""
        if name != "containers" or not self.of_declared:
            self.need(name)

    def need(self, name: str) -> None:
        """Raise UnreadableError unless the source (`sql.NAME`: the query) has answered."""
        source, _, query = name.partition(".")
        if source in (*OF_ENGINE, BACKUP) and self._engine == "stopped":
            raise SkipError("the engine is stopped; the deploy starts it")
        answer = self.facts.get(source)
        if answer is None:
            raise UnreadableError(f"{source} was not looked at")
        if not answer["ok"]:
            raise UnreadableError(f"{source} could not be read: {answer['error']}")
        if not query:
            return
        told = answer["queries"].get(query)
        if told is None:
            raise UnreadableError(f"the query {query} was not asked: these facts are older than it")
        if not told["ok"]:
            raise UnreadableError(f"the query {query} was refused: {told['error']}")

    def source(self, name: str) -> Row:
        """Return a source's answer."""
        self.need(name)
        found: Row = self.facts[name]
        return found

    def rows(self, query: str) -> list[Row]:
        """Return the rows of a query (stack_facts' QUERIES has them)."""
        self.need(f"sql.{query}")
        found: list[Row] = self.facts["sql"]["queries"][query]["rows"]
        return found

    def row(self, query: str) -> Row:
        """Return the only row of a query."""
        return self.rows(query)[0]

    @cached_property
    def settings(self) -> Mapping[str, Row]:
        """The server's settings by name: `setting`, `unit`, `source`, `pending_restart`."""
        return {row["name"]: row for row in self.rows("settings")}

    @cached_property
    def now(self) -> datetime:
        """When the look was made, by the host's clock."""
        return moment(self.facts.get("collected_at")) or datetime.now(UTC)

    # Containers

    def containers(self, role: str | None = None) -> list[Container]:
        """Return the stack's lasting containers: those of the file, the declared ones, or the real ones."""
        if self._containers is not None:
            found = list(self._containers)
        elif self.phase is Phase.PREFLIGHT:
            found = self.declared_containers()
        else:
            found = self.real_containers()
        return [container for container in found if role in (None, container.role)]

    def some(self, *roles: str) -> list[Container]:
        """Return the containers of these roles, all where none is named; a check of none would be green.

        Raises:
            SkipError: the file has no such service.
            UnreadableError: none of them is there.
        """
        found = [container for container in self.containers() if not roles or container.role in roles]
        if found:
            return found
        of = f" of the role {' or '.join(roles)}" if roles else ""
        if self._containers is not None:
            raise SkipError(f"the file has no service{of}")
        raise UnreadableError(f"there is no container{of}")

    def declared_containers(self) -> list[Container]:
        """Return what the roles would make."""
        return [
            self._by_contract(declared(name, part, definition))
            for part in (POSTGRES, BACKEND, MONITORING)
            if part in self.declared
            for name, definition in self.declared[part]["containers"].items()
        ]

    def real_containers(self) -> list[Container]:
        """Return those that are there and have a declared name; a candidate or a migration has none."""
        wanted = {container.name for container in self.declared_containers()}
        entries = self.source("containers")["entries"]
        return [self._by_contract(inspected(entry)) for entry in entries if entry["name"] in wanted]

    def _by_contract(self, container: Container) -> Container:
        """Give the variables of a backend the contract's names, where its image has others for them."""
        names = self.declared.get(BACKEND, {}).get("variable_names") or {}
        if container.role != BACKEND or not names:
            return container
        known = {own: name for name, own in names.items() if own}
        # Where an image has no such variable, what is declared counts, and no library's default.
        untold = {
            name: str(self.declared[BACKEND][figure])
            for name, figure in _POOL_FIGURES.items()
            if names.get(name) == ""
        }
        return replace(
            container,
            names=frozenset(known.get(name, name) for name in container.names),
            values={**untold, **{known.get(name, name): value for name, value in container.values.items()}},
            secrets_in_environment=tuple(known.get(name, name) for name in container.secrets_in_environment),
        )

    def declared_like(self, container: Container) -> Container:
        """Return what is declared under a real container's name; only such are looked at."""
        return next(each for each in self.declared_containers() if each.name == container.name)

    @property
    def database(self) -> Container:
        """The database's container.

        Raises:
            UnreadableError: it is declared and not there.
        """
        found = self.containers(POSTGRES)
        if not found:
            name = next(iter(self.postgres["containers"]))
            raise UnreadableError(f"there is no container {name}")
        return found[0]


def _without_engine(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the facts with what is known where no engine is installed: there is nothing of it."""
    if facts.get("engine", {}).get("state") != "absent":
        return facts
    return {**facts, **{name: {"ok": True, "entries": []} for name in OF_ENGINE}}
