# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of what was restarted and mended: the watch and the verb `recover` write it, others read it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

RECORD = "recovery.jsonl"
# Outcome of a line: the remedy was tried too often. For as many seconds the watch leaves alone what it is of.
GAVE_UP, GIVES_UP_FOR = "gave_up", 3600.0
_NEEDED = ("at", "by", "remedy", "of", "outcome")


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
