"""The private folder of one run: Ansible's log and result stay in it, inputs vanish when the run ends."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from stanchion.errors import ConfigurationError

RESULT = "result.json"
KEPT = 20
KEPT_VARIABLE = "STANCHION_KEEP_RUNS"
_UNFINISHED_SECONDS = 24 * 3600


class RunFolder:
    """A new folder, 0700, for one run of Ansible."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.mkdir(mode=0o700)

    @classmethod
    def create(cls, state: Path, verb: str, started: datetime) -> Self:
        """Make the folder of a run, named after its start, its verb and a short random part."""
        name = f"{started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{verb}-{secrets.token_hex(3)}"
        return cls(state / "runs" / name)

    def below(self, name: str) -> RunFolder:
        """Make the folder of a run that serves this one."""
        return RunFolder(self.path / name)

    @property
    def log(self) -> Path:
        """Return Ansible's own output."""
        return self.path / "artifacts" / "ansible" / "stdout"

    @property
    def command(self) -> Path:
        """Return what ansible-runner writes for itself: argv and environment."""
        return self.path / "artifacts" / "ansible" / "command"

    def write(self, name: str, text: str) -> Path:
        """Write a file that only this user can read."""
        path = self.path / name
        with open(path, "w", encoding="utf-8", opener=_private) as file:
            file.write(text)
        return path

    @contextlib.contextmanager
    def variables_file(self, variables: Mapping[str, object]) -> Iterator[Path | None]:
        """Give the extra variables as a file: on argv they would be in the process list."""
        if not variables:
            yield None
            return
        path = self.write("variables.json", json.dumps(variables, default=str))
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def kept_runs(environment: Mapping[str, str] = os.environ) -> int:
    """Return how many run folders stay."""
    given = environment.get(KEPT_VARIABLE, str(KEPT))
    if not given.isdigit() or int(given) < 1:
        raise ConfigurationError(f"{KEPT_VARIABLE} is {given!r}.", "Give a whole number from 1 on.")
    return int(given)


def prune(state: Path, keep: int) -> None:
    """Remove the oldest run folders that are not in use; names begin with the time, so they sort by age."""
    runs = sorted(path for path in (state / "runs").iterdir() if path.is_dir())
    for path in runs[:-keep]:
        if _is_over(path):
            # Another run may be pruning at the same moment.
            shutil.rmtree(path, ignore_errors=True)


def _is_over(path: Path) -> bool:
    """Say whether a run has come to its result; one that was killed has none, and lasts a day at most."""
    if (path / RESULT).exists():
        return True
    with contextlib.suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime > _UNFINISHED_SECONDS
    return False
