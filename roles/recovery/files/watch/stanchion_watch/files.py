# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the watch remembers, and the record of what was done: nobody reads half of it."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

RECORD, STATE = "recovery.jsonl", "watch.json"
KEPT_LINES = 2000
KEPT_SECONDS = 90 * 86400.0
_NEEDED = ("at", "by", "remedy", "of", "outcome")


def replace(path: Path, text: str) -> None:
    """Replace a file by a whole one, for root only; a crash leaves the old one."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(handle)
        Path(draft).rename(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def state(folder: Path) -> dict[str, Any]:
    """Return what the last run remembered: `at`, what is `dead`, what was `begun` and what was `said`."""
    kept: dict[str, Any] = {"at": 0.0, "trouble": "", "dead": {}, "begun": {}, "said": {}}
    with contextlib.suppress(OSError, ValueError, TypeError):
        kept.update(json.loads((folder / STATE).read_text()))
    return kept


def keep_state(folder: Path, kept: dict[str, Any]) -> None:
    """Remember it."""
    replace(folder / STATE, json.dumps(kept, indent=2) + "\n")


def records(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of the record, the oldest first; one that can't be read is passed over."""
    try:
        lines = (folder / RECORD).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            read = json.loads(line)
            if isinstance(read, dict) and set(_NEEDED) <= set(read) and isinstance(read["at"], (int, float)):
                found.append(read)
    return found


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
