"""What is told while a run lasts."""

from __future__ import annotations

import io
import re

import pytest
from samples import Terminal

from stanchion.report.progress import Live, Plain, follow, wait
from stanchion.run.events import Event


def task(name: str, role: str = "") -> Event:
    return Event(kind="task", at=0, task=name, role=role)


EVENTS = (
    task("Take the lock"),
    task("preflight | Look", "postgres"),
    task("image | Build", "postgres"),
    task("decide | Compare", "container_image"),
    task("server | Start", "postgres"),
    task("Renew the lock"),
    task("preflight | Look", "postgres"),
    task("server | Wait", "postgres"),
    task("status | Look at the stack"),
)


def test_one_plain_line_whenever_another_role_goes_on() -> None:
    stream = io.StringIO()
    with Plain("deploy", stream) as shown:
        for event in EVENTS:
            shown.on_event(event)
        shown.on_stop("interrupted")
    lines = [re.sub(r"\(.*\)", "", line).strip() for line in stream.getvalue().splitlines()]
    assert lines[:-1] == [
        "deploy: playbook",
        "deploy: preflight",
        "deploy: postgres",
        "deploy: container_image",
        "deploy: postgres",
        "deploy: status",
    ]
    assert lines[-1].startswith("deploy: interrupted: asking Ansible to stop")


def test_the_stream_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(follow("deploy", None, Terminal()), Live)
    assert isinstance(follow("deploy", None, io.StringIO()), Plain)
    monkeypatch.setenv("CI", "true")
    assert isinstance(follow("deploy", None, Terminal()), Plain)


@pytest.mark.parametrize("expected", [None, 6])
def test_a_moving_line_shows_role_and_task_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, expected: int | None
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    with Live("deploy", expected, stream) as shown:
        for event in EVENTS:
            shown.on_event(event)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    assert "status  Look at the stack" in plain
    assert stream.getvalue().endswith("\x1b[2K")


def test_a_wait_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with wait("deploy", "looking", stream) as shown:
        for event in EVENTS:
            shown.on_event(event)
    assert stream.getvalue() == "deploy: looking\n"
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with wait("deploy", "looking", terminal) as shown:
        for event in EVENTS:
            shown.on_event(event)
    assert "looking" in terminal.getvalue()
    assert "container_image" not in terminal.getvalue()
