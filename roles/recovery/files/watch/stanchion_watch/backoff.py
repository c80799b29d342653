# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is a remedy due, or was it tried too often? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stanchion_host.recovery_record import GAVE_UP, GIVES_UP_FOR

WAIT, ACT, GIVE_UP, GIVEN_UP = "wait", "act", "give_up", "given_up"
# The same remedy for the same container, by whomever.
MOST = 3
WITHIN = GIVES_UP_FOR
_TRIED = ("done", "failed")


def decide(
    records: Iterable[Mapping[str, Any]], remedy: str, of: str, dead_for: float, patience: float, now: float
) -> str:
    """Return what is to be done about a container that is dead since `dead_for` seconds.

    Each try doubles what has to be waited for the next. After the third the watch gives up for an hour, and
    begins anew after it.
    """
    recent = [
        each
        for each in records
        # Of a clock that was put back, lines of the future count too.
        if each["remedy"] == remedy and each["of"] == of and abs(now - each["at"]) < WITHIN
    ]
    tries = sum(each["outcome"] in _TRIED for each in recent)
    if dead_for < patience:
        return WAIT
    if any(each["outcome"] == GAVE_UP for each in recent):
        return GIVEN_UP
    if tries >= MOST:
        return GIVE_UP
    return ACT if dead_for >= patience * 2**tries else WAIT
