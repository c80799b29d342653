"""What is kept of the events of a run."""

from __future__ import annotations

from typing import Any

from stanchion.run.events import Event, parse
from stanchion.run.recording import DECLARED_TASK, LOOK_TASK, Recording


def task(name: str, at: float, role: str = "") -> Event:
    return Event(kind="task", at=at, task=name, role=role)


def ended(name: str, at: float, role: str = "", host: str = "one", **result: Any) -> Event:
    return Event(kind="ok", at=at, task=name, role=role, host=host, result=result)


def test_raw_events_are_parsed() -> None:
    event = parse(
        {
            "event": "runner_on_failed",
            "created": "2026-11-24T17:40:00.5+00:00",
            "event_data": {
                "host": "one",
                "task": "stanchion.stack.postgres : config | Write it",
                "role": "stanchion.stack.postgres",
                "task_action": "copy",
                "resolved_action": "ansible.builtin.copy",
                "task_path": "/roles/postgres/tasks/config.yml:3",
                "ignore_errors": True,
                "res": {"msg": "no"},
            },
        }
    )
    assert event == Event(
        kind="failed",
        at=1795542000.5,
        task="config | Write it",
        role="postgres",
        action="ansible.builtin.copy",
        path="/roles/postgres/tasks/config.yml:3",
        host="one",
        ignored=True,
        result={"msg": "no"},
    )


def test_events_that_nobody_reads_are_left_out() -> None:
    assert parse({"event": "verbose", "created": "2026-11-24T17:40:00+00:00"}) is None
    assert parse({"event": "EOF"}) is None


def test_a_task_with_a_colon_in_its_name_keeps_it() -> None:
    event = parse(
        {
            "event": "playbook_on_task_start",
            "created": "2026-11-24T17:40:00+00:00",
            "event_data": {"name": "Say this : that"},
        }
    )
    assert event is not None
    assert event.task == "Say this : that"


def test_phases() -> None:
    assert task("preflight | Look", 0, "postgres").phase == "preflight"
    assert task("config | Write", 0, "postgres").phase == "postgres"
    assert (
        task("Validating arguments against arg spec 'preflight' - Tell", 0, "postgres").phase == "preflight"
    )
    assert task("Validating arguments against arg spec 'main' - Run", 0, "postgres").phase == "postgres"
    assert task("status | Look at the stack", 0).phase == "status"
    assert task("Take the lock", 0).phase == "playbook"


def test_time_is_charged_to_the_role_whose_task_runs() -> None:
    recording = Recording()
    for event in (
        task("a | One", 10, "postgres"),
        ended("a | One", 13, "postgres", changed=True),
        task("b | Two", 14, "backend"),
        ended("b | Two", 20, "backend"),
        task("a | Three", 20, "postgres"),
        ended("a | Three", 21, "postgres"),
    ):
        recording.add(event)
    seen = {phase.name: (phase.seconds, phase.tasks, phase.changed) for phase in recording.phases.values()}
    assert seen == {"postgres": (5, 2, 1), "backend": (6, 1, 0)}
    assert recording.tasks == 3


def test_changes_failures_and_warnings() -> None:
    recording = Recording()
    recording.add(ended("a | Change", 1, changed=True, warnings=["old", "old"]))
    recording.add(ended("a | Same", 2, warnings=["old"]))
    recording.add(Event(kind="failed", at=3, task="a | Ignored", host="one", ignored=True))
    recording.add(Event(kind="failed", at=4, task="a | Fail", host="two"))
    recording.add(Event(kind="unreachable", at=5, task="a | Gone", host="three"))
    assert [event.task for event in recording.changes] == ["a | Change"]
    assert [event.task for event in recording.failures] == ["a | Fail"]
    assert [event.host for event in recording.unreachable] == ["three"]
    assert recording.warnings == ["old"]
    assert recording.hosts == {"one", "two", "three"}


def test_the_look_and_what_is_declared() -> None:
    recording = Recording()
    recording.add(ended(LOOK_TASK, 1, stack_facts={"stack": "demo"}))
    recording.add(ended(DECLARED_TASK, 2, ansible_facts={"stack_declared": {"backend_replicas": 2}}))
    assert recording.looks == {"one": {"stack": "demo"}}
    assert recording.declared == {"one": {"backend_replicas": 2}}
    assert recording.stack == "demo"


def test_what_was_removed() -> None:
    recording = Recording()
    recording.add(ended("Remove", 1, removed={"containers": ["a"]}, stack="demo", changed=True))
    assert recording.removed == {"one": {"containers": ["a"]}}
    assert recording.stack == "demo"
