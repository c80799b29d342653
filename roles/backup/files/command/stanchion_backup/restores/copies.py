# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restored copies that are kept beside the live database, until somebody drops them by name."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

from stanchion_backup.errors import BackupError, RefusedError
from stanchion_backup.host import docker, files, jobs, leftovers, volume_record
from stanchion_backup.host.database import Database, QueryError
from stanchion_backup.repository import pgbackrest
from stanchion_backup.restored import facts
from stanchion_backup.restored.scratch import (
    AMCHECK,
    KEEPS_WAL,
    POINTS,
    RECOVERED_WITHIN,
    Recovery,
    Scratch,
    see_all_replayed,
)
from stanchion_backup.restores.planning import Plan, Request, plan
from stanchion_backup.settings import Settings

PURPOSE = "restore"


def fresh_name(settings: Settings) -> str:
    """Return a name for a copy and for its volume: when it was made."""
    return f"{settings.stack}-restore-{time.strftime('%Y%m%dt%H%M%S', time.gmtime())}"


def restore(settings: Settings, request: Request, deep: bool, wait: float) -> dict[str, Any]:
    """Restore into a volume of its own, beside the live database; return the record.

    The copy is kept running. One that failed is removed.
    """
    with jobs.recorded(settings, "restore") as record, jobs.alone(settings, wait):
        make_room(settings)
        planned = plan(settings, request)
        record.update(planned.as_dict())
        copy = Scratch(settings, PURPOSE, planned.repository, *[fresh_name(settings)] * 2)
        mark = {"name": copy.volume, "target": record["target"], "created": round(time.time(), 3)}
        files.write_json(_mark(settings, copy.volume), {**mark, "proved": False})
        try:
            fill(copy, planned, record)
            prove(settings, copy, planned, deep, record)
        except BaseException:
            copy.remove()
            _mark(settings, copy.volume).unlink(missing_ok=True)
            raise
        record["copy"] = {"container": copy.container, "volume": copy.volume}
        _keep(settings, {**mark, "proved": True})
    return record


def _mark(settings: Settings, name: str) -> Path:
    return settings.folder / "copies" / f"{name}.json"


def _keep(settings: Settings, mark: dict[str, Any]) -> None:
    """Mark a copy as proved. One without a mark is kept too: a full disk costs the mark alone."""
    try:
        files.write_json(_mark(settings, mark["name"]), mark)
    except OSError as error:
        _mark(settings, mark["name"]).unlink()
        jobs.log.warning("the copy %s is kept without its mark: %s", mark["name"], error)


def _marks(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return what is known of the copies, by name; of one whose mark can't be read nothing is."""
    found = {}
    for path in sorted((settings.folder / "copies").glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            mark = json.loads(path.read_text())
            found[str(mark["name"])] = mark
    return found


def fill(copy: Scratch, planned: Plan, record: dict[str, Any]) -> Recovery:
    """Restore and recover; leaves the copy up, on no network. BackupError where it ended too early."""
    phases = record.setdefault("phases", {})
    began = time.monotonic()
    held = pgbackrest.contents_of(copy.settings, planned.repository)
    # As of now: what arrives meanwhile may be replayed too.
    last = pgbackrest.wal_max_on(copy.settings, held, planned.timeline)
    copy.restore(planned.target)
    phases["restore"] = round(time.monotonic() - began, 3)
    began = time.monotonic()
    recovery = copy.recover(RECOVERED_WITHIN)
    phases["replay"] = round(time.monotonic() - began, 3)
    if planned.target.kind in (*POINTS, "immediate") and not recovery.stopped:
        raise BackupError(
            f"The recovery ended before its target ({planned.asked}). It is no restore of that."
        )
    if planned.target.kind == "latest":
        see_all_replayed(recovery, last)
    if planned.repository.network:
        # The repository's network leads out; the copy needs none of it any more.
        copy.stop()
        copy.start("none")
        copy.wait(RECOVERED_WITHIN)
    record["recovery"] = {
        "stopped": recovery.stopped,
        "last_transaction": recovery.last_transaction,
        "timeline": recovery.timeline,
        "segments": recovery.segments,
    }
    return recovery


def prove(settings: Settings, copy: Scratch, planned: Plan, deep: bool, record: dict[str, Any]) -> None:
    """See that the copy is this database, whole; BackupError where it is not.

    `deep` reads every page (pg_checksums) and every row and B-tree (pg_amcheck).
    """
    began = time.monotonic()
    seen = copy.database("postgres").one(
        "SELECT system_identifier::text AS identifier FROM pg_control_system()"
    )
    expected = volume_record.read(settings).get("system_identifier")
    if expected and seen["identifier"] != expected:
        raise BackupError(
            f"{planned.repository.name} holds another database (system identifier {seen['identifier']}) than "
            f"this stack's ({expected}). It was not kept."
        )
    record["system_identifier"] = seen["identifier"]
    record["database"] = settings.database
    record["migration"] = _heads(settings, copy)
    if deep:
        _read_all(copy)
    record.setdefault("phases", {})["checks"] = round(time.monotonic() - began, 3)
    record["deep"] = deep


def _heads(settings: Settings, copy: Scratch) -> dict[str, Any]:
    """Return the migration head of the copy, and of the live database where it answers."""
    head = facts.migration_head(copy.database(settings.database))
    try:
        live = facts.migration_head(Database(settings.container, settings.database, within=10))
    except QueryError:
        live = None
    return {"copy": head, "live": live}


def _read_all(copy: Scratch) -> None:
    shown = copy.database("postgres").one("SELECT current_setting('data_checksums') AS checksums")
    had_amcheck = _with_amcheck(copy)
    copy.stop()
    if shown["checksums"] == "on" and (damage := copy.bad_pages()):
        raise BackupError(f"The copy has damaged pages: {damage}")
    # Who reads a row first marks its page. With full pages the WAL of that, all of which is kept, would be as
    # large as the database. Without them a crash may tear a page: nothing goes on before a clean stop.
    copy.start("none", full_page_writes="off", **KEEPS_WAL)
    copy.wait(RECOVERED_WITHIN)
    if damage := copy.client("pg_amcheck", *AMCHECK):
        raise BackupError(f"pg_amcheck found damage in the copy: {damage}")
    for name in _with_amcheck(copy) - had_amcheck:
        copy.database(name).execute("DROP EXTENSION amcheck")
    copy.stop()
    copy.start("none", **KEEPS_WAL)
    copy.wait(RECOVERED_WITHIN)


def _with_amcheck(copy: Scratch) -> set[str]:
    asked = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'amcheck') AS there"
    return {name for name in copy.databases() if copy.database(name).one(asked)["there"]}


def listed(settings: Settings) -> list[dict[str, Any]]:
    """Return the copies and the volumes that a restore has replaced; each may be dropped by its name."""
    marks = _marks(settings)
    found = []
    for name in docker.names("volume", *docker.mine(settings, PURPOSE)):
        mark = marks.get(name, {})
        if name == volume_record.read(settings).get("volume"):
            continue
        container = docker.inspect("container", name)
        found.append(
            {
                "name": name,
                "kind": "copy",
                "running": bool(container and container["State"]["Running"]),
                "target": mark.get("target"),
                "created": mark.get("created"),
            }
        )
    replaced = volume_record.read(settings).get("replaced") or []
    there = set(docker.names("volume"))
    found += [
        {"name": each["volume"], "kind": "replaced", "running": False, "target": None, "created": each["at"]}
        for each in replaced
        if each["volume"] in there
    ]
    return found


def drop(settings: Settings, name: str, wait: float) -> dict[str, Any]:
    """Remove a copy and its volume; RefusedError where the name is not a copy's."""
    with jobs.alone(settings, wait):
        if name not in [each["name"] for each in listed(settings) if each["kind"] == "copy"]:
            raise unknown(settings, name, "copy")
        docker.remove("container", [name])
        docker.remove("volume", [name])
        _mark(settings, name).unlink(missing_ok=True)
    return {"stack": settings.stack, "done": [f"dropped the copy {name}"]}


def replaced(settings: Settings) -> list[str]:
    """Return the volumes that restores have replaced and that are still there."""
    return [each["name"] for each in listed(settings) if each["kind"] == "replaced"]


def unknown(settings: Settings, name: str, kind: str) -> RefusedError:
    """Return the refusal of a name that is none of those."""
    there = ", ".join(each["name"] for each in listed(settings) if each["kind"] == kind) or "none"
    what = {"copy": "restored copy", "replaced": "volume that a restore has replaced"}[kind]
    return RefusedError(f"There is no {what} {name} (there is: {there}). Nothing was dropped.")


def make_room(settings: Settings) -> None:
    """Take away what killed jobs and restores have left; only who holds the command's lock may.

    Of a restore that is what was begun by its own mark and not proved. Whatever has no mark stays until it is
    dropped.
    """
    leftovers.sweep(settings)
    database = volume_record.read(settings).get("volume")
    for name, mark in _marks(settings).items():
        if mark.get("proved") is False and name != database:
            Scratch(settings, PURPOSE, settings.repositories[0], name, name).remove()
            _mark(settings, name).unlink(missing_ok=True)
