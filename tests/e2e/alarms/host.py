"""The host: cron that does not run, a watch that gave up, disks that fill."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator

from fires.fire import by_shell
from stack import Stack

from alarms.alarm import Alarm

BATCH = "host"
# The repository's own file system, in memory.
REPOSITORY = "/mnt/watched"


@contextlib.contextmanager
def given_up(stack: Stack) -> Iterator[None]:
    """The line that the watch writes when it gives up."""
    path = f"/var/lib/stanchion/{stack.name}/recovery/recovery.jsonl"
    line = {
        "at": time.time(),
        "by": "watch",
        "remedy": "restart_backend",
        "of": f"{stack.name}-backend-1",
        "why": "made",
        "outcome": "gave_up",
        "seconds": 0.0,
    }
    stack.host.run(
        "sh",
        "-euc",
        f"touch {path}; cp -p {path} /run/recovery.kept; cat >> {path}",
        stdin=json.dumps(line) + "\n",
    )
    try:
        yield
    finally:
        stack.host.run("mv", "/run/recovery.kept", path)


def filled(percent: int):
    """Fill the repository's file system that far."""
    size, used = (f"$(df --output={what} -k {REPOSITORY} | tail -1)" for what in ("size", "used"))
    size = f"$(( {size} * {percent} / 100 - {used} ))"
    return by_shell(f"fallocate -l {size}K {REPOSITORY}/filler", f"rm {REPOSITORY}/filler")


ALARMS = [
    Alarm(
        "CronNotRunning",
        BATCH,
        "cron is stopped",
        by_shell("service cron stop", "service cron start"),
        silences=("BackupMissed", "JobMissed"),
    ),
    Alarm("BackupFiguresOld", BATCH, "the same"),
    Alarm(
        "WatchGaveUp",
        BATCH,
        "the line that the watch writes then (three restarts would take minutes)",
        given_up,
        "backend-1",
    ),
    Alarm("DiskFilling", BATCH, "the repository's disk is filled to 92 %", filled(92), "repository"),
    Alarm(
        "DiskFull",
        "full disk",
        "the repository's disk is filled to 97 %",
        filled(97),
        "repository",
        silences=("DiskFilling",),
    ),
]
