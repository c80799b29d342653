"""Alembic as a deployment runs it."""

from __future__ import annotations

import os
import subprocess
import sys

from .web import FOLDER


def start_alembic(database_url: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=FOLDER,
        env={**os.environ, "DATABASE_URL": database_url, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str], expected_code: int = 0) -> str:
    """Waits for it, and gives what it said."""
    output, _ = process.communicate(timeout=60)
    assert process.returncode == expected_code, output
    return output


def alembic(database_url: str, *arguments: str, expected_code: int = 0, **environment: str) -> str:
    return finish(start_alembic(database_url, *arguments, **environment), expected_code)
