# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What scheduled jobs give way to: a deploy of this host, and a restore of this stack."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from stanchion_backup.errors import BusyError
from stanchion_backup.settings import Settings

# Where runs of the controller keep their lease (plugins/module_utils/_lock.py).
LOCK = Path("/var/lib/stanchion/lock.json")
# A deploy takes minutes; who waits longer is better off with the next moment of the schedule.
PATIENCE = 600.0
_LOOK_AGAIN = 5.0


def restore_under_way(settings: Settings) -> bool:
    """Return whether a restore has touched the database and not ended; its journal (journal.py) says so.

    One that only makes a copy beside the database, or was killed while it did, holds up nothing.
    """
    try:
        return bool(json.loads((settings.folder / "restore.json").read_text())["touched"])
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError, TypeError):
        # Nobody knows how far it is.
        return True


def unreadable(settings: Settings, error: Exception) -> str:
    """Return what to do where the journal of a restore can't be read: nothing can go on from it."""
    return (
        f"The journal of a restore, {settings.folder / 'restore.json'}, can't be read: {error!r}. Nobody "
        "knows how far that came, so neither --resume nor --rollback can go on, and no job runs. Look into "
        f"{settings.volume_record}: the `volume` that it names is the database. Take `restore` out of it, "
        "where that is there; move the journal away; deploy; and take a full backup (`backup --type full`)."
    )


def to_a_restore(settings: Settings) -> None:
    """BusyError while a restore has the database stopped or half replaced."""
    if restore_under_way(settings):
        try:
            json.loads((settings.folder / "restore.json").read_text())["touched"]
        except FileNotFoundError:
            # It has ended just now.
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BusyError(unreadable(settings, error)) from error
        raise BusyError(
            "A restore of this stack is under way, or was interrupted. `restore --resume` goes on with "
            "it, `restore --rollback` returns to the old database."
        )


def deploy_under_way(now: float) -> str:
    """Return who holds the lock of the host, in words; empty where nobody does.

    A lease that has run out, or that can't be read, holds up no backup.
    """
    try:
        holder: dict[str, Any] | None = json.loads(LOCK.read_text())["holder"]
        if holder is None or float(holder["lease_until"]) <= now:
            return ""
        return f'"{holder["verb"]}" of {holder["user"]}@{holder["hostname"]}'
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def to_others(settings: Settings, patience: float = PATIENCE) -> None:
    """Wait until no deploy and no restore is under way; BusyError where one still is then."""
    deadline = time.monotonic() + patience
    while True:
        to_a_restore(settings)
        holder = deploy_under_way(time.time())
        if not holder:
            return
        if time.monotonic() >= deadline:
            raise BusyError(
                f"The host is being worked on for more than {patience / 60:.0f} min, by {holder}."
            )
        time.sleep(_LOOK_AGAIN)
