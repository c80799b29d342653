"""Kinds of bad input: a clear error, the exit code that names its class, and nothing changed.

A secret that others may read is in molecule/postgres, a clash of networks in molecule/stack_network, all
variants in tests/unit/preflight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from stack import Run, Stack


def picture(stack: Stack, images: bool = True) -> tuple[Any, ...]:
    """What must not change: containers with their start, networks, volumes, images, the stack's files.

    Cron's jobs come and go.
    """
    names = " ".join(sorted(stack.host.containers(stack.name)))
    script = f"""
    echo {names} | xargs -r docker inspect --format '{{{{.Id}}}} {{{{.Name}}}} {{{{.State.StartedAt}}}}'
    docker network ls -q --no-trunc | sort
    docker volume ls -q | sort
    {"docker image ls -aq --no-trunc | sort" if images else ""}
    find /var/lib/stanchion {stack.not_of_jobs} -type f ! -name 'runs.jsonl' ! -name 'lock*' \\
        -exec sha256sum {{}} + | sort
    find /var/lib/stanchion/{stack.name} {stack.not_of_jobs} -printf '%p %m %u %g\\n' 2>/dev/null \\
        | grep -v runs.jsonl | sort
    """
    return tuple(stack.host.run("sh", "-c", script).splitlines())


def refused(stack: Stack, code: int, *words: str, unchanged: bool = True, argv: tuple[str, ...] = ()) -> Run:
    """Deploy, and insist that it is refused in these words."""
    before = picture(stack)
    run = stack.runner("deploy", *argv)
    assert run.code == code, run.text
    missing = [word for word in words if word not in run.text]
    assert not missing, f"{missing} not in: {run.text}"
    assert "Traceback" not in run.text
    if unchanged:
        assert picture(stack) == before
    return run


VARIABLES = {
    "misspelt variable": ({"postgres_memroy": "1g"}, ("postgres_memroy", "postgres_memory")),
    "value of a wrong kind": ({"stack_backend_replicas": "many"}, ("stack_backend_replicas",)),
    "pool does not fit": ({"postgres_settings": {"max_connections": 20}}, ("max_connections", "20")),
}


@pytest.mark.parametrize("case", VARIABLES)
def test_variables_that_cannot_work(stack: Stack, case: str) -> None:
    """The preflight refuses them before anything is touched."""
    variables, words = VARIABLES[case]
    refused(stack.with_variables(**variables), 2, *words)


def test_unknown_inventory(stack: Stack) -> None:
    """A folder that is not there is named."""
    run = stack.runner("deploy", "-i", "inventory/nowhere")
    assert run.code == 2
    assert "inventory/nowhere" in run.text


def test_port_taken_on_the_host(stack: Stack) -> None:
    """The port and what listens there are named."""
    listen = "python3 -m http.server 5700 --bind 127.0.0.1 >/dev/null 2>&1 & echo $!"
    pid = stack.host.run("sh", "-c", listen).strip()
    try:
        refused(stack.with_variables(backend_publish_port=5699), 2, "5700")
    finally:
        stack.host.run("kill", pid)


@contextmanager
def changed_file(stack: Stack, path: str, change: str) -> Iterator[None]:
    """Change a file of the host by a shell command, and put it back with its mode and owner."""
    stack.host.run("cp", "-p", path, f"{path}.kept")
    try:
        stack.host.run("sh", "-c", change)
        yield
    finally:
        stack.host.run("mv", f"{path}.kept", path)


def test_empty_secret_file(stack: Stack) -> None:
    """It is neither used nor replaced."""
    path = f"/var/lib/stanchion/{stack.name}/secrets/app_password"
    with changed_file(stack, path, f"truncate -s 0 {path}"):
        refused(stack, 2, path)


def test_engine_does_not_answer(stack: Stack) -> None:
    """A frozen engine is an answer within seconds, not a hang."""
    stack.host.run("sh", "-c", "kill -STOP $(pidof dockerd)")
    try:
        run = stack.runner("deploy", timeout=60)
    finally:
        stack.host.run("sh", "-c", "kill -CONT $(pidof dockerd)")
    assert run.code == 3, run.text
    assert "did not answer" in run.text


@pytest.fixture
def broken_context(tmp_path: Path) -> Callable[[str], str]:
    """A build context from the text of a Dockerfile."""

    def write(dockerfile: str) -> str:
        (tmp_path / "Dockerfile").write_text(dockerfile)
        return str(tmp_path)

    return write


def test_image_that_fails_to_build(stack: Stack, broken_context: Callable[[str], str]) -> None:
    """The last lines of the build are shown; but for layers that it got to, nothing has changed."""
    context = broken_context(
        "ARG BASE\nFROM ${BASE}\nARG RESOLVED\nRUN echo the reason is written here >&2; exit 3\n"
    )
    before = picture(stack, images=False)
    run = stack.with_variables(backend_context=context, backend_image_packages=[]).runner("deploy")
    assert run.code == 4, run.text
    assert "the reason is written here" in run.text
    assert picture(stack, images=False) == before


def test_context_without_a_dockerfile(stack: Stack, tmp_path: Path) -> None:
    """Seen before anything is touched."""
    refused(stack.with_variables(backend_context=str(tmp_path)), 2, str(tmp_path), "Dockerfile")


def test_secret_on_the_command_line(stack: Stack) -> None:
    """Refused, with the way to do it."""
    run = refused(stack, 2, "vault", argv=("-e", "postgres_application_password=canary-on-argv"))
    assert "canary-on-argv" not in run.text


def test_destroy_with_another_stacks_name(stack: Stack) -> None:
    """The word is there and names what is not meant: nothing goes. A missing word is in tests/unit/cli."""
    before = picture(stack)
    run = stack.runner("destroy", "--yes", "--delete-data", "another-stack")
    assert run.code == 2, run.text
    assert "another-stack" in run.text and stack.name in run.text
    assert picture(stack) == before
