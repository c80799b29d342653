# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What cron does each minute: a canary row, the metrics, and one word when something has fallen silent."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stanchion_host.files import alone

from stanchion_backup.errors import BackupError
from stanchion_backup.host import files, jobs, leftovers
from stanchion_backup.host.database import Database
from stanchion_backup.looks import installed, metrics, observe
from stanchion_backup.restored import canary
from stanchion_backup.restores import journal
from stanchion_backup.settings import Settings

# Asking the repositories costs more than everything else here, and one off the host costs its network.
_LOOK_EVERY = 300.0
# A restart, a deploy or a recovery after a crash is over by then; a canary that is silent for longer is dead.
_SILENT_AFTER = 300.0
_ANSWERS_WITHIN = 10.0
_LOOK_WITHIN = 20.0
# A disk that is full is told of each hour: this has nothing to remember more with.
_FULL_EVERY = 3600.0


def watch(settings: Settings) -> dict[str, Any]:
    """Write a row and the metrics; return the row's moment, and what was said now for the first time.

    Never raises for a database that does not answer: that is said once, when it has lasted. BackupError, each
    hour, where nothing can be written: then nobody learns from the metrics that they are old.
    """
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Of a watch that has not ended yet: an engine that hangs would gather them by the minute.
    with alone(settings.folder / "watch.lock") as mine:
        if not mine:
            return {"canary": None, "said": []}
        now = time.time()
        state = _state(settings)
        known, state["drills"] = state["drills"], leftovers.of_drills(settings)
        paused = journal.is_under_way(settings)
        written, error = (None, "") if paused else _write(settings)
        said: list[dict[str, Any]] = []
        unwritten = ""
        try:
            picture = _picture(settings, now, paused or error != "")
            picture.update(scheduled_since=installed.scheduled_since(settings), restore=paused)
            if written is not None:
                picture.setdefault("canary", {})["newest"] = written
            said += [*_silence(state, error, now), *_missed(settings, state, picture, now)]
            metrics.write(settings, picture, now)
            files.write_json(_state_file(settings), state)
        except OSError as failed:
            unwritten = str(failed)
        due = _due(settings, now, unwritten)
    # Of a drill that ends just now it is not: it was there a minute ago. A full disk remembers nothing.
    left = [each for each in state["drills"] if unwritten or each in known]
    leftovers.sweep_when_idle(settings, left)
    if unwritten:
        # What was said cannot be kept either: it would be said again each minute.
        if due:
            _tell_unwritten(settings, unwritten, now)
        return {"canary": written, "said": []}
    for each in said:
        _tell(settings, each, now)
    return {"canary": written, "said": [each["error"] for each in said]}


def _due(settings: Settings, now: float, unwritten: str) -> bool:
    """Return whether it is time to tell that nothing can be written.

    The time of the lock's file remembers when it was: that can be changed on a full disk.
    """
    lock = settings.folder / "watch.lock"
    last = lock.stat().st_mtime
    if unwritten and now - last >= _FULL_EVERY:
        os.utime(lock, (now, now))
        return True
    if not unwritten and last != 0:
        os.utime(lock, (0, 0))
    return False


def _tell_unwritten(settings: Settings, reason: str, now: float) -> None:
    text = (
        f"Nothing can be written into {settings.folder}: {reason}. Is that disk full? Until it can, metrics "
        "are old, jobs leave no records, and nobody learns what fails."
    )
    record = {"stack": settings.stack, "job": "watch", "started": round(now, 3), "ended": round(now, 3)}
    jobs.tell(settings, {**record, "seconds": 0.0, "outcome": "failed", "exit": 1, "error": text})
    raise BackupError(text)


def _state_file(settings: Settings) -> Path:
    return settings.folder / "watch.json"


def _state(settings: Settings) -> dict[str, Any]:
    """Return what earlier runs remember: what is silent, what was said, what was left."""
    state: dict[str, Any] = {"silent_since": None, "told": False, "missed": {}, "drills": []}
    with contextlib.suppress(OSError, ValueError):
        state.update(json.loads(_state_file(settings).read_text()))
    return state


def _write(settings: Settings) -> tuple[float | None, str]:
    try:
        return canary.write(Database(settings.container, within=_ANSWERS_WITHIN)).epoch, ""
    except BackupError as error:
        return None, str(error)


def _picture(settings: Settings, now: float, quiet: bool) -> dict[str, Any]:
    """Return what there is to see, or was a few minutes ago; the jobs are always those of now."""
    kept = settings.folder / "metrics" / "picture.json"
    picture: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        picture = json.loads(kept.read_text())
    if not quiet and not 0 <= now - float(picture.get("observed", 0)) < _LOOK_EVERY:
        picture = {**observe.brief(settings, _LOOK_WITHIN), "observed": now}
        files.write_json(kept, picture)
    return {**picture, "stack": settings.stack, **observe.jobs_now(settings)}


def _silence(state: dict[str, Any], error: str, now: float) -> Iterator[dict[str, Any]]:
    """Yield that the canary is dead, once."""
    if not error:
        state.update(silent_since=None, told=False)
        return
    if state["silent_since"] is None:
        state["silent_since"] = now
    lasted = now - state["silent_since"]
    if lasted >= _SILENT_AFTER and not state["told"]:
        state["told"] = True
        yield {
            "job": "watch",
            "started": state["silent_since"],
            "error": f"No canary row could be written for {lasted / 60:.0f} min: {error}. Until it can, "
            "nobody knows how much a restore would lose.",
        }


def _missed(
    settings: Settings, state: dict[str, Any], picture: Mapping[str, Any], now: float
) -> Iterator[dict[str, Any]]:
    """Yield each job that did not run at its time, once for each time."""
    late = metrics.missed_jobs(picture, now)
    for job, since in late.items():
        if state["missed"].get(job) != since:
            period = picture["schedule"][job]["period"]
            skipped = picture["jobs"][job]["skipped_in_a_row"]
            why = "Was the host off, or does cron not run?"
            if skipped:
                why = f"It was skipped {skipped} times; {settings.folder / 'log/backup.log'} says for what."
            yield {
                "job": job,
                "started": since,
                "error": f"{job} was due and has not run for {(now - since) / 3600:.1f} h; it is scheduled "
                f"every {period / 3600:.1f} h at the least. {why}",
            }
    state["missed"] = late


def _tell(settings: Settings, record: dict[str, Any], now: float) -> None:
    jobs.log.error("%s: %s", record["job"], record["error"])
    jobs.say(record["error"])
    ended = {"ended": round(now, 3), "seconds": round(now - record["started"], 3)}
    outcome = "failed" if record["job"] == "watch" else "missed"
    jobs.tell(settings, {"stack": settings.stack, **record, **ended, "outcome": outcome, "exit": 1})
