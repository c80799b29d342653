"""The records of past runs in the state folder: one JSON line each, oldest first."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME = "runs.jsonl"
_WELL = 0


def append(state: Path, record: Mapping[str, Any]) -> None:
    """Add one record; two runs that end at once do not mix their lines."""
    line = json.dumps(record, default=str) + "\n"
    with open(state / NAME, "a", encoding="utf-8", opener=_private) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(line)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def read(state: Path) -> list[dict[str, Any]]:
    """Return every record; a line that a full disk cut off, or that is none, is left out."""
    path = state / NAME
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records


def expected_tasks(state: Path, verb: str, inventory: str, check: bool) -> int | None:
    """Return how many tasks the last good run of this kind had: the estimate for the next one."""
    for record in reversed(read(state)):
        same = (record.get("verb"), record.get("inventory"), record.get("check")) == (verb, inventory, check)
        if same and record.get("exit_code") == _WELL and record.get("tasks"):
            return int(record["tasks"])
    return None
