# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far a restore in the live database's place has come: what an interrupted one goes on from."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stanchion_backup.errors import BackupError, BusyError
from stanchion_backup.host import files
from stanchion_backup.repository.windows import moment
from stanchion_backup.settings import Settings

HALT, COPY, HAND_OVER = "halt", "copy", "hand_over"
# The newest moment is archived only once the old database has ended. Any other one is restored and seen to be
# well while the old database serves.
LATEST_STEPS = (HALT, COPY, HAND_OVER)
OTHER_STEPS = (COPY, HALT, HAND_OVER)
_WORDS = {
    HALT: "the old database is being stopped",
    COPY: "the copy is being restored",
    HAND_OVER: "the copy is being put in the old database's place",
}


@dataclass
class Journal:
    """One restore. Times are Unix seconds."""

    stack: str
    began: float
    asked: str
    request: dict[str, Any]
    # Of the copy and of its volume.
    name: str
    # The record of the volume as it was before.
    old: dict[str, Any]
    steps: tuple[str, ...]
    deep: bool = False
    # There is no old volume that one could return to.
    old_gone: bool = False
    # The live database or its backends have been touched.
    touched: bool = False
    done: dict[str, float] = field(default_factory=dict)
    # When the backend was let in, to write.
    opened: float = 0.0
    rolled_back: float = 0.0
    # What the steps have found, for the record.
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def handed_over(self) -> bool:
        """Say whether the host's record names the new volume."""
        return HAND_OVER in self.done

    def next_step(self) -> str | None:
        """Return the first step that is not done."""
        return next((step for step in self.steps if step not in self.done), None)

    def mark(self) -> dict[str, Any]:
        """Return what the volume's record says of it, to keep other runs from starting a database."""
        return {"to": self.asked, "began": self.began}

    def says(self) -> str:
        """Return how far it is, and what can be done, for whoever is refused because of it."""
        step = self.next_step()
        where = _WORDS[step] if step else "the restored database is being started"
        if self.rolled_back:
            return (
                f"A restore of {self.stack} ({self.asked}) is being rolled back since "
                f"{moment(self.rolled_back)}: `restore --rollback` goes on with that."
            )
        back = f"`restore --rollback` returns to the volume {self.old.get('volume')}"
        if self.opened:
            back += (
                f", and loses what the application has written since {moment(self.opened)}: that has to be "
                f"said with --discard-writes {self.name}"
            )
        if self.old_gone:
            back = "There is no old volume to return to"
        return (
            f"A restore of {self.stack} ({self.asked}), begun {moment(self.began)}, is not finished: {where}."
            f" `restore --resume` goes on. {back}."
        )


def path(settings: Settings) -> Path:
    """Return the journal's file."""
    return settings.folder / "restore.json"


def read(settings: Settings) -> Journal | None:
    """Return the restore that is not finished; None where there is none.

    BackupError, with what to do, where it can't be read: nothing can go on from it.
    """
    try:
        raw = json.loads(path(settings).read_text())
        return Journal(**{**raw, "steps": tuple(raw["steps"])})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BackupError(
            f"The journal of a restore, {path(settings)}, can't be read: {error!r}. Nobody knows how far "
            "that came, so neither --resume nor --rollback can go on, and no job runs. Look into "
            f"{settings.volume_record}: the `volume` that it names is the database. Take `restore` out of "
            "it, where that is there; move the journal away; deploy; and take a full backup (`backup --type "
            "full`)."
        ) from error


def is_under_way(settings: Settings) -> bool:
    """Return whether a restore has touched the database and not ended; where nobody knows, it has.

    One that only makes a copy beside the database, or was killed while it did, holds up nothing.
    """
    try:
        give_way(settings)
    except BusyError:
        return True
    return False


def give_way(settings: Settings) -> None:
    """BusyError while a restore has the database stopped or half replaced, and where nobody knows."""
    try:
        found = read(settings)
    except BackupError as error:
        raise BusyError(str(error)) from error
    if found and found.touched:
        raise BusyError(found.says())


def write(settings: Settings, journal: Journal) -> None:
    """Keep it."""
    files.write_json(path(settings), asdict(journal))


def finish(settings: Settings, journal: Journal, step: str) -> None:
    """Keep that a step is done."""
    journal.done[step] = round(time.time(), 3)
    write(settings, journal)


def remove(settings: Settings) -> None:
    """Forget it."""
    path(settings).unlink(missing_ok=True)


def observed(settings: Settings) -> dict[str, Any] | None:
    """Return it as `observe` tells it."""
    found = read(settings)
    if found is None:
        return None
    return {**asdict(found), "says": found.says()}
