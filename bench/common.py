"""What the measurements have in common: running commands, and taking their time."""

from __future__ import annotations

import subprocess
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
