"""A container of the stack put aside, and a bad one run by hand under its name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from stack import Stack


@contextlib.contextmanager
def replaced(stack: Stack, name: str, *run: str) -> Iterator[None]:
    """Run another container under this name, with the stack's labels, in place of the good one."""
    docker = stack.host.run
    labels = stack.host.inspect(name)["Config"]["Labels"]
    told = [f"--label=io.stanchion.{key}={labels[f'io.stanchion.{key}']}" for key in ("stack", "role")]
    docker("docker", "stop", name)
    docker("docker", "rename", name, f"{name}-aside")
    try:
        docker("docker", "run", "--detach", "--name", name, *told, *run)
        yield
    finally:
        docker("docker", "rm", "--force", "--volumes", name, check=False)
        docker("docker", "rename", f"{name}-aside", name)
        docker("docker", "start", name)
        stack.wait_until_healthy()


def health(stack: Stack, name: str) -> str | None:
    """Return a running container's health, None where it has no probe or does not run."""
    state = stack.host.inspect(name)["State"]
    found: str | None = state.get("Health", {}).get("Status") if state["Running"] else None
    return found
