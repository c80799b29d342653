# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the host keeps of the past: who changed the stack, how its jobs went, what was restarted.

Moments are Unix seconds. A file that is not there is an answer: nothing was recorded. One that cannot be read
is none.
"""

from __future__ import annotations

import calendar
import json
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

# As many records of a job as the backups' command keeps (host/jobs.py of it).
KEPT = 400
# A job that began before the period may have ended in it.
_LONGEST_JOB = 2 * 86400
_NAME = re.compile(r"(?P<job>[a-z-]+)-(?P<began>\d{8}T\d{6})-\d+\.json\Z")
_RUN = ("id", "verb", "version", "user", "controller", "outcome", "check")
_JOB = (
    "job",
    "started",
    "ended",
    "seconds",
    "outcome",
    "error",
    "repo",
    "verdict",
    "rpo_seconds",
    "rto_seconds",
    "rto_to",
    "data_bytes",
    "repositories",
)


def runs(path: Path, since: float, until: float) -> dict:
    """Return the runs that ended in the period, with `ended` and `seconds`; `unread` lines are counted."""
    found, unread = [], 0
    for line in _lines(path):
        try:
            read = json.loads(line)
            ended = datetime.fromisoformat(read["recorded"]).timestamp()
        except (ValueError, KeyError, TypeError):
            # A full disk may have cut one short.
            unread += 1
            continue
        if since <= ended <= until:
            kept = {name: read.get(name) for name in _RUN}
            found.append({**kept, "ended": ended, "seconds": read.get("seconds")})
    return {"entries": found, "unread": unread}


def recoveries(path: Path, since: float, until: float) -> dict:
    """Return what the watch and `recover` did in the period; `unread` lines are counted."""
    found, unread = [], 0
    for line in _lines(path):
        try:
            read = json.loads(line)
            within = since <= float(read["at"]) <= until
            kept = {name: read[name] for name in ("at", "by", "remedy", "of", "outcome")}
        except (ValueError, KeyError, TypeError):
            unread += 1
            continue
        if within:
            found.append({**kept, "why": read.get("why"), "seconds": read.get("seconds")})
    return {"entries": found, "unread": unread}


def jobs(folder: Path, since: float, until: float) -> dict:
    """Return the backups, verifications, drills and restores that ended in the period, the oldest first.

    `unread` counts records that cannot be read; `reach` has, by job, since when there are records where older
    ones were let go.
    """
    found, unread = [], 0
    for path, began in _of_period(folder, since, until):
        try:
            read = json.loads(path.read_text())
            if since <= float(read["ended"]) <= until:
                found.append({"began": began, **{name: read.get(name) for name in _JOB}})
        except FileNotFoundError:
            # Another job has let it go meanwhile.
            continue
        except (ValueError, KeyError, TypeError):
            unread += 1
    return {
        "entries": sorted(found, key=lambda each: each["ended"]),
        "unread": unread,
        "reach": _reach(folder),
    }


def targets(path: Path) -> dict:
    """Return the targets of RPO and RTO (s) that the backups were set up with, null where there are none."""
    try:
        read = json.loads(path.read_text())
    except FileNotFoundError:
        read = {}
    return {name: read.get(name) for name in ("rpo", "rto")}


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    except FileNotFoundError:
        return []


def _of_period(folder: Path, since: float, until: float) -> Iterator[tuple[Path, float]]:
    """Yield the records that may be of the period, by their names: only those are read."""
    for path, _, began in _named(folder):
        if since - _LONGEST_JOB <= began <= until:
            yield path, began


def _reach(folder: Path) -> dict[str, float]:
    by_job: dict[str, list[float]] = {}
    for _, job, began in _named(folder):
        by_job.setdefault(job, []).append(began)
    return {job: min(every) for job, every in by_job.items() if len(every) >= KEPT}


def _named(folder: Path) -> Iterator[tuple[Path, str, float]]:
    for path in folder.glob("*.json"):
        named = _NAME.match(path.name)
        if named:
            yield path, named["job"], calendar.timegm(time.strptime(named["began"], "%Y%m%dT%H%M%S"))
