# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the watch remembers, and the record of what was done: nobody reads half of it."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from stanchion_host.files import replace
from stanchion_host.recovery_record import RECORD, records

STATE = "watch.json"
KEPT_LINES = 2000
KEPT_SECONDS = 90 * 86400.0


def state(folder: Path) -> dict[str, Any]:
    """Return what the last run remembered: `at`, what is `dead`, what was `begun` and what was `said`."""
    kept: dict[str, Any] = {"at": 0.0, "trouble": "", "dead": {}, "begun": {}, "said": {}}
    with contextlib.suppress(OSError, ValueError, TypeError):
        kept.update(json.loads((folder / STATE).read_text()))
    return kept


def keep_state(folder: Path, kept: dict[str, Any]) -> None:
    """Remember it."""
    replace(folder / STATE, json.dumps(kept, indent=2) + "\n")


def append(folder: Path, record: dict[str, Any]) -> None:
    """Add one line. In one write, so that lines of two writers never mix."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    handle = os.open(folder / RECORD, flags, 0o600)
    try:
        os.write(handle, (json.dumps(record) + "\n").encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def trim(folder: Path, now: float) -> None:
    """Let the oldest lines go."""
    every = records(folder)
    kept = [each for each in every if now - each["at"] < KEPT_SECONDS][-KEPT_LINES:]
    if len(kept) < len(every):
        replace(folder / RECORD, "".join(json.dumps(each) + "\n" for each in kept))
