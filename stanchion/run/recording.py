"""Keeps what the end of a run needs of its events: changes, failures, times, the look at the stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stanchion.run.events import Event

# playbooks/tasks/status.yml: what runs on a host, and what should.
LOOK_TASK = "status | Look at the stack"
# playbooks/status.yml: the same look, again and again; each is an item of one task.
AGAIN_TASK = "Look again"
DECLARED_TASK = "status | Name what is declared"
DECLARED_FACT = "stack_declared"
# playbooks/compose.yml: the containers that the roles would make.
COMPOSED_TASK = "Hand over what is declared"
COMPOSED_FACT = "stack_composed"


@dataclass
class Phase:
    """One role (or the playbook's own part) in the order of appearance."""

    name: str
    seconds: float = 0.0
    tasks: int = 0
    changed: int = 0


@dataclass
class Recording:
    """Filled event by event; read when the run is over."""

    phases: dict[str, Phase] = field(default_factory=dict)
    changes: list[Event] = field(default_factory=list)
    failures: list[Event] = field(default_factory=list)
    unreachable: list[Event] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    looks: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    declared: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    composed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    hosts: set[str] = field(default_factory=set)
    tasks: int = 0
    no_hosts: bool = False
    removed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    # What a removal of the data has left of the backups.
    kept: list[str] = field(default_factory=list)
    stack: str | None = None
    # What stack_validate found, in the order of the looks: a deploy has two of each host.
    validations: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    # What recovery has found and done so far, by host: the last word counts.
    recoveries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    # What stack_history told, by host.
    histories: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    # What backup_command returned, in order, of tasks that failed too.
    backups: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    _task_began: tuple[str, float] | None = None

    def add(self, event: Event) -> None:
        """Take one event."""
        if event.kind == "no_hosts":
            self.no_hosts = True
            return
        if event.kind == "task":
            self._begin(event)
            return
        self._clock(event.at)
        self.hosts.add(event.host)
        if event.kind == "item_ok":
            # What an item says the task says again at its end, but for looks, which nobody waits so long for.
            if event.task == AGAIN_TASK:
                self.looks[event.host] = event.result["stack_facts"]
            return
        if event.kind == "unreachable":
            self.unreachable.append(event)
        elif event.kind == "failed" and not event.ignored:
            self.failures.append(event)
        elif event.kind == "ok":
            self._ended_well(event)
        if isinstance(event.result.get("backups"), Mapping):
            self.backups.append((event.host, event.result["backups"]))
            self.stack = str(event.result["backups"]["result"].get("stack") or "") or self.stack
        self._keep_warnings(event)

    def _begin(self, event: Event) -> None:
        self._clock(event.at)
        self.tasks += 1
        self._phase(event.phase).tasks += 1
        self._task_began = (event.phase, event.at)

    def _clock(self, now: float) -> None:
        """Charge the time since the last event to the task that was under way."""
        if self._task_began is not None:
            phase, since = self._task_began
            self._phase(phase).seconds += max(now - since, 0.0)
            self._task_began = (phase, now)

    @property
    def last_phase(self) -> str | None:
        """The role, or the playbook, that was under way at the end."""
        return self._task_began[0] if self._task_began is not None else None

    def _phase(self, name: str) -> Phase:
        return self.phases.setdefault(name, Phase(name))

    def _ended_well(self, event: Event) -> None:
        if event.changed:
            self.changes.append(event)
            self._phase(event.phase).changed += 1
        if event.task == LOOK_TASK and "stack_facts" in event.result:
            self.looks[event.host] = event.result["stack_facts"]
            self.stack = str(event.result["stack_facts"].get("stack") or "") or None
        facts: Mapping[str, Any] = event.result.get("ansible_facts") or {}
        if event.task == DECLARED_TASK:
            self.declared[event.host] = facts.get(DECLARED_FACT) or {}
        if event.task == COMPOSED_TASK:
            self.composed[event.host] = facts.get(COMPOSED_FACT) or {}
        if isinstance(event.result.get("validation"), Mapping):
            self.validations.append((event.host, event.result["validation"]))
            self.stack = str(event.result["validation"].get("stack") or "") or self.stack
        if isinstance(event.result.get("recovery"), Mapping):
            self.recoveries[event.host] = event.result["recovery"]
            # What had failed before was a remedy: it is told there.
            self.failures = [each for each in self.failures if each.host != event.host]
        if isinstance(event.result.get("history"), Mapping):
            self.histories[event.host] = event.result["history"]
            self.stack = str(event.result["history"].get("stack") or "") or self.stack
        if isinstance(event.result.get("removed"), Mapping):
            self.removed[event.host] = event.result["removed"]
            self.kept += event.result.get("kept") or []
            self.stack = str(event.result.get("stack") or "") or None

    def _keep_warnings(self, event: Event) -> None:
        for warning in event.result.get("warnings") or []:
            text = str(warning)
            if text not in self.warnings:
                self.warnings.append(text)
