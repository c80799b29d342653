# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lock of one host: a lease in a file, that only one run at a time holds.

The file holds the present holder (or null) and the last few past ones with the way each ended; so a run
that lost its lease to another one learns of it even after that other one has ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

DIRECTORY = Path("/var/lib/stanchion")
NAME = "lock.json"
SCHEMA_VERSION = 1

_HISTORY = 10
# Reading and writing the file takes milliseconds; who waits longer than this meets something broken.
_PATIENCE = 3.0


class LockError(Exception):
    """The lock file cannot be used."""


class RefusedError(Exception):
    """Somebody else holds the lock, or held it in between."""


@dataclass(frozen=True)
class Host:
    """Where the lock lies: what is needed to tell whether a holder that ran here still lives."""

    boot_id: str | None
    pid_namespace: str | None
    proc: Path = Path("/proc")

    @classmethod
    def this(cls) -> Host:
        return cls(_read("/proc/sys/kernel/random/boot_id"), _link("/proc/self/ns/pid"))

    def start_of(self, pid: int) -> int | None:
        """Return when a process began, in ticks since boot; None for one that is gone or a zombie."""
        try:
            text = (self.proc / str(pid) / "stat").read_text()
        except OSError:
            return None
        # The name, in brackets, may itself hold brackets and spaces.
        field = text.rpartition(")")[2].split()
        return None if field[0] in "ZX" else int(field[19])


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text().strip() or None
    except OSError:
        return None


def _link(path: str) -> str | None:
    try:
        return str(Path(path).readlink())
    except OSError:
        return None


def hold(
    directory: Path, identity: dict, lease: int, host: Host, now: float, dead: dict | None = None
) -> dict:
    """Take the lock, or renew one's own; RefusedError where it is somebody else's.

    `dead` names a holder ("run_id") that the controller knows to be gone, and says how ("reason").
    Returns {"holder", "taken": free|renewed|expired|dead, "reason", "previous"}.
    """
    with _exclusive(directory):
        content = _load(directory / NAME)
        holder = content["holder"]
        if holder is None or holder["run_id"] != identity["run_id"]:
            _refuse_lost(content, identity["run_id"])
        taken, reason = _judge(holder, identity["run_id"], host, now)
        if taken == "held" and dead and dead["run_id"] == holder["run_id"]:
            taken, reason = "dead", dead["reason"]
        if taken == "held":
            raise RefusedError(refusal(holder, now, directory))
        if taken in ("expired", "dead"):
            content["history"].append({**holder, "ended": now, "end": taken, "by": identity["run_id"]})
        since = holder["since"] if taken == "renewed" else now
        content["holder"] = {
            **identity,
            "since": since,
            "lease_seconds": lease,
            "lease_until": now + lease,
            "host_boot_id": host.boot_id,
        }
        _store(directory, content)
        previous = holder if taken in ("expired", "dead") else None
        return {"holder": content["holder"], "taken": taken, "reason": reason, "previous": previous}


def release(directory: Path, run_id: str, now: float) -> bool:
    """Give one's own lock back; somebody else's stays as it is. Returns whether it was one's own."""
    if not (directory / NAME).exists():
        return False
    with _exclusive(directory):
        content = _load(directory / NAME)
        holder = content["holder"]
        if holder is None or holder["run_id"] != run_id:
            return False
        content["history"].append({**holder, "ended": now, "end": "released", "by": run_id})
        content["holder"] = None
        _store(directory, content)
        return True


def look(directory: Path, host: Host, now: float) -> dict:
    """Tell the lock's state without touching it: free, held, expired or dead, and by whom."""
    content = _load(directory / NAME)
    state, reason = _judge(content["holder"], None, host, now)
    last = content["history"][-1] if content["history"] else None
    return {
        "path": str(directory / NAME),
        "state": state,
        "reason": reason,
        "holder": content["holder"],
        "last": last,
    }


def _judge(holder: dict | None, run_id: str | None, host: Host, now: float) -> tuple[str, str]:
    if holder is None:
        return "free", "nobody held it"
    if holder["run_id"] == run_id:
        return "renewed", "this run holds it"
    death = _death(holder, host)
    if death:
        return "dead", death
    if holder["lease_until"] <= now:
        return "expired", f"its lease ended {_ago(now - holder['lease_until'])} ago"
    return "held", "its lease still runs"


def _death(holder: dict, host: Host) -> str | None:
    """Say how it is certain that the holder is gone, or None. Only a holder that ran here can be judged."""
    if not holder["boot_id"] or holder["boot_id"] != holder["host_boot_id"]:
        return None
    if holder["boot_id"] != host.boot_id:
        return "it ran on this host, which was booted since"
    if not holder["pid_namespace"] or holder["pid_namespace"] != host.pid_namespace:
        return None
    started = host.start_of(holder["pid"])
    if started is None:
        return f"its process {holder['pid']} on this host is gone"
    if started != holder["pid_started"]:
        return f"its process {holder['pid']} on this host is gone, the number is another process's now"
    return None


def _refuse_lost(content: dict, run_id: str) -> None:
    lost = next((past for past in reversed(content["history"]) if past["run_id"] == run_id), None)
    if lost is None or lost["end"] == "released":
        return
    taker = next(
        (run for run in [content["holder"], *content["history"]] if run and run["run_id"] == lost["by"]), None
    )
    raise RefusedError(
        f"This run has lost its lock: the lease was not renewed in time, and at {_clock(lost['ended'])} "
        f"{who(taker) if taker else 'another run'} took it over. The host may have been changed since. "
        "Wait until that run has ended, then start this one anew."
    )


def refusal(holder: dict, now: float, directory: Path = DIRECTORY) -> str:
    """Return what a refused run tells its people."""
    left = holder["lease_until"] - now
    return (
        f"Another run holds the lock: {who(holder)}, since {_clock(holder['since'])} "
        f"({_ago(now - holder['since'])} ago), process {holder['pid']} there. "
        f"Its lease ends at {_clock(holder['lease_until'])} (in {_ago(left)}) unless it is renewed. "
        "Wait for that run to end; if it is gone without having said so, the lock is free once the lease "
        f"ends. If you are certain that it is gone, delete {directory / NAME} on this host."
    )


def who(holder: dict) -> str:
    """Name a run: who started it where, and what it does."""
    return f'{holder["user"]}@{holder["hostname"]} with "{holder["verb"]}" from {holder["directory"]}'


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def _ago(seconds: float) -> str:
    whole = max(int(seconds), 0)
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h"


@contextlib.contextmanager
def _exclusive(directory: Path) -> Iterator[None]:
    """Hold the folder itself: the lock file is replaced at each write, so no lock on it would last."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.lstat()
    if directory.is_symlink() or status.st_uid != os.geteuid():
        raise LockError(f"{directory} has to be a folder of root's, and is not. Look at who made it.")
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if status.st_mode & 0o077:
            os.fchmod(descriptor, 0o700)
        _flock(descriptor, directory)
        yield
    finally:
        os.close(descriptor)


def _flock(descriptor: int, directory: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise LockError(
                    f"Another process has kept {directory} locked for {_PATIENCE:g} s (fuser {directory} "
                    "names it)."
                ) from None
            time.sleep(0.05)
        else:
            return


def _load(path: Path) -> dict:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {"schema_version": SCHEMA_VERSION, "holder": None, "history": []}
    except PermissionError as error:
        raise LockError(f"{path} can only be read by root: {error}. Does the play become root?") from error
    try:
        content = json.loads(text)
        if content["schema_version"] != SCHEMA_VERSION:
            raise LockError(
                f"{path} was written by another version of this program (schema "
                f"{content['schema_version']}, this one knows {SCHEMA_VERSION}). Use that version, or delete "
                "the file when no run is under way."
            )
        return {"schema_version": SCHEMA_VERSION, "holder": content["holder"], "history": content["history"]}
    except (ValueError, KeyError, TypeError) as error:
        raise LockError(
            f"{path} cannot be read ({error}). Make sure that no run is under way on this host, then delete "
            "the file."
        ) from error


def _store(directory: Path, content: dict) -> None:
    content["history"] = content["history"][-_HISTORY:]
    fresh = directory / f".{NAME}.new"
    with open(fresh, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(directory / NAME)
