"""What the measurements have in common: running commands, taking their time, and a stack of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(*argv: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
    """Run a command and return what it printed; show its output where it fails.

    Raises:
        SystemExit: the command failed.
    """
    done = subprocess.run(  # noqa: S603
        argv, cwd=ROOT, env=env, input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def timed(action: Callable[[], object]) -> float:
    """Return how many seconds an action takes."""
    began = time.monotonic()
    action()
    return time.monotonic() - began


class OwnStack:
    """A stack on this machine by `python runner.py`, with a state folder of its own."""

    def __init__(self, folder: Path, stack: str, inventory: str) -> None:
        self.stack = stack
        self.inventory = folder / "hosts.yml"
        self.inventory.write_text(inventory)
        self.environment = {**os.environ, "STANCHION_STATE": str(folder / "state")}

    def verb(self, *argv: str) -> str:
        verb, *rest = argv
        runner = (sys.executable, "runner.py", verb, "-i", str(self.inventory), *rest)
        return run(*runner, "--format", "json", env=self.environment)

    def up(self) -> None:
        self.verb("deploy", "--no-validate")

    def down(self) -> None:
        self.verb("destroy", "--no-input", "--delete-data", self.stack, "--delete-backups", self.stack)
