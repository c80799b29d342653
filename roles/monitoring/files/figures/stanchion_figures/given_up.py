# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the watch restarts no more, since that did not help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stanchion_host.exposition import Sample
from stanchion_host.recovery_record import GAVE_UP, GIVES_UP_FOR


def samples(watched: Iterable[str], record: Iterable[Mapping[str, Any]], now: float) -> Iterator[Sample]:
    """Return for each watched container whether the watch has given up on it within the hour."""
    # Of a clock that was put back, lines of the future count too, as they do for the watch.
    given_up = {
        each["of"] for each in record if each["outcome"] == GAVE_UP and abs(now - each["at"]) < GIVES_UP_FOR
    }
    for name in watched:
        yield Sample("stanchion_watch_gave_up", int(name in given_up), {"of": name})
