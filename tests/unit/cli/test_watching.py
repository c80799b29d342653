"""`status --watch` on a terminal of the test's own: it looks again, and Ctrl-C leaves the terminal whole."""

from __future__ import annotations

import json
import os
import pty
import select
import sys
import time
from pathlib import Path

import pytest
from samples import SERVING
from test_whole_runs import INVENTORY, LOOK_MODULE, PLAY, PROGRAM, Project

from stanchion import cli
from stanchion.report import terminal

LOOKS = """
    - name: status | Look at the stack
      look:
        path: "{{ playbook_dir }}/facts.json"
    - name: Look again
      look:
        path: "{{ playbook_dir }}/facts.json"
      loop: "{{ range(stack_watch.rounds) | list }}"
      loop_control: {pause: "{{ stack_watch.every }}"}
"""
FACTS = {
    **SERVING,
    "collected_at": "2026-11-30T12:00:00+00:00",
    "metrics": {"ok": True, "entries": {}},
    "cgroups": {"ok": True, "entries": {}},
    "figures": {"ok": True, "asked": False, "entries": {}},
}
OWN_SCREEN, BACK = b"\x1b[?1049h", b"\x1b[?1049l"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for folder in ("playbooks/library", "inventory/local"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "inventory" / "local" / "hosts.yml").write_text(INVENTORY)
    (tmp_path / "playbooks" / "status.yml").write_text(PLAY + LOOKS)
    (tmp_path / "playbooks" / "library" / "look.py").write_text(LOOK_MODULE)
    (tmp_path / "playbooks" / "facts.json").write_text(json.dumps(FACTS))
    return Project(tmp_path)


class Watched:
    """A run on a terminal."""

    def __init__(self, project: Project) -> None:
        environment = {
            name: text for name, text in project.environment.items() if name not in ("CI", "NO_COLOR")
        }
        command = [sys.executable, "-c", PROGRAM, str(project.root), "status", "--watch", "1"]
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(project.root)
            os.execve(sys.executable, command, {**environment, "TERM": "xterm-256color", "COLUMNS": "120"})
        self.seen = b""

    def until(self, text: bytes, seconds: float = 60.0) -> None:
        """Read until a text has come after what was read before."""
        ends, start = time.monotonic() + seconds, len(self.seen)
        while text not in self.seen[start:]:
            assert time.monotonic() < ends, self.seen[-2000:].decode(errors="replace")
            self._read()

    def _read(self) -> bool:
        ready, _, _ = select.select([self.terminal], [], [], 0.5)
        try:
            more = os.read(self.terminal, 65536) if ready else b""
        except OSError:
            return False
        self.seen += more
        return bool(more) or not ready

    def ctrl_c(self) -> None:
        os.write(self.terminal, b"\x03")

    def ended(self) -> int:
        """Return the exit code, once it is over."""
        ends = time.monotonic() + 30
        while self._read():
            assert time.monotonic() < ends, "it goes on"
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_it_looks_again_and_ends_as_the_last_look_says(project: Project) -> None:
    facts = project.root / "playbooks" / "facts.json"
    watched = Watched(project)
    watched.until(b"demo is healthy")
    facts.write_text(json.dumps(FACTS).replace('"healthy"', '"unhealthy"'))
    watched.until(b"does not serve")
    facts.write_text(json.dumps(FACTS))
    watched.until(b"demo is healthy")
    watched.ctrl_c()
    assert watched.ended() == 0
    assert watched.seen.count(OWN_SCREEN) == watched.seen.count(BACK) == 1
    after = watched.seen.partition(BACK)[2].decode()
    assert "healthy: demo is healthy on 1 host" in after, "the last look stays in sight"
    (record,) = project.records()
    assert (record["verb"], record["exit_code"]) == ("status", 0)


def test_the_exit_code_is_the_last_looks(project: Project) -> None:
    (project.root / "playbooks" / "facts.json").write_text(
        json.dumps(FACTS).replace('"healthy"', '"unhealthy"')
    )
    watched = Watched(project)
    watched.until(b"does not serve")
    watched.ctrl_c()
    assert watched.ended() == 1


def test_ctrl_c_before_the_first_look(project: Project) -> None:
    (project.root / "playbooks" / "facts.json").write_text(json.dumps({**FACTS, "sleep": 20}))
    watched = Watched(project)
    watched.until(b"looking for the first time")
    watched.ctrl_c()
    assert watched.ended() == 130
    assert BACK in watched.seen


def test_a_look_that_fails_at_first_is_told(project: Project) -> None:
    (project.root / "playbooks" / "facts.json").unlink()
    watched = Watched(project)
    assert watched.ended() not in (0, 1)
    assert b"no look" in watched.seen.partition(BACK)[2]


def test_it_wants_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["status", "--watch"]) == 2
    assert "draws on a terminal" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--format", "json"], ["--output", "x.txt"]])
def test_it_is_no_format(
    options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "is_live", lambda *_: True)
    assert cli.run(["status", "--watch", "3", *options]) == 2
    out, err = capsys.readouterr()
    assert "neither --format nor --output" in out + err


def test_a_time_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["status", "--watch", "0"]) == 2
    assert "--watch" in capsys.readouterr().err
