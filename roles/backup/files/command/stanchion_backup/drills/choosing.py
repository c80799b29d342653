# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a drill's recovery ends and with which backup it begins: at random, so that luck cannot pass."""

from __future__ import annotations

import secrets

from stanchion_backup.drills import proof
from stanchion_backup.errors import BackupError, RefusedError
from stanchion_backup.repository.pgbackrest import BackupSet, Contents, Target
from stanchion_backup.repository.windows import Timeline
from stanchion_backup.restored.markers import Markers
from stanchion_backup.settings import Repository, Settings

# latest: all that is archived; time: the moment between the markers; name: the restore point there; older:
# all that is archived, from a full backup that is not the newest set.
KINDS = ("latest", "time", "name", "older")
# Of these, all WAL is replayed: both markers are in the copy.
WHOLE = ("latest", "older")


def choose(
    settings: Settings,
    repository: Repository,
    held: Contents,
    live: Timeline,
    kind: str | None,
    label: str | None,
) -> tuple[Target, BackupSet]:
    """Choose where the recovery ends and with which set it begins; return them.

    A target without a label leaves the choice to the engine, as somebody in a hurry would. Sets that nothing
    has proved yet come first, so that each has its turn. A drill follows the live timeline: a set that was
    taken past the place where a restore left its timeline cannot lead there. RefusedError where there is no
    such set.
    """
    if label:
        chosen = next((each for each in held.sets if each.label == label), None)
        if chosen is None:
            raise RefusedError(
                f"{repository.name} has no set {label}; it has {', '.join(each.label for each in held.sets)}."
            )
        if not live.reaches(chosen):
            raise RefusedError(
                f"The backup {label} was taken on timeline {chosen.timeline}, after {live.number} had begun: "
                "it cannot lead to the live database, which a drill compares it with. "
                f"`restore --to backup:{label}` makes a copy of it."
            )
        return Target(kind or secrets.choice(("latest", "time", "name")), label=label), chosen
    sets = [each for each in held.sets if live.reaches(each)]
    if not sets:
        raise BackupError(
            f"{repository.name} has no backup that leads along timeline {live.number}: take a full one."
        )
    newest = sets[-1]
    fulls = [each for each in sets if each.type == "full" and each is not newest]
    if kind == "older" and not fulls:
        raise RefusedError(f"{repository.name} has no full backup but its newest set: there is no older one.")
    chosen_kind = kind or secrets.choice(KINDS if fulls else KINDS[:-1])
    done = proof.proved(settings, repository)
    candidates = fulls if chosen_kind == "older" else sets
    unproved = [each for each in candidates if each.label not in done]
    if chosen_kind == "older":
        chosen = secrets.choice(unproved or fulls)
        return Target(chosen_kind, label=chosen.label), chosen
    # The newest is what a restore in earnest takes: half of the drills, and the rest for the others' turn.
    if not unproved or (newest in unproved and secrets.randbelow(2)):
        # The engine does not ask where a set leads: it would take one of another timeline that is newer.
        return Target(chosen_kind, label=None if newest is held.sets[-1] else newest.label), newest
    chosen = secrets.choice(unproved)
    return Target(chosen_kind, label=chosen.label), chosen


def aim(target: Target, placed: Markers, timeline: int) -> Target:
    """Return the target as the engine takes it. The timeline is named: a newer one may be abandoned."""
    if target.kind in WHOLE:
        return Target("latest", "", target.label, str(timeline))
    value = placed.t if target.kind == "time" else placed.name
    return Target(target.kind, value, target.label, str(timeline))
