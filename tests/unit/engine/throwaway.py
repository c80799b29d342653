"""A throw-away project for runs of Ansible on this machine, and who listens to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from stanchion import engine
from stanchion.run.events import Event
from stanchion.run.folder import RunFolder
from stanchion.run.stopping import Reason

INVENTORY = """
stack:
  hosts:
    here:
      ansible_connection: local
      ansible_python_interpreter: "{{ ansible_playbook_python }}"
"""


@dataclass
class Heard:
    """Remembers what it is told."""

    then: Callable[[Event], None] = lambda event: None
    events: list[Event] = field(default_factory=list)
    stops: list[Reason] = field(default_factory=list)

    def on_event(self, event: Event) -> None:
        self.events.append(event)
        self.then(event)

    def on_stop(self, reason: Reason) -> None:
        self.stops.append(reason)

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]


@dataclass
class Project:
    """A root with one playbook, an inventory and a state folder."""

    root: Path

    def playbook(self, tasks: str, name: str = "play.yml") -> Path:
        """Write a playbook of these tasks."""
        path = self.root / name
        path.write_text("- name: Play\n  hosts: stack\n  gather_facts: false\n  tasks:\n" + tasks)
        return path

    def request(self, playbook: Path, **more: object) -> engine.Request:
        """Return the request of a run."""
        return engine.Request(root=self.root, playbook=playbook, inventory=self.root / "inventory", **more)

    def folder(self) -> RunFolder:
        """Make a run's folder."""
        (self.root / "state" / "runs").mkdir(parents=True, exist_ok=True)
        return RunFolder.create(self.root / "state", "deploy", datetime.now(UTC))


def contents(folder: Path) -> str:
    """Return everything that stands in the files of a folder, and their names."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return "\n".join(f"{path}\n{path.read_text(errors='replace')}" for path in files)
