# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the watch gives way to: a run that has the host's lock, and a restore of this stack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stanchion_watch.settings import Settings

# Where runs of the controller keep their lease (plugins/module_utils/_lock.py).
LOCK = Path("/var/lib/stanchion/lock.json")


def reason(settings: Settings, now: float) -> str:
    """Return why nothing may be touched, in words; empty where nothing is in the way.

    The same for as long as it lasts: a refusal is recorded once.
    """
    return _run(now) or _restore(settings)


def _run(now: float) -> str:
    """Name who holds the host's lock. A lease that ran out, or whose holder is gone, holds up nothing."""
    try:
        holder: Mapping[str, Any] | None = json.loads(LOCK.read_text())["holder"]
        if holder is None or float(holder["lease_until"]) <= now or _is_gone(holder):
            return ""
        return f'the host\'s lock is held by "{holder["verb"]}" of {holder["user"]}@{holder["hostname"]}'
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        # Other than for a backup, not to act is the safe side: somebody may be at work.
        return f"nobody knows whether somebody is at work: {LOCK} can't be read"


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


def _restore(settings: Settings) -> str:
    """Say that a restore has the database stopped or half replaced (the backups' restores/journal.py)."""
    journal = Path(settings.state_dir) / "backup" / "restore.json"
    try:
        told = json.loads(journal.read_text())
        touched = bool(told.get("touched"))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, AttributeError):
        return f"nobody knows how far a restore has come: {journal} can't be read"
    return "a restore in the database's place is not finished" if touched else ""
