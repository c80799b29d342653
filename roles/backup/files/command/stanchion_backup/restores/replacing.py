# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A restore in the live database's place, step by step; each step may be begun again after an interruption.

The host's record of the active volume is what decides which volume is the database. It changes in one moment,
in the last step. The roles then start what it names, as in a deploy, and the controller tells that it is open
and finished. The old volume stays.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from stanchion_backup import backups
from stanchion_backup.errors import BackupError, RefusedError
from stanchion_backup.host import docker, jobs, volume_record
from stanchion_backup.host.database import Database
from stanchion_backup.host.stopping import Stopped
from stanchion_backup.repository import pgbackrest, wal
from stanchion_backup.restored import handover
from stanchion_backup.restored.scratch import KEEPS_WAL, Scratch
from stanchion_backup.restores import copies, journal, planning
from stanchion_backup.restores.journal import COPY, HALT, HAND_OVER, Journal
from stanchion_backup.restores.planning import Plan, Request
from stanchion_backup.settings import Settings

PURPOSE = "replacement"
# The key of the volume's record that keeps every other run from starting a database meanwhile.
MARK = "restore"
# Crash recovery of a copy that was not stopped, in seconds: it has written next to nothing.
_STARTED_WITHIN = 600.0
# A checkpoint writes what is in memory; on a slow disk that takes minutes.
_CHECKPOINT_WITHIN = 600.0


def replace(settings: Settings, request: Request, named: str, deep: bool, wait: float) -> dict[str, Any]:
    """Restore, and make the restored volume the recorded one; return what was done.

    The database and the backend are down when it returns: whoever called it starts them.
    """
    if named != settings.stack:
        raise RefusedError(f"--replace {named}: this host's stack is {settings.stack}. Nothing was done.")
    with jobs.recorded(settings, "restore") as record, jobs.alone(settings, wait, restoring=True):
        _begin_anew(settings)
        copies.make_room(settings)
        planned = planning.plan(settings, request)
        steps = journal.LATEST_STEPS if planned.asked.kind == "latest" else journal.OTHER_STEPS
        recorded = volume_record.read(settings)
        begun = Journal(
            stack=settings.stack,
            began=round(time.time(), 3),
            asked=str(planned.asked),
            request=asdict(request),
            name=copies.fresh_name(settings),
            old={key: value for key, value in recorded.items() if key != MARK},
            steps=steps,
            deep=deep,
            old_gone=not _is_there(recorded.get("volume")),
        )
        journal.write(settings, begun)
        _go(settings, begun, planned, record)
    return record


def _begin_anew(settings: Settings) -> None:
    """Refuse a second restore beside one that has touched the database; what of another was left, goes."""
    left = journal.read(settings)
    if left is None:
        return
    if left.touched:
        raise RefusedError(left.says())
    _copy(settings, left, settings.repositories[0].name).remove()
    journal.remove(settings)


def resume(settings: Settings, wait: float) -> dict[str, Any]:
    """Go on with the one that was interrupted; RefusedError where there is none that could go on."""
    with jobs.recorded(settings, "restore") as record, jobs.alone(settings, wait, restoring=True):
        left = _left(settings)
        if left.rolled_back:
            raise RefusedError(left.says())
        planned = None
        if COPY not in left.done:
            # What was filled by half has the room that the next try needs.
            _copy(settings, left, settings.repositories[0].name).remove()
            copies.make_room(settings)
            planned = planning.plan(settings, Request(**left.request))
        _go(settings, left, planned, record)
    return record


def _left(settings: Settings) -> Journal:
    left = journal.read(settings)
    if left is None:
        raise RefusedError("No restore was interrupted here. Nothing was done.")
    return left


def _go(settings: Settings, left: Journal, planned: Plan | None, record: dict[str, Any]) -> None:
    record["replaces"] = left.old.get("volume")
    try:
        step = left.next_step()
        while step:
            if step == HALT:
                _halt(settings, left)
            elif step == COPY and planned is not None:
                _make(settings, left, planned)
            elif step == HAND_OVER:
                _hand_over(settings, left)
            journal.finish(settings, left, step)
            step = left.next_step()
    except (BackupError, Stopped) as error:
        if left.touched:
            # Whatever it was: a database that is down is no refusal.
            raise BackupError(f"{error} {left.says()}") from error
        _copy(settings, left, settings.repositories[0].name).remove()
        journal.remove(settings)
        raise type(error)(f"{error} The live database was not touched.") from error
    finally:
        record.update({key: value for key, value in left.facts.items() if key != "fork"})
        record["volume"] = left.name
    record["done"] = [f"the volume {left.name} is the database of {settings.stack}", _starts("--resume")]


def _starts(way: str) -> str:
    """Say what is still to be done, for whoever runs this command by hand: it starts nothing."""
    return f"`python runner.py restore {way}` on the controller starts database and backends"


def _copy(settings: Settings, left: Journal, repository: str) -> Scratch:
    place = settings.repository_of(left.facts.get("repo") or repository)
    copy = Scratch(settings, PURPOSE, place, left.name, left.name)
    copy.is_to_be_the_database()
    return copy


def _make(settings: Settings, left: Journal, planned: Plan) -> None:
    """Restore and prove the copy."""
    left.facts.update(planned.as_dict())
    copy = _copy(settings, left, planned.repository.name)
    recovery = copies.fill(copy, planned, left.facts)
    copies.prove(settings, copy, planned, left.deep, left.facts)
    left.facts["fork"] = {
        "timeline": recovery.timeline,
        "parent": planned.timeline,
        "left": _epoch(recovery.last_transaction) or float(planned.backup.stopped),
        "began": round(time.time(), 3),
    }


def _epoch(text: str) -> float | None:
    """Read a time as the server's log has it: 2026-11-25 17:59:30.290749+00."""
    found = re.fullmatch(r"(\S+) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?([+-]\d\d)(?::?(\d\d))?", text)
    if found is None:
        return None
    day, clock, fraction, hours, minutes = found.groups()
    return datetime.fromisoformat(f"{day}T{clock}.{fraction or '0':0<6}{hours}:{minutes or '00'}").timestamp()


def _halt(settings: Settings, left: Journal) -> None:
    """Stop the backend, then the old database, with all that it has committed in the repositories."""
    if not left.touched:
        left.touched = True
        journal.write(settings, left)
    volume_record.write(settings, {**left.old, MARK: left.mark()})
    # Where that is not what is restored, what was written last may stay in the old volume.
    newest = left.steps[0] == HALT
    answers = planning.running(settings)
    if answers:
        left.facts["old_answered"] = True
        journal.write(settings, left)
        # Only so that its stop takes less time: the application still serves.
        with contextlib.suppress(BackupError):
            Database(settings.container, within=_CHECKPOINT_WITHIN).execute("CHECKPOINT")
    _stop_backends(settings)
    if answers:
        with contextlib.nullcontext() if newest else contextlib.suppress(BackupError):
            planning.flush(settings, settings.repository_of(left.request.get("source") or ""))
    _stop_database(settings)
    try:
        left.facts["old_database"] = _last_of(settings, left)
    except BackupError as error:
        if newest:
            raise BackupError(
                f"{error} Roll back, which starts the old database again, and repeat the restore."
            ) from error
        left.facts["old_database"] = f"what it wrote last may be in its volume alone: {error}"


def _is_there(volume: object) -> bool:
    return bool(volume) and docker.inspect("volume", str(volume)) is not None


def _stop_backends(settings: Settings) -> None:
    """Remove the backends: the roles make them anew, with the migration of the schema before."""
    marks = [f"label=io.stanchion.stack={settings.stack}", "label=io.stanchion.role=backend"]
    names = docker.names("container", *marks)
    if names:
        docker.docker("container", "stop", *names, within=600)
        docker.remove("container", names)


def _stop_database(settings: Settings) -> None:
    """Stop it, also one that restarts again and again; whether it ended well, its volume says."""
    found = docker.inspect("container", settings.container)
    if found:
        limit = found["Config"].get("StopTimeout") or 10
        docker.docker("container", "stop", settings.container, within=limit + 60)


def _last_of(settings: Settings, left: Journal) -> str:
    """Return what became of the old database's last WAL, once it has ended.

    BackupError where it answered before, and not all that it committed is in the repository now.
    """
    if not _is_there(left.old.get("volume")):
        return "its volume is gone, with what was not archived"
    control = _control(settings, str(left.old["volume"]))
    if control.get("Database cluster state") != "shut down":
        if left.facts.get("old_answered"):
            raise BackupError("The old database did not stop cleanly.")
        return "did not answer: what it had not archived is in its volume alone"
    current = control["Latest checkpoint's REDO WAL file"]
    last = wal.name_of(int(current[:8], 16), wal.number_of(current) - 1)
    place = settings.repository_of(left.request.get("source") or "")
    if not pgbackrest.has_segment(settings, pgbackrest.contents_of(settings, place), last):
        raise BackupError(f"The old database's last WAL segment, {last}, is not in {place.name}.")
    return "stopped, with all it had committed in the repository"


def _control(settings: Settings, volume: str) -> Mapping[str, str]:
    """Return what a volume says of its cluster; nothing where it is damaged, or empty."""
    argv = [
        *(
            "docker",
            "run",
            "--rm",
            "--name",
            docker.fresh_name(settings, "look"),
            *docker.labels(settings, PURPOSE),
        ),
        *docker.confined("128m"),
        *("--network", "none", "--volume", f"{volume}:{pgbackrest.DATA}:ro", pgbackrest.image_of(settings)),
        *("pg_controldata", "-D", pgbackrest.DATA),
    ]
    pairs = (line.partition(":") for line in docker.run(argv).out.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _hand_over(settings: Settings, left: Journal) -> None:
    """Make the restored volume one that archives, and the recorded one."""
    copy = _copy(settings, left, settings.repositories[0].name)
    found = docker.inspect("container", copy.container)
    if not (found and found["State"]["Running"]):
        # The host, or the engine, was restarted since: the copy ends as it should only by itself.
        copy.start("none", **KEEPS_WAL)
        copy.wait(_STARTED_WITHIN)
    copy.stop()
    timeline = handover.make_ready(copy)
    copy.remove(keep_volume=True)
    now = round(time.time(), 3)
    replaced = [*(left.old.get("replaced") or []), {"volume": left.old.get("volume"), "at": now}]
    volume_record.write(
        settings,
        {
            **left.old,
            "volume": left.name,
            "state": "active",
            "system_identifier": left.facts["system_identifier"],
            "timeline": timeline,
            "replaced": [each for each in replaced if each["volume"]],
            # Each backup carries this record: a host that comes after this one has to know of them too.
            "forks": [*(left.old.get("forks") or []), left.facts["fork"]],
            MARK: left.mark(),
        },
    )


def rollback(settings: Settings, discard: str, wait: float) -> dict[str, Any]:
    """Return to the old volume; RefusedError where writes would be lost that nobody has named."""
    with jobs.recorded(settings, "rollback") as record, jobs.alone(settings, wait, restoring=True):
        left = _left(settings)
        if left.opened and discard != left.name:
            raise RefusedError(f"{left.says()} Nothing was done.")
        if not _is_there(left.old.get("volume")):
            raise RefusedError(
                f"There is no volume {left.old.get('volume') or 'of an old database'} to return to. "
                "`restore --resume` goes on. Nothing was done."
            )
        left.rolled_back = left.rolled_back or round(time.time(), 3)
        journal.write(settings, left)
        # Not the journal: it learns of it a moment later.
        recorded = volume_record.read(settings)
        if recorded.get("volume") == left.name:
            _stop_backends(settings)
            _stop_database(settings)
            dropped = [*(left.old.get("replaced") or []), {"volume": left.name, "at": left.rolled_back}]
            volume_record.write(settings, {**left.old, "replaced": dropped, MARK: left.mark()})
            record["done"] = [f"the volume {left.old['volume']} is the database again; {left.name} stays"]
        elif any(each["volume"] == left.name for each in recorded.get("replaced") or []):
            # An earlier try has come this far: what the application wrote to it stays.
            record["done"] = [f"the volume {left.old['volume']} is the database again; {left.name} stays"]
        else:
            _copy(settings, left, settings.repositories[0].name).remove()
            record["done"] = [f"the volume {left.old.get('volume')} stays the database"]
        if left.touched:
            record["done"].append(_starts("--rollback"))
    return record


def opened(settings: Settings) -> dict[str, Any]:
    """Keep that the application is let in now: from here on there are writes to lose."""
    left = _left(settings)
    if not left.rolled_back and not left.opened:
        left.opened = round(time.time(), 3)
        journal.write(settings, left)
    return {"done": []}


def close(settings: Settings, wait: float) -> dict[str, Any]:
    """End it: let deploys and the schedule go on, and back the new timeline up. Return the record.

    BackupError where that backup fails; the restore is done all the same.
    """
    left = _left(settings)
    if not left.rolled_back and left.next_step():
        raise RefusedError(left.says())
    record = {key: value for key, value in volume_record.read(settings).items() if key != MARK}
    volume_record.write(settings, record)
    _keep(settings, left)
    journal.remove(settings)
    done = [f"{record['volume']} is the database of {settings.stack}"]
    if not left.handed_over:
        return {"stack": settings.stack, "done": done}
    kept = left.name if left.rolled_back else left.old.get("volume")
    if kept and docker.inspect("volume", kept):
        done.append(f"{kept} stays until it is dropped: restore --drop-volume {kept}")
    try:
        taken = backups.take(settings, "full", settings.repositories, wait, expire=False)
    except (BackupError, Stopped) as error:
        raise BackupError(
            f"{'; '.join(done)}. But the new full backup failed, and until there is one, nothing newer can "
            f"be restored: {error} Mend that and take it (`backup --type full`)."
        ) from error
    done += [f"new full backup {each['label']} in {name}" for name, each in taken["repositories"].items()]
    # What the copy was is not what the database is, where that was rolled back.
    facts = {} if left.rolled_back else left.facts
    return {**facts, "stack": settings.stack, "done": done, "volume": record["volume"]}


def _keep(settings: Settings, left: Journal) -> None:
    now = round(time.time(), 3)
    kept = {
        **left.facts,
        "stack": settings.stack,
        "job": "restore",
        "started": left.began,
        "ended": now,
        "seconds": round(now - left.began, 3),
        "outcome": "failed" if left.rolled_back else "ok",
        "exit": 1 if left.rolled_back else 0,
        "error": "rolled back" if left.rolled_back else "",
        "pid": 0,
        "replaces": left.old.get("volume"),
        "volume": left.name,
    }
    if left.rolled_back:
        # The old database goes on along its own timeline: nothing of it was left.
        kept.pop("fork", None)
    jobs.keep(settings, kept)


def drop_volume(settings: Settings, name: str, wait: float) -> dict[str, Any]:
    """Remove a volume that a restore has replaced; RefusedError where the name is not such a volume's."""
    with jobs.alone(settings, wait):
        record = volume_record.read(settings)
        if name == record.get("volume") or name not in copies.replaced(settings):
            raise copies.unknown(settings, name, "replaced")
        docker.remove("volume", [name])
        left = [each for each in record["replaced"] if each["volume"] != name]
        volume_record.write(settings, {**record, "replaced": left})
    return {"stack": settings.stack, "done": [f"dropped the volume {name}"]}
