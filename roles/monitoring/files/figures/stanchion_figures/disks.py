# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How full disks are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial

from stanchion_host.exposition import Sample

from stanchion_figures import side_by_side

# A file system of another host may be away.
ANSWERS_WITHIN = 2.0


def look(places: Mapping[str, str], within: float = ANSWERS_WITHIN) -> Iterator[Sample]:
    """Return the sizes of the disks that paths are on, by what they are called; what is away is left out."""
    questions = {of: partial(os.statvfs, path) for of, path in places.items()}
    for of, seen in side_by_side.ask(questions, within).items():
        labels = {"of": of, "path": places[of]}
        yield Sample("stanchion_disk_size_bytes", seen.f_blocks * seen.f_frsize, labels)
        # What is kept back for root is no room.
        yield Sample("stanchion_disk_available_bytes", seen.f_bavail * seen.f_frsize, labels)
