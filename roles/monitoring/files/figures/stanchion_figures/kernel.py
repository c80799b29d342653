# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the kernel tells of the processes of a container.

It tells at once and costs the engine nothing. The engine has the same figures, but none at all where one
kind of cgroup is not as it expects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stanchion_host import cgroup

# Of no other has it processes.
_ALIVE = ("running", "paused")


@dataclass(frozen=True)
class Use:
    """What a container uses and has used since it was started."""

    # Bytes in use, but for files that nobody has read of late: those go first.
    memory: int
    oom_kills: int
    cpu_seconds: float
    # Periods in which its limit of processors counted, and those in which it was held up.
    cpu_periods: int
    cpu_throttled_periods: int


def look(found: Mapping[str, Any] | None) -> Use | None:
    """Return the use of a container that `inspect` told of; None where it is not alive."""
    state = (found or {}).get("State") or {}
    if state.get("Status") not in _ALIVE or not state.get("Pid"):
        return None
    try:
        usage, processors = cgroup.usage(state["Pid"]), cgroup.processors(state["Pid"])
    except (OSError, KeyError):
        # It has ended meanwhile, and its process is none of a container's any more.
        return None
    return Use(
        memory=usage["working_set"],
        oom_kills=usage["oom_kills"] or 0,
        cpu_seconds=processors["seconds"],
        cpu_periods=int(processors["periods"]),
        cpu_throttled_periods=int(processors["throttled"]),
    )
