"""Runs of Ansible that are ended early."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from throwaway import Heard, Project

from stanchion import engine
from stanchion.run.events import Event
from stanchion.run.processes import below, wait_until_gone
from stanchion.run.stopping import Stopper

SLEEP = """
    - name: one | Sleep
      ansible.builtin.shell: >-
        {{ prefix | default('') }} echo $$ > {{ playbook_dir }}/{{ mark }}; sleep 20; sleep 10
    - name: two | Never
      ansible.builtin.debug:
"""


def started(path: Path) -> int:
    """Wait until the module runs, and return its process id."""
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.05)
    raise AssertionError("the module did not start")


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def signal_once_it_sleeps(mark: Path, number: int) -> subprocess.Popen[bytes]:
    """Send the signal from another process, as a terminal or an init would."""
    script = f"while ! [ -s {mark} ]; do sleep 0.05; done; kill -{number} {os.getpid()}"
    return subprocess.Popen(["/bin/sh", "-c", script])


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")]
)
def test_a_signal_ends_the_run_and_its_modules(project: Project, number: signal.Signals, reason: str) -> None:
    mark = project.root / f"signal-{number}"
    request = project.request(project.playbook(SLEEP), variables={"mark": mark.name})
    heard = Heard()
    sender = signal_once_it_sleeps(mark, number)
    outcome = engine.run(request, project.folder(), heard)
    sender.wait()
    assert outcome.stopped == reason
    assert heard.stops == [reason]
    assert [event.task for event in heard.of("task")] == ["one | Sleep"]
    assert not alive(started(mark))


def test_a_module_that_ignores_signals_is_killed_after_the_grace(project: Project) -> None:
    mark = project.root / "stubborn"
    variables = {"mark": mark.name, "prefix": "trap '' INT TERM HUP;"}
    request = project.request(project.playbook(SLEEP), variables=variables, grace=1.5)
    sender = signal_once_it_sleeps(mark, signal.SIGINT)
    began = time.monotonic()
    outcome = engine.run(request, project.folder(), Heard())
    sender.wait()
    assert outcome.stopped == "interrupted"
    assert not alive(started(mark))
    assert time.monotonic() - began < 18, "it waited for the module's own end"


def test_what_runs_is_found_before_an_event_tells_of_it() -> None:
    with Stopper(lambda _: None, grace=0.2) as stopper:
        run = subprocess.Popen(["/bin/sh", "-c", "trap '' INT; sleep 20; true"], start_new_session=True)
        while len(below(run.pid)) == 0:
            time.sleep(0.02)
        signal.raise_signal(signal.SIGINT)
    assert stopper.reason == "interrupted"
    assert not stopper.hurried
    assert run.poll() == -signal.SIGKILL


def test_a_second_signal_is_remembered() -> None:
    with Stopper(lambda _: None, grace=0.2) as stopper:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert (stopper.reason, stopper.hurried) == ("interrupted", True)


def test_what_ran_before_is_left_alone() -> None:
    other = subprocess.Popen(["/bin/sleep", "20"], start_new_session=True)
    with Stopper(lambda _: None, grace=0.2):
        signal.raise_signal(signal.SIGTERM)
    assert other.poll() is None
    other.kill()
    other.wait()


def test_the_time_limit_ends_the_run(project: Project) -> None:
    mark = project.root / "limit"
    request = project.request(project.playbook(SLEEP), variables={"mark": mark.name}, timeout=3, grace=2)
    outcome = engine.run(request, project.folder(), Heard())
    assert outcome.stopped == "timed out"
    assert not mark.exists() or not alive(started(mark))


def test_a_signal_after_the_last_task_stops_nothing(project: Project) -> None:
    playbook = project.playbook("    - name: one | Do\n      ansible.builtin.debug:\n")

    def interrupt(event: Event) -> None:
        if event.kind == "ok":
            signal.raise_signal(signal.SIGHUP)

    # Ansible may have finished by then, or not: what counts is that both answers agree.
    outcome = engine.run(project.request(playbook), project.folder(), Heard(interrupt))
    assert (outcome.return_code == 0) == (outcome.stopped is None)


def test_ansible_does_not_outlive_a_killed_command_line(project: Project) -> None:
    mark = project.root / "orphan"
    playbook = project.playbook(SLEEP)
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from throwaway import Heard, Project
from stanchion import engine
project = Project(Path({str(project.root)!r}))
request = project.request(Path({str(playbook)!r}), variables={{"mark": "orphan"}})
engine.run(request, project.folder(), Heard())
"""
    process = subprocess.Popen([sys.executable, "-c", script])
    module = started(mark)
    ansible = below(process.pid)
    assert module in {found.pid for found in ansible}
    process.kill()
    process.wait()
    wait_until_gone(ansible, time.monotonic() + 10)
    assert [found for found in ansible if found.alive()] == []
