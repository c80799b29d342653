# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one look remembers for the next: figures.json."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from stanchion_host import files

from stanchion_figures.kills import Kills

FILE = "figures.json"


@dataclass
class Memory:
    """Moments are Unix seconds."""

    # Until when the engine's events are counted; 0 for not yet.
    counted_until: float = 0.0
    # How often each container ran out of memory, by its name.
    oom_kills: dict[str, Kills] = field(default_factory=dict)
    # Where volumes and the engine's folder are, by what the settings call the disk.
    places: dict[str, str] = field(default_factory=dict)


def recall(folder: Path) -> Memory:
    """Return what was remembered; of what can't be read, nothing: its counters begin anew."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        raw = json.loads((folder / FILE).read_text())
        return Memory(
            float(raw["counted_until"]),
            {str(name): Kills(**kills) for name, kills in raw["oom_kills"].items()},
            {str(of): str(place) for of, place in raw["places"].items()},
        )
    return Memory()


def keep(folder: Path, memory: Memory) -> None:
    """Remember it."""
    files.replace(folder / FILE, json.dumps(asdict(memory), indent=2) + "\n")
