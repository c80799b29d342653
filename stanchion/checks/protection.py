"""What stands between a host's data and their loss, in the figures that every report shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stanchion.checks.backup_view import NO_BACKUP
from stanchion.moments import moment


@dataclass(frozen=True)
class Protection:
    """Figures of a stack's backups; None is what nobody has measured yet. Times and spans are seconds.

    With two repositories each is of the worse one. Of one that can't be read, which backup.repository tells,
    only the drills are known.

    Attributes:
        proved_age: since the last restore that was proved.
        rpo, rpo_most: data that a restore would have lost, the median and the most of all proved drills.
        rto, rto_most: until the application was back on the restored data, likewise; or only the database,
            where no backend was asked (`rto_to` is "database", else "backend").
        drills_proved, drills: how many drills there were, and how many of them proved a restore.
        sets_proved, sets: backups that are kept in all repositories, and those of them that were proved.
        full_age: since the newest full backup of each repository.
        restorable_age: since the newest moment that each repository could bring back.
        jobs: what is scheduled.
    """

    proved_age: float | None
    rpo: float | None
    rpo_most: float | None
    rto: float | None
    rto_most: float | None
    rto_to: str | None
    drills_proved: int
    drills: int
    sets_proved: int
    sets: int
    full_age: float | None
    restorable_age: float | None
    jobs: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as the action's result has it."""
        return {**asdict(self), "jobs": list(self.jobs)}


def protection(facts: Mapping[str, Any]) -> Protection | None:
    """Return the figures; None where the backups were not looked at, or there are none."""
    backup = facts.get("backup") or {}
    seen, now = backup.get("observed"), moment(facts.get("collected_at"))
    if not backup.get("ok") or not seen or now is None or "drills" not in seen:
        return None

    def age(then: float | None) -> float | None:
        return None if then is None else max(now.timestamp() - then, 0.0)

    drills = seen["drills"]
    coverage = drills["coverage"].values()
    readable = [each for each in seen["repositories"] if each["code"] in (0, NO_BACKUP)]
    fulls = [
        max((found["stopped"] for found in each["sets"] if found["type"] == "full"), default=None)
        for each in readable
    ]
    restorable = seen["canary"].get("restorable") or {}
    return Protection(
        proved_age=age(drills["last_success"]),
        rpo=drills["rpo"]["p50"],
        rpo_most=drills["rpo"]["max"],
        rto=drills["rto"]["p50"],
        rto_most=drills["rto"]["max"],
        rto_to=drills.get("rto_to"),
        drills_proved=drills["success"]["ok"],
        drills=drills["success"]["of"],
        sets_proved=sum(each["proved"] for each in coverage),
        sets=sum(each["kept"] for each in coverage),
        full_age=age(_worst(fulls)),
        restorable_age=age(_worst(restorable.get(f"repo{each['key']}") for each in readable)),
        jobs=tuple(seen["schedule"]),
    )


def _worst(moments: Iterable[float | None]) -> float | None:
    """Return the oldest; None where one is missing, or there is none."""
    known = list(moments)
    return None if None in known else min((each for each in known if each is not None), default=None)
