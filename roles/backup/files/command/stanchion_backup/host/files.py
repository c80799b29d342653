# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that are replaced as a whole: nobody reads half of one, and a crash leaves the old one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stanchion_host.files import replace


def write_json(path: Path, content: Any) -> None:
    """Replace a file by a whole one, for root only; its folder is made where it is missing."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace(path, json.dumps(content, indent=2) + "\n")
