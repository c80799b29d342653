# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every job has: one at a time, a record, a log that rotates, and a word to somebody when it fails."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from typing import Any

from stanchion_backup.errors import BackupError, BusyError, RefusedError
from stanchion_backup.host import docker, files, giving_way
from stanchion_backup.host.stopping import Stopped
from stanchion_backup.restores import journal
from stanchion_backup.settings import Settings

log = logging.getLogger("stanchion_backup")

_LOG_BYTES = 1_000_000
# Beside the one that is written to.
_OLD_LOGS = 4
# Of each job: two weeks of hourly backups, a year of daily ones, seven of weekly drills.
RECORDS_KEPT = 400
_HOOK_WITHIN = 120.0


def log_to_file(settings: Settings) -> None:
    """Keep what jobs do in files that together never grow past five megabytes."""
    folder = settings.folder / "log"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = RotatingFileHandler(
        folder / "backup.log", maxBytes=_LOG_BYTES, backupCount=_OLD_LOGS, delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(process)d %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)


@contextlib.contextmanager
def alone(settings: Settings, wait: float = 0.0, restoring: bool = False) -> Iterator[None]:
    """Hold the lock of the heavy jobs; BusyError when another job has it after `wait` seconds.

    A job that does not wait for others is the schedule's: it gives way to a deploy and to a restore too.
    While a restore has the database stopped or half replaced, nothing but it (`restoring`) has the lock. The
    kernel gives the lock back when the process ends, however it ends.
    """
    if wait == 0.0:
        giving_way.to_others(settings)
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (settings.folder / "job.lock").open("a") as file:
        deadline = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise BusyError("Another job of this stack's backups runs.") from error
                time.sleep(0.5)
        if not restoring:
            journal.give_way(settings)
        yield


@contextlib.contextmanager
def recorded(settings: Settings, job: str) -> Iterator[dict[str, Any]]:
    """Keep a record of a job, however it ends: ok, failed, skipped or refused.

    A record (JSON): job, started, ended (Unix seconds), seconds, outcome, exit, error; the job may add to it.
    One that is refused was not begun: whoever asked has read why, and nobody else is told. Where a record
    cannot be written, the job has failed: a full disk is told of like any other failure.
    """
    record: dict[str, Any] = {
        "stack": settings.stack,
        "job": job,
        "started": round(time.time(), 3),
        "pid": os.getpid(),
    }
    log.info("%s: begun", job)
    try:
        yield record
        record.update(outcome="ok", exit=0, error="")
    except BusyError as error:
        record.update(outcome="skipped", exit=0, error=str(error))
        raise
    except RefusedError as error:
        record.update(outcome="refused", exit=error.exit_code, error=str(error))
        raise
    except (BackupError, Stopped) as error:
        record.update(outcome="failed", exit=error.exit_code, error=str(error))
        raise
    except BaseException as error:
        # What Python ends a process with that nobody has caught.
        record.update(outcome="failed", exit=1, error=f"{type(error).__name__}: {error}")
        log.error("%s", traceback.format_exc())
        raise
    finally:
        _end(settings, record)
    if "unwritten" in record:
        raise BackupError(record["error"])


def _end(settings: Settings, record: dict[str, Any]) -> None:
    """Write a record, and tell of a failure; that it cannot be written is one itself."""
    record["ended"] = round(time.time(), 3)
    record["seconds"] = round(record["ended"] - record["started"], 3)
    try:
        keep(settings, record)
    except OSError as error:
        record["unwritten"] = str(error)
        ended = f"{record['job']} ended {record['outcome']}"
        text = f"{record['error']} The record of it could not be written: {ended}, and then: {error}".strip()
        record.update(outcome="failed", exit=record["exit"] or 1, error=text)
    level = {"ok": logging.INFO, "failed": logging.ERROR}.get(record["outcome"], logging.WARNING)
    told = (record["job"], record["outcome"], record["seconds"], record["error"])
    log.log(level, "%s: %s after %.1f s %s", *told)
    if record["outcome"] == "failed":
        tell(settings, record)


def keep(settings: Settings, record: dict[str, Any]) -> None:
    """Write a record, and let the oldest of its job go."""
    folder = settings.folder / "records"
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(record["started"]))
    files.write_json(folder / f"{record['job']}-{stamp}-{record['pid']}.json", record)
    for old in sorted(folder.glob(f"{record['job']}-*.json"))[:-RECORDS_KEPT]:
        old.unlink(missing_ok=True)


def records(settings: Settings, job: str) -> list[dict[str, Any]]:
    """Return a job's records, the oldest first; one that can't be read is passed over."""
    found = []
    for path in sorted((settings.folder / "records").glob(f"{job}-*.json")):
        with contextlib.suppress(OSError, ValueError):
            found.append(json.loads(path.read_text()))
    return found


def tell(settings: Settings, record: dict[str, Any]) -> None:
    """Run the operator's command for a failed job; that it fails too is a line in the log."""
    if not settings.on_failure:
        return
    done = docker.run(["sh", str(settings.failure_script)], _HOOK_WITHIN, json.dumps(record))
    if done.code != 0:
        log.error("backup_on_failure ended with %d: %s", done.code, done.text)


def say(text: str) -> None:
    """Print for a person; cron sends it by mail, so jobs that went well say nothing when nobody watches."""
    print(text, file=sys.stderr, flush=True)
