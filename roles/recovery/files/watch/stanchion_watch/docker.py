# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The docker command, each time with a limit: an engine that hangs must not hold up the next minute."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# An engine that is alive answers a question within milliseconds.
ANSWERS_WITHIN = 20.0
# Beside the stop time-out: the end of a container, and the start of another.
ACTS_WITHIN = 120.0
STACK_LABEL = "io.stanchion.stack"


class DockerError(Exception):
    """The engine does not answer, or refuses; the text is one sentence."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


def run(argv: Sequence[str], within: float, stdin: str | None = None) -> Done:
    """Run a command; the code is 124 when its time was up."""
    try:
        done = subprocess.run(  # noqa: S603
            list(argv),
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=within,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Done(124, "", f"no answer within {within:g} s")
    except FileNotFoundError:
        return Done(127, "", f"there is no command {argv[0]} on this host")
    return Done(done.returncode, done.stdout, done.stderr)


def inspect(names: Sequence[str], stack: str) -> list[dict[str, Any]]:
    """Return what the engine knows of these containers; of what is not there or not the stack's, nothing."""
    done = run(["docker", "container", "inspect", *names], ANSWERS_WITHIN)
    told = [line for line in done.err.splitlines() if line.strip()]
    if done.code != 0 and not (told and all("no such container" in line.lower() for line in told)):
        raise DockerError(f"The engine does not answer: {' '.join(told) or f'it ended with {done.code}'}")
    try:
        found: list[dict[str, Any]] = json.loads(done.out or "[]")
    except ValueError as error:
        raise DockerError(f"The engine told no JSON: {error}") from error
    return [each for each in found if (each["Config"].get("Labels") or {}).get(STACK_LABEL) == stack]


def writers(volume: str) -> list[str]:
    """Return the names of the containers that run and have a volume to write to."""
    listed = run(["docker", "ps", "--quiet", "--filter", f"volume={volume}"], ANSWERS_WITHIN)
    ids = listed.out.split()
    found = run(["docker", "container", "inspect", *ids], ANSWERS_WITHIN) if ids else Done(0, "[]", "")
    if listed.code != 0 or found.code != 0:
        raise DockerError(f"The engine does not tell who uses {volume}: {listed.err or found.err}".strip())
    return [
        each["Name"].lstrip("/")
        for each in json.loads(found.out)
        if any(mount.get("RW") and mount.get("Name") == volume for mount in each["Mounts"])
    ]


def restart(name: str, stop_seconds: int) -> None:
    """Stop and start a container: its own stop signal first, and what still runs after its time is killed.

    DockerError where that failed. Unlike `docker kill`, this leaves the restart policy in force.
    """
    _act(["docker", "restart", "-t", str(stop_seconds), name], stop_seconds + ACTS_WITHIN)


def start(name: str) -> None:
    """Start a container that has ended; DockerError where that failed."""
    _act(["docker", "start", name], ACTS_WITHIN)


def _act(argv: Sequence[str], within: float) -> None:
    done = run(argv, within)
    if done.code != 0:
        raise DockerError(" ".join(done.err.split()) or f"{argv[1]} ended with {done.code}")
