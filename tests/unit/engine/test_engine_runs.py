"""Runs of Ansible that come to their own end."""

from __future__ import annotations

import os
import signal
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest
from throwaway import Heard, Project, contents

from stanchion import engine
from stanchion.run.folder import RunFolder

CANARY = "canary-4d1f0c"
SEEN = "task-saw-"

TASKS = """
    - name: one | Read a secret from a private file
      ansible.builtin.set_fact:
        secret: "{{ lookup('ansible.builtin.file', playbook_dir ~ '/secret') }}"
      no_log: true
    - name: two | Tell of the environment and the variables
      ansible.builtin.debug:
        msg: >-
          task-saw-{{ given }}-{{ lookup('ansible.builtin.env', 'STANCHION_RUN_ID') }}-{{
          lookup('ansible.builtin.env', 'CANARY_PLAIN') | length }}
    - name: three | Change something
      ansible.builtin.command: "true"
    - name: four | Check the sudo password
      ansible.builtin.command: "true"
      changed_when: false
      no_log: true
"""


@dataclass(frozen=True)
class Done:
    heard: Heard
    outcome: engine.Outcome
    folder: RunFolder
    during: dict[str, str]


@pytest.fixture(scope="module")
def done(project: Project) -> Done:
    """One good run, with every secret that could leak."""
    secret = project.root / "secret"
    secret.write_text(f"{CANARY}-file")
    secret.chmod(0o600)
    playbook, folder, during = project.playbook(TASKS), project.folder(), {}

    def look_inside(_: object) -> None:
        if not during:
            during["folder"] = contents(folder.path)
            during["argv"] = "".join(
                path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                for path in Path("/proc").glob("[0-9]*/cmdline")
                if path.exists()
            )

    request = project.request(
        playbook,
        variables={"given": "value"},
        environment={"STANCHION_RUN_ID": "run-7"},
        become_password=f"{CANARY}-sudo",
    )
    patch = pytest.MonkeyPatch()
    patch.setenv("CANARY_PLAIN", f"{CANARY}-plain")
    patch.setenv("ANSIBLE_BECOME_PASSWORD", f"{CANARY}-ansible")
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        heard = Heard(look_inside)
        outcome = engine.run(request, folder, heard)
    finally:
        patch.undo()
    assert {number: signal.getsignal(number) for number in before} == before, (
        "signal handlers were left behind"
    )
    return Done(heard, outcome, folder, during)


def test_a_good_run(done: Done) -> None:
    assert done.outcome == engine.Outcome(return_code=0, stopped=None)
    assert [event.task for event in done.heard.of("task")][:2] == [
        "one | Read a secret from a private file",
        "two | Tell of the environment and the variables",
    ]
    assert [event.task for event in done.heard.of("ok") if event.changed] == ["three | Change something"]


def test_variables_and_named_environment_arrive_and_the_rest_does_not(done: Done) -> None:
    (told,) = [
        event.result["msg"] for event in done.heard.of("ok") if "msg" in event.result and event.role == ""
    ][:1]
    assert told == f"{SEEN}value-run-7-0"


def test_no_secret_is_left_in_the_folder(done: Done) -> None:
    assert SEEN in contents(done.folder.path), "the log is where it is looked for"
    assert CANARY not in contents(done.folder.path)


def test_no_secret_is_in_the_folder_or_in_argv_while_it_runs(done: Done) -> None:
    assert "variables.json" in done.during["folder"]
    assert CANARY not in done.during["folder"]
    assert "leash" in done.during["argv"]
    assert CANARY not in done.during["argv"]


def test_only_the_log_stays(done: Done) -> None:
    names = {
        str(path.relative_to(done.folder.path)) for path in done.folder.path.rglob("*") if not path.is_dir()
    }
    assert names == {f"artifacts/ansible/{name}" for name in ("stdout", "stderr", "rc", "status")}
    assert stat.S_IMODE(done.folder.path.stat().st_mode) == 0o700
    assert done.folder.log.is_file()


def test_the_sudo_password_arrives_through_the_pipe(project: Project, tmp_path: Path) -> None:
    """A stand-in for sudo takes the password that Ansible has read, and only the right one."""
    sudo = tmp_path / "sudo"
    sudo.write_text(
        "#!/bin/sh\n"
        "# sudo -H -S -p PROMPT -u USER COMMAND...\n"
        'printf "%s" "$4"; read -r given; [ "$given" = right ] || { echo "Sorry, try again." >&2; exit 1; }\n'
        'shift 6; exec "$@"\n'
    )
    sudo.chmod(0o755)
    playbook = project.playbook(
        f"""
    - name: one | Become somebody
      ansible.builtin.command: "true"
      become: true
      become_user: nobody
      vars:
        ansible_become_exe: {sudo}
"""
    )
    heard = Heard()
    typed = "right"
    outcome = engine.run(project.request(playbook, become_password=typed), project.folder(), heard)
    assert outcome.return_code == 0, heard.events[-1]


def test_a_failed_task(project: Project) -> None:
    playbook = project.playbook(
        "    - name: one | Fail\n      ansible.builtin.fail:\n        msg: no such luck\n"
    )
    heard = Heard()
    outcome = engine.run(project.request(playbook), project.folder(), heard)
    assert outcome == engine.Outcome(return_code=2, stopped=None)
    (failed,) = heard.of("failed")
    assert (failed.host, failed.result["msg"], failed.ignored) == ("here", "no such luck", False)
    assert failed.path == f"{playbook}:5"


def test_ansible_killed_from_outside_has_no_return_code(project: Project) -> None:
    playbook = project.playbook("    - name: one | Die\n      ansible.builtin.pause:\n        seconds: 30\n")
    pids = []

    def kill_ansible(event: object) -> None:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        pids.extend(children)
        # With its workers: one that waits for an answer of Ansible's would wait for ever.
        os.killpg(int(children[0]), signal.SIGKILL)

    outcome = engine.run(project.request(playbook), project.folder(), Heard(kill_ansible))
    assert pids
    assert outcome == engine.Outcome(return_code=None, stopped=None)
