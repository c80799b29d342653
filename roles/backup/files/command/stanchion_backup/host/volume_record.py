# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which volume is the database: what the role `postgres` and restores keep on record of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stanchion_backup.errors import BackupError
from stanchion_backup.host import files
from stanchion_backup.settings import Settings


def exists(settings: Settings) -> bool:
    """Return whether this host has a database on record, readable or not."""
    return Path(settings.volume_record).exists()


def read(settings: Settings) -> dict[str, Any]:
    """Return the record (volume, system_identifier, timeline, …); nothing where there is none."""
    try:
        found: dict[str, Any] = json.loads(Path(settings.volume_record).read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BackupError(f"{settings.volume_record} can't be read: {error}.") from error
    return found


def write(settings: Settings, record: Mapping[str, Any]) -> None:
    """Replace the record as a whole."""
    files.write_json(Path(settings.volume_record), record)


def timeline(settings: Settings) -> int | None:
    """Return the timeline that the database is on; None where nothing says it."""
    number = read(settings).get("timeline")
    return None if number is None else int(number)


def data_volume(settings: Settings) -> str:
    """Return the volume that is the database; BackupError where nothing says which."""
    volume = read(settings).get("volume")
    if not volume:
        raise BackupError(f"{settings.volume_record} does not say which volume is the database.")
    return str(volume)
