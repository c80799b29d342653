# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the drills of a stack have proved until now, read from their records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from stanchion_backup.host import jobs, runs
from stanchion_backup.repository.pgbackrest import Contents
from stanchion_backup.settings import Repository, Settings

Records = Sequence[Mapping[str, Any]]
Spread = dict[str, Optional[float]]


def proved(settings: Settings, repository: Repository) -> set[str]:
    """Return the labels of a repository's sets that a drill has restored."""
    return labels(jobs.records(settings, "drill"), repository)


def labels(records: Records, repository: Repository) -> set[str]:
    """Return the labels that these records prove: of the sets that one needs, a restore reads a part only."""
    return {
        each["set"]["label"]
        for each in records
        if each["outcome"] == "ok" and runs.concerns(each, repository)
    }


def picture(settings: Settings, held: Iterable[Contents]) -> dict[str, Any]:
    """Return how the drills went, the RPO and RTO that they measured (s), and how many sets are proved.

    By repository, and of all of them the worst: what was proved in one says nothing of another.
    """
    ran = [each for each in jobs.records(settings, "drill") if each["outcome"] in runs.RAN]
    each = {
        repository.name: _of([record for record in ran if runs.concerns(record, repository)])
        for repository in settings.repositories
    }
    every = list(each.values())
    untils = {one["rto_to"] for one in every}
    return {
        "last": runs.worst(one["last"] for one in every),
        "last_success": runs.oldest(one["last_success"] for one in every),
        "success": {name: sum(one["success"][name] for one in every) for name in ("ok", "of")},
        "rpo": _worst(one["rpo"] for one in every),
        "rto": _worst(one["rto"] for one in every),
        "rto_to": "database" if "database" in untils else next(iter(untils - {None}), None),
        "coverage": {f"repo{one.key}": _coverage(settings, ran, one) for one in held},
        "repositories": each,
    }


def _of(ran: Records) -> dict[str, Any]:
    good = [each for each in ran if each["outcome"] == "ok"]
    # How long it took until a backend answered, or until the database did: one figure never mixes them.
    until = good[-1].get("rto_to") if good else None
    return {
        "last": ran[-1] if ran else None,
        "last_success": good[-1]["ended"] if good else None,
        "success": {"ok": len(good), "of": len(ran)},
        "rpo": spread(each.get("rpo_seconds") for each in good),
        "rto": spread(each.get("rto_seconds") for each in good if each.get("rto_to") == until),
        "rto_to": until,
    }


def _coverage(settings: Settings, ran: Records, held: Contents) -> dict[str, Any]:
    done = labels(ran, settings.repository_of(str(held.key)))
    well = [each.label for each in held.sets if each.label in done]
    return {"proved": len(well), "kept": len(held.sets), "labels": well}


def _worst(spreads: Iterable[Spread]) -> Spread:
    """Return of each figure the highest that was measured."""
    known = list(spreads)

    def highest(name: str) -> float | None:
        return max((value for each in known if (value := each[name]) is not None), default=None)

    return {name: highest(name) for name in ("p50", "p95", "max")}


def spread(values: Iterable[float | None]) -> Spread:
    """Return median, 95th percentile (nearest rank) and maximum of what was measured."""
    known = sorted(each for each in values if each is not None)
    if not known:
        return {"p50": None, "p95": None, "max": None}

    def rank(part: float) -> float:
        return known[max(math.ceil(part * len(known)), 1) - 1]

    return {"p50": rank(0.5), "p95": rank(0.95), "max": known[-1]}
