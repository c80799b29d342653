# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which full backups retention has to have kept, by the records: each tells what was in force then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stanchion_backup.host import jobs
from stanchion_backup.repository import pgbackrest
from stanchion_backup.settings import Repository, Settings


def asked(settings: Settings, repositories: Sequence[Repository]) -> dict[str, dict[str, Any]]:
    """Return for a job's record, by repository, where it is and how many full backups it keeps."""
    options = pgbackrest.configured(settings)["options"]
    return {
        each.name: {"where": each.where, "retention": _retention(options, each.name)} for each in repositories
    }


def _retention(options: Mapping[str, str], name: str) -> int | None:
    """Return how many it keeps; None where it counts days."""
    if options.get(f"{name}-retention-full-type") == "time":
        return None
    return int(options.get(f"{name}-retention-full", "0")) or None


def taken(settings: Settings) -> dict[str, list[str]]:
    """Return the labels of the full backups that were taken and that retention has kept, by repository.

    A full one lets go what was too much by the retention of that day (`expire`), and so does the job expire:
    a higher retention brings nothing back. What was taken into another place is not missed in this one; what
    days have let go is not known.
    """
    where = {each.name: each.where for each in settings.repositories}
    made = [record for kind in (*pgbackrest.TYPES, "expire") for record in jobs.records(settings, kind)]
    kept: dict[str, list[str]] = {}
    for record in sorted(made, key=lambda each: float(each["started"])):
        for name, gone in (record.get("expired") or {}).items():
            kept[name] = [label for label in kept.get(name, []) if label not in gone]
        for name, backup in (record.get("repositories") or {}).items():
            told = (record.get("asked") or {}).get(name) or {}
            if told.get("where", where.get(name)) != where.get(name):
                continue
            labels = kept.setdefault(name, [])
            if backup.get("type", record["job"]) == "full":
                labels.append(backup["label"])
            if backup.get("expire", record["job"] == "full"):
                kept[name] = labels[-(told.get("retention", settings.retention_full) or 1) :]
    return kept
