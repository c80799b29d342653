# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the drills of a stack have proved until now, read from their records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stanchion_backup import jobs
from stanchion_backup.pgbackrest import Contents
from stanchion_backup.settings import Settings

Records = Sequence[Mapping[str, Any]]


def proved(settings: Settings, repository: str) -> set[str]:
    """Return the labels of a repository's sets that a drill has restored."""
    return labels(jobs.records(settings, "drill"), repository)


def labels(records: Records, repository: str) -> set[str]:
    """Return the labels that these records prove: of the sets that one needs, a restore reads a part only."""
    return {
        each["set"]["label"]
        for each in records
        if each.get("outcome") == "ok" and each.get("repo") == repository
    }


def picture(settings: Settings, held: Iterable[Contents]) -> dict[str, Any]:
    """Return how the drills went, the RPO and RTO that they measured (s), and how many sets are proved."""
    ran = [each for each in jobs.records(settings, "drill") if each["outcome"] != "skipped"]
    good = [each for each in ran if each["outcome"] == "ok"]
    # How long it took until a backend answered, or until the database did: one figure never mixes them.
    until = good[-1].get("rto_to") if good else None
    coverage = {}
    for each in held:
        name = f"repo{each.key}"
        kept = [one.label for one in each.sets]
        done = labels(good, name)
        well = [label for label in kept if label in done]
        coverage[name] = {"proved": len(well), "kept": len(kept), "labels": well}
    return {
        "last": ran[-1] if ran else None,
        "last_success": good[-1]["ended"] if good else None,
        "success": {"ok": len(good), "of": len(ran)},
        "rpo": spread(each.get("rpo_seconds") for each in good),
        "rto": spread(each.get("rto_seconds") for each in good if each.get("rto_to") == until),
        "rto_to": until,
        "coverage": coverage,
    }


def spread(values: Iterable[float | None]) -> dict[str, float | None]:
    """Return median, 95th percentile (nearest rank) and maximum of what was measured."""
    known = sorted(each for each in values if each is not None)
    if not known:
        return {"p50": None, "p95": None, "max": None}

    def rank(part: float) -> float:
        return known[max(math.ceil(part * len(known)), 1) - 1]

    return {"p50": rank(0.5), "p95": rank(0.95), "max": known[-1]}
