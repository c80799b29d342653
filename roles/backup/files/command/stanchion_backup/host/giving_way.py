# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What scheduled jobs give way to: a deploy of this host, and a restore of this stack."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stanchion_backup.errors import BusyError
from stanchion_backup.restores import journal
from stanchion_backup.settings import Settings

# Where runs of the controller keep their lease (plugins/module_utils/_lock.py).
LOCK = Path("/var/lib/stanchion/lock.json")
# A deploy takes minutes; who waits longer is better off with the next moment of the schedule.
PATIENCE = 600.0
_LOOK_AGAIN = 5.0


def deploy_under_way(now: float) -> str:
    """Return who holds the lock of the host, in words; empty where nobody does.

    A lease that has run out or can't be read holds up no backup, nor does one whose holder is gone: that may
    run for a day more.
    """
    try:
        holder: dict[str, Any] | None = json.loads(LOCK.read_text())["holder"]
        if holder is None or float(holder["lease_until"]) <= now or _is_gone(holder):
            return ""
        return f'"{holder["verb"]}" of {holder["user"]}@{holder["hostname"]}'
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _is_gone(holder: Mapping[str, Any]) -> bool:
    """Say whether a holder has certainly ended: its process was on this host, or that was booted since."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    if holder["host_boot_id"] not in (None, boot):
        return True
    here = (boot, str(Path("/proc/self/ns/pid").readlink()))
    return (holder["boot_id"], holder["pid_namespace"]) == here and not _runs(holder)


def _runs(holder: Mapping[str, Any]) -> bool:
    try:
        text = Path(f"/proc/{holder['pid']}/stat").read_text()
    except OSError:
        return False
    # The name, in brackets, may itself hold brackets and spaces.
    state, *numbers = text.rpartition(")")[2].split()
    return state not in "ZX" and int(numbers[18]) == holder["pid_started"]


def to_others(settings: Settings, patience: float = PATIENCE) -> None:
    """Wait until no deploy and no restore is under way; BusyError where one still is then."""
    deadline = time.monotonic() + patience
    while True:
        journal.give_way(settings)
        holder = deploy_under_way(time.time())
        if not holder:
            return
        if time.monotonic() >= deadline:
            raise BusyError(
                f"The host is being worked on for more than {patience / 60:.0f} min, by {holder}."
            )
        time.sleep(_LOOK_AGAIN)
