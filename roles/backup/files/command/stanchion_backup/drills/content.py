# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a copy is the database as it was at the target: by the log, by the markers, by the facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stanchion_backup.drills.choosing import WHOLE
from stanchion_backup.drills.course import Before, Drill
from stanchion_backup.host.database import Database
from stanchion_backup.restored import canary, facts
from stanchion_backup.restored.markers import Markers
from stanchion_backup.restored.scratch import Recovery, Scratch

# A writer's row is late by its period, and by what cron and a busy host add.
_LATE = 60

# A month of rows: what the writer lets go of is older.
_ROWS = """
SELECT json_build_object('rows', count(*),
    'hash', coalesce(sum(hashtextextended(c::text, 0)::numeric), 0)::text)
FROM stanchion.canary c
WHERE id < (SELECT id FROM stanchion.canary WHERE mark = :'a') AND t > :'t'::timestamptz - interval '30 days';
"""
# Of the copy. Times are compared by the server: they are as its log has them.
_COPY = r"""
SELECT json_build_object('identifier', (SELECT system_identifier::text FROM pg_control_system()),
    'archive_mode', current_setting('archive_mode'),
    'last_before', :'last'::timestamptz <= :'t'::timestamptz,
    'stop_after', :'stop'::timestamptz > :'t'::timestamptz);
SELECT to_regclass('stanchion.canary') IS NOT NULL AS made \gset
\if :made
SELECT json_build_object('a', count(*) FILTER (WHERE mark = :'a'), 'b', count(*) FILTER (WHERE mark = :'b'),
    'later', count(*) FILTER (WHERE t > :'t'::timestamptz),
    'age', extract(epoch FROM :'t'::timestamptz - max(t) FILTER (WHERE mark = '' AND t <= :'t'::timestamptz)))
FROM stanchion.canary;
"""
_END = r"\endif"


def same(one: Drill, copy: Scratch, before: Before, recovery: Recovery) -> bool:
    """Ask whether the copy is the database as it was at the target; return whether it ended there at all."""
    live, placed, kind = before.live, before.placed, before.target.kind
    found = recovered(copy, placed, recovery)
    one.sheet.equal("system identifier", live["identifier"], found[0]["identifier"])
    one.sheet.equal("timeline", before.timeline, recovery.timeline)
    wrong = "the copy would archive into the live database's stanza"
    one.sheet.equal("archive_mode", "off", found[0]["archive_mode"], wrong)
    log_gate(one, kind, placed, recovery, found[0])
    rows = before.rows if before.rows == rows_before(one.live, placed) else None
    markers_in(one, kind, placed, rows, recovery, found)
    if one.sheet.failed:
        return False
    writer(one, found[1]["age"])
    after = before.facts_after or facts.read(one.database, one.settings)
    one.sheet.compare(before.facts, after, facts.read(copy.database, one.settings))
    return True


def rows_before(live: Database, placed: Markers) -> dict[str, Any]:
    """Count and hash the rows before marker a."""
    found: dict[str, Any] = json.loads(live.execute(_ROWS, {"a": placed.a.mark, "t": placed.a.t})[0])
    return found


def recovered(copy: Scratch, placed: Markers, recovery: Recovery) -> list[dict[str, Any]]:
    """Return what the copy says: the server, the markers, the rows before; less without the table."""
    stop = recovery.stopped.rpartition(", time ")[2] if recovery.stopped.startswith("before") else ""
    given = {
        "a": placed.a.mark,
        "b": placed.b.mark,
        "t": placed.t,
        "last": recovery.last_transaction or "infinity",
        "stop": stop or "infinity",
    }
    return [
        json.loads(line) for line in copy.database("postgres").execute("\n".join((_COPY, _ROWS, _END)), given)
    ]


def log_gate(one: Drill, kind: str, placed: Markers, recovery: Recovery, server: Mapping[str, Any]) -> None:
    """Enter that the recovery ended where it was told to, by the server's own log."""
    stopped = recovery.stopped
    seen = stopped or "at the end of the WAL"
    if kind in WHOLE:
        reason = f"the recovery stopped early: {stopped}" if stopped else ""
        one.sheet.add("log: end of the WAL", not stopped, "no stop", seen, reason)
        return
    if kind == "name":
        wanted = f'at restore point "{placed.name}"'
        well = stopped.startswith(wanted)
    else:
        wanted = f"before the first commit after {placed.t}"
        # Postgres stops behind a transaction of that very microsecond.
        well = stopped.startswith(("before ", "after ")) and bool(server["stop_after"])
    reason = "" if well else f"the recovery did not stop {wanted}: it ended {seen}"
    one.sheet.add("log: stopped at the target", well, wanted, seen, reason)
    well = bool(server["last_before"])
    last = recovery.last_transaction or "unknown"
    reason = "" if well else f"the copy's last transaction is of {last}, and its target is {placed.t}"
    one.sheet.add("log: last transaction", well, f"<= {placed.t}", last, reason)


def markers_in(
    one: Drill,
    kind: str,
    placed: Markers,
    rows: Mapping[str, Any] | None,
    recovery: Recovery,
    found: list[Any],
) -> None:
    """Enter that the copy has what was committed before the target, nothing else; `rows` None: unsteady."""
    ended = _ended(recovery, placed)
    if len(found) < 3:
        one.sheet.add("marker a", False, 1, 0, f"the copy has no table stanchion.canary: {ended}")
        return
    seen = found[1]
    b = 1 if kind in WHOLE else 0
    one.sheet.equal("marker a", 1, seen["a"], f"the row before the target is not in the copy: {ended}")
    if not seen["a"]:
        return
    wrong = f"the row after the target is {'not ' if b else ''}in the copy: {ended}"
    one.sheet.equal("marker b", b, seen["b"], wrong)
    if rows is None:
        one.sheet.add("canary rows", None, reason="one was committed late: it may be in the copy or not")
    else:
        one.sheet.equal("canary rows", rows, found[2])
    if not b:
        wrong = f"{seen['later']} canary rows of the copy are later than {placed.t}"
        one.sheet.equal("no row after the target", 0, seen["later"], wrong)


def _ended(recovery: Recovery, placed: Markers) -> str:
    """Say where the replay ended, as the cause of a row that is missing."""
    if recovery.last_segment[8:] < placed.segment[8:]:
        return recovery.gap
    return f"replay ended {recovery.stopped or f'with WAL segment {recovery.last_segment}'}"


def writer(one: Drill, age: float | None) -> None:
    """Enter that the minute job's rows go up to the target: else the RPO is measured with dead ones."""
    limit = canary.PERIOD + _LATE
    if age is None:
        reason = "the canary writer is dead: there is no row of it (cron's minute job `watch`)"
    elif age > limit:
        reason = (
            f"the canary writer is dead: its newest row is {age / 60:.0f} min old (cron's minute job `watch`)"
        )
    else:
        reason = ""
    one.sheet.add("canary writer", not reason, f"<= {limit} s", age, reason)
