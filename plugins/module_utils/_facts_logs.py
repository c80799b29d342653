# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lines of the containers' logs that mean trouble, and when the database first took connections."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import datetime, timezone

from ansible_collections.stanchion.stack.plugins.module_utils import _secret_text
from ansible_collections.stanchion.stack.plugins.module_utils._docker_api import Engine

# Lines read of one container: a log that is flooded must not become a report that is.
_LINES = 5000
_SHOWN = 5
_WIDTH = 300
TROUBLE = {
    "panic": re.compile(r"\bPANIC: "),
    "killed": re.compile(r"server process .* was terminated by signal"),
    "crash": re.compile(
        r"terminating any other active server processes|database system was not properly shut down"
    ),
    "write": re.compile(
        r"could not (?:write|fsync|extend|create file)|could not open file \"?(?:base|global|pg_)"
        r"|No space left on device"
    ),
    "archive": re.compile(r"archive command failed|archive command was terminated"),
    "fatal": re.compile(
        # What a client did, and what every ordinary stop and restart says of sessions and workers.
        r"\bFATAL: (?! *(?:password authentication failed|no pg_hba|pg_hba.conf rejects|role \"|database"
        r" \"|terminating \S.* due to administrator command|terminating connection|canceling"
        r"|connection to client lost|the database system is|unsupported frontend protocol"
        r"|no PostgreSQL user name|sorry, too many|too many connections|remaining connection))"
    ),
    "refused": re.compile(r"\bFATAL: +(?:password authentication failed|no pg_hba|pg_hba.conf rejects)"),
    "saturated": re.compile(r"\bFATAL: +(?:sorry, too many|too many connections|remaining connection)"),
    "deadlock": re.compile(r"\bERROR: +deadlock detected"),
}
_READY = re.compile(r"database system is ready to accept connections")
_PID_1_FIRST_MINUTES = 900


def log_facts(engine: Engine, containers: Iterable[dict], window: float) -> dict:
    """Return, by container, how many lines of the last `window` seconds are of each kind of trouble."""
    since = int(time.time() - window)
    found = {item["name"]: _trouble(engine, item["id"], since) for item in containers}
    for event in engine.events(since, type=["container"], event=["oom"]) if found else []:
        name = event["Actor"]["Attributes"].get("name")
        if name in found:
            found[name]["oom"] = event["time"]
    return {"window": window, "entries": found}


def _trouble(engine: Engine, identity: str, since: int) -> dict:
    text = engine.logs(
        identity, stdout=True, stderr=True, since=str(since), tail=str(_LINES), timestamps=True
    )
    lines = text.splitlines()
    found: dict[str, dict] = {}
    ready = None
    for line in lines:
        at, _, message = line.partition(" ")
        if _READY.search(message):
            ready = at
        for kind, pattern in TROUBLE.items():
            if pattern.search(message):
                seen = found.setdefault(kind, {"count": 0, "last": []})
                seen["count"] += 1
                last = {"at": at, "text": _secret_text.hidden(message)[:_WIDTH]}
                seen["last"] = [*seen["last"], last][-_SHOWN:]
    return {
        "lines": len(lines),
        "all_read": len(lines) < _LINES,
        "trouble": found,
        "ready": ready,
        "oom": None,
    }


def ready_facts(engine: Engine, containers: Iterable[dict]) -> dict:
    """Return, by container of the database, when its server first took connections since it was started."""
    return {
        "entries": {item["name"]: _ready(engine, item) for item in containers if item["role"] == "postgres"}
    }


def _ready(engine: Engine, item: dict) -> str | None:
    if not item["started_at"]:
        return None
    start = datetime.fromisoformat(item["started_at"][:19]).replace(tzinfo=timezone.utc).timestamp()
    text = engine.logs(
        item["id"],
        stdout=True,
        stderr=True,
        since=str(int(start)),
        until=str(int(start) + _PID_1_FIRST_MINUTES),
        timestamps=True,
    )
    for line in text.splitlines():
        at, _, message = line.partition(" ")
        if at >= item["started_at"] and _READY.search(message):
            return at
    return None
