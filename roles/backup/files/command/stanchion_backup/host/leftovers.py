# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a killed job has left behind: taken away by the next that has the lock, or by the minute job."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from stanchion_backup.drills.course import PURPOSE
from stanchion_backup.errors import BackupError
from stanchion_backup.host import docker, jobs
from stanchion_backup.repository import pgbackrest
from stanchion_backup.restored import scratch
from stanchion_backup.settings import Settings

# Of the minute job, in seconds: it asks once, and has no time for an engine that hangs.
_ANSWERS_WITHIN = 10.0
# To look once whether the lock is free; without any, it would give way to a deploy first, and wait.
_AT_ONCE = 0.001


def sweep(settings: Settings) -> None:
    """Take away a killed job's container and a killed drill's copy; only who holds the lock may."""
    pgbackrest.sweep(settings)
    scratch.sweep(settings, PURPOSE)


def of_drills(settings: Settings) -> list[str]:
    """Return the volumes of drills, also of one that runs; none where the engine does not answer."""
    marks = [f"--filter={each}" for each in docker.mine(settings, PURPOSE)]
    try:
        return docker.docker("volume", "ls", "--format", "{{.Name}}", *marks, within=_ANSWERS_WITHIN).split()
    except BackupError:
        return []


def sweep_when_idle(settings: Settings, seen: Collection[str]) -> None:
    """Take away what was `seen`, unless a job runs: it may be that job's."""
    if seen:
        with contextlib.suppress(BackupError), jobs.alone(settings, _AT_ONCE):
            scratch.sweep(settings, PURPOSE)
            jobs.log.warning("a drill that was killed had left %s: removed", ", ".join(seen))
