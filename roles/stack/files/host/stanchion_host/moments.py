# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Moments as the Docker engine writes them."""

from __future__ import annotations

import re
from datetime import datetime, timezone

# Nanoseconds, which Python's own parser of 3.9 does not take.
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?\d*(?:Z|\+00:00)")


def moment(text: str) -> float:
    """Return Unix seconds; 0 for what is none, and for the engine's "never"."""
    match = _MOMENT.fullmatch(text)
    if not match or text.startswith("0001"):
        return 0.0
    whole = datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return whole.timestamp() + float(match[2] or 0)
