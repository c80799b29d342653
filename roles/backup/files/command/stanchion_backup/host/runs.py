# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a job went, by repository: what is well in one of them says nothing of another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stanchion_backup.host import jobs
from stanchion_backup.settings import Repository, Settings

Record = Mapping[str, Any]
# The outcomes of a job that was begun; one that was skipped or refused says nothing of the backups.
RAN = ("ok", "failed")
_SHORT = ("started", "ended", "seconds", "outcome", "error")


def of_job(settings: Settings, job: str) -> dict[str, Any]:
    """Return the last run and the last success (Unix s) of the worst repository, and those of each.

    A repository that the job was not made for yet, as it is new, is not the worst. Where all are at new
    places, it is how the job went at the old ones: the schedule was kept.
    """
    kept = jobs.records(settings, job)
    ran = [each for each in kept if each["outcome"] in RAN]
    each = {
        repository.name: _of([_as_it_went(run, repository.name) for run in ran if concerns(run, repository)])
        for repository in settings.repositories
    }
    made = [one for one in each.values() if one["last"]] or [_of(ran)]
    return {
        "last": worst(one["last"] for one in made),
        "last_success": oldest(one["last_success"] for one in made),
        "skipped_in_a_row": _skipped(kept),
        "repositories": {name: {**one, "last": _short(one["last"])} for name, one in each.items()},
    }


def worst(lasts: Iterable[Record | None]) -> Record | None:
    """Return of the last runs the newest that failed; where none did, the one that is longest ago."""
    known = sorted((each for each in lasts if each), key=lambda each: float(each["ended"]))
    failed = [each for each in known if each["outcome"] == "failed"]
    return failed[-1] if failed else next(iter(known), None)


def oldest(moments: Iterable[float | None]) -> float | None:
    """Return the earliest moment; None where one is missing, or there is none."""
    known = list(moments)
    return None if None in known else min((each for each in known if each is not None), default=None)


def _of(ran: Sequence[Record]) -> dict[str, Any]:
    good = [each["ended"] for each in ran if each["outcome"] == "ok"]
    return {"last": ran[-1] if ran else None, "last_success": good[-1] if good else None}


def concerns(record: Record, repository: Repository) -> bool:
    """Say whether a run was of this repository, at its place; one that ended before it knew was of all.

    By the name alone, what was proved of an old place would count for a new one.
    """
    if "repo" in record:
        asked = {record["repo"]: record}
    elif "asked" in record:
        asked = record["asked"]
    else:
        return True
    told = asked.get(repository.name)
    return told is not None and bool(told.get("where", repository.where) == repository.where)


def _as_it_went(record: Record, repository: str) -> Record:
    """Return a run as it was for one repository: it failed as a whole where another could not be reached."""
    done = (record.get("repositories") or {}).get(repository)
    if record["outcome"] == "failed" and done and done != "failed":
        return {**record, "outcome": "ok", "exit": 0, "error": ""}
    return record


def _short(record: Record | None) -> dict[str, Any] | None:
    return {name: record.get(name) for name in _SHORT} if record else None


def _skipped(kept: Sequence[Record]) -> int:
    skipped = 0
    for each in reversed(kept):
        if each["outcome"] in RAN:
            break
        skipped += each["outcome"] == "skipped"
    return skipped
