"""Logs: that they cannot fill the disk, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import Container
from stanchion.checks.look import Look, Row
from stanchion.checks.model import Evidence, UnreadableError, bad, note, warn
from stanchion.checks.registry import (
    CRITICAL,
    DEPLOY,
    FILE,
    PREFLIGHT,
    RUNTIME,
    WARNING,
    Threshold,
    check,
)
from stanchion.checks.units import length
from stanchion.moments import moment

LOG_WINDOW = Threshold(
    "validation_log_window",
    3600,
    "s",
    "ours: long enough for a look now and then, short enough to be about now",
)

_JSON_FILE = "json-file"
_BAD = {
    "panic": "PANIC",
    "killed": "the end of one of the server's processes by a signal",
    "crash": "a crash of the server",
    "write": "a failed write",
    "archive": "a failed archive command",
    "fatal": "FATAL",
}
# What a server that takes connections again has behind it.
_OVER_WHEN_READY = ("killed", "crash", "fatal")
# These, too, where it was for want of room. Any other failed write is not mended by a restart.
_OVER_WITH_ROOM = ("panic", "write")
_NO_ROOM = "No space left on device"
# Lines within the window: a server that crashes more often than one crash tells is not over it.
_OFTEN = 5
_WARN = {
    "refused": "a refused login",
    "saturated": "a login refused for want of a free connection",
}


@check(
    "log.rotation",
    rows="LOG-01",
    title="No container's log can fill the disk",
    phases=(PREFLIGHT, DEPLOY, RUNTIME, FILE),
    severity=WARNING,
    why="Docker keeps everything that a container prints, without an end, on the disk that holds the "
    "database too.",
    remedy="Deploy: the roles set max-size and max-file, and a container that exists is made anew for it. In "
    "a compose file: logging: {driver: json-file, options: {max-size: 10m, max-file: '3'}}.",
    source="Docker's manual, JSON File logging driver: max-size has no limit by default",
    reads=("containers",),
)
def rotation(look: Look) -> Iterator[Evidence]:
    for container in look.containers():
        problem = _without_end(container)
        if problem:
            yield bad(problem, container.name, "logging")
        else:
            limit = container.log_options
            size = f" {limit['max-file']} x {limit['max-size']}" if "max-size" in limit else ""
            yield note(f"{container.log_driver}{size}", container.name)


def _without_end(container: Container) -> str:
    if container.log_driver not in (None, _JSON_FILE):
        return ""  # local rotates by itself; of the others somebody else keeps the log
    if "max-size" not in container.log_options:
        return "has a log without max-size: it grows without an end"
    if "max-file" not in container.log_options:
        return "has a log without max-file: when it is full, all of it is thrown away"
    return ""


@check(
    "log.trouble",
    rows="LOG-03",
    title="The logs tell of no trouble",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="The server says so when it crashed, could not write, could not archive or refused to go on; after "
    "an automatic restart nothing else shows it.",
    remedy="Read the lines around it: docker logs --since 1h CONTAINER. What the server has got over is a "
    "warning; all of it goes away by itself once it is older than validation_log_window.",
    source="Ours: the server's own words for what no client is told",
    reads=("logs", "containers"),
    thresholds=(LOG_WINDOW,),
)
def trouble(look: Look) -> Iterator[Evidence]:
    logs = look.source("logs")
    for container in look.containers():
        entry = log_of(look, container.name)
        for kinds, say in ((_BAD, bad), (_WARN, warn)):
            for kind, words in kinds.items():
                if kind not in entry["trouble"]:
                    continue
                over = _over(look, entry, kind)
                yield (warn if over else say)(f"{_told(entry['trouble'][kind], words)}{over}", container.name)
        read = f"{entry['lines']} lines of the last {length(logs['window'])}"
        yield note(read if entry["all_read"] else f"only the last {entry['lines']} lines", container.name)


def _over(look: Look, entry: Row, kind: str) -> str:
    """Return by what one kind of trouble has passed since its last line; empty where nothing says so."""
    seen = entry["trouble"][kind]
    last, ready = moment(seen["last"][-1]["at"]), moment(entry.get("ready"))
    for_room = kind in _OVER_WITH_ROOM and all(_NO_ROOM in line["text"] for line in seen["last"])
    once = kind in _OVER_WHEN_READY and seen["count"] <= _OFTEN
    if (once or for_room) and ready and last and ready > last:
        return f"; it takes connections again since {(ready - last).total_seconds():.0f} s after that"
    archive = ((look.facts.get("backup") or {}).get("observed") or {}).get("archive") or {}
    if kind == "archive" and archive.get("failing") is False and archive.get("ready_files") == 0:
        return "; nothing waits to be archived any more"
    return ""


def log_of(look: Look, container: str) -> Row:
    """Return what was read of a container's log."""
    found: Row | None = look.source("logs")["entries"].get(container)
    if found is None:
        raise UnreadableError(f"the log of {container} was not read")
    return found


def _told(seen: Row, words: str) -> str:
    return f"{words}, {seen['count']} x; last: {seen['last'][-1]['text']}"
