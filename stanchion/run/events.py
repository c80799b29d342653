"""What Ansible reports, as typed events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal["task", "ok", "failed", "item_failed", "skipped", "unreachable", "no_hosts", "item_ok"]

_KINDS: dict[str, Kind] = {
    "playbook_on_task_start": "task",
    "playbook_on_no_hosts_matched": "no_hosts",
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_item_on_failed": "item_failed",
    "runner_item_on_ok": "item_ok",
    "runner_on_skipped": "skipped",
    "runner_on_unreachable": "unreachable",
}


# How Ansible names the check of an entry point's arguments.
_PREFLIGHT_SPEC = "arg spec 'preflight'"


@dataclass(frozen=True)
class Event:
    """One thing that happened: a task began, or ended on a host."""

    kind: Kind
    at: float
    task: str = ""
    role: str = ""
    action: str = ""
    path: str = ""
    host: str = ""
    ignored: bool = False
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Say whether the task changed its host (or would, in check mode)."""
        return self.kind == "ok" and bool(self.result.get("changed"))

    @property
    def phase(self) -> str:
        """Return what people see as the step: the role, or the playbook's own part."""
        subject, bar, _ = self.task.partition(" | ")
        if (bar and subject == "preflight") or _PREFLIGHT_SPEC in self.task:
            return "preflight"
        return self.role or (subject if bar else "playbook")


def parse(raw: Mapping[str, Any]) -> Event | None:
    """Return the typed event, or None where Ansible reports something that nobody here reads."""
    kind = _KINDS.get(str(raw.get("event")))
    if kind is None:
        return None
    data: Mapping[str, Any] = raw.get("event_data") or {}
    result = data.get("res")
    return Event(
        kind=kind,
        at=datetime.fromisoformat(str(raw["created"])).timestamp(),
        task=_task_name(str(data.get("name") or data.get("task") or "")),
        role=_short(str(data.get("role") or "")),
        action=str(data.get("resolved_action") or data.get("task_action") or ""),
        path=str(data.get("task_path") or ""),
        host=str(data.get("host") or ""),
        ignored=bool(data.get("ignore_errors")),
        result=result if isinstance(result, Mapping) else {},
    )


def _short(role: str) -> str:
    return role.rpartition(".")[2]


def _task_name(name: str) -> str:
    # Ansible puts the role before the task's own name: "stanchion.stack.postgres : config | Write it".
    role, separator, task = name.partition(" : ")
    return task if separator and " " not in role else name
