# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The restore drill: a backup counts once a restore of it has been proved against the live database.

Two rows are written into the live database with a moment between them; a copy is restored to a target that is
chosen at random, and has to be, in every point that can be asked, the database as it was then.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from stanchion_backup import backups
from stanchion_backup.drills import choosing, content, proof, soundness
from stanchion_backup.drills.course import PURPOSE, Before, Drill
from stanchion_backup.errors import BackupError, RefusedError
from stanchion_backup.host import docker, jobs, leftovers, volume_record
from stanchion_backup.host.database import Database
from stanchion_backup.host.stopping import undisturbed
from stanchion_backup.repository import pgbackrest, windows
from stanchion_backup.repository.pgbackrest import Contents
from stanchion_backup.restored import canary, facts, markers, scratch
from stanchion_backup.restored.scratch import Scratch
from stanchion_backup.settings import Repository, Settings

# Gives up on a recovery; a day of WAL is replayed in minutes.
_RECOVERY = 4 * 3600.0
_UP = 300.0
_LIVE = """
SELECT system_identifier::text AS identifier, (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline,
    extract(epoch FROM clock_timestamp()) AS now, current_setting('data_checksums') AS checksums,
    current_setting('server_version') AS version
FROM pg_control_system()
"""
_LATER = "SELECT count(*) AS rows FROM stanchion.canary WHERE id > :'id'"


def drill(
    settings: Settings,
    repositories: Sequence[Repository],
    kind: str | None = None,
    label: str | None = None,
    wait: float = 0.0,
) -> dict[str, Any]:
    """Drill each repository; return the records. BackupError (with them in `found`) on any doubt."""
    if label and len(repositories) > 1:
        raise RefusedError(f"A set is in one repository: say which with --repo, beside --set {label}.")
    records: list[dict[str, Any]] = []
    errors: list[BackupError] = []
    for repository in repositories:
        try:
            records.append(_recorded(settings, repository, kind, label, wait))
        except BackupError as error:
            errors.append(error)
            records.append(dict(error.found))
    result = {"stack": settings.stack, "drills": [each for each in records if each]}
    if errors:
        # All of them skipped, or refused: that is no failure of the backups.
        kinds = {type(error) for error in errors}
        raised = (kinds.pop() if len(kinds) == 1 else BackupError)(" ".join(map(str, errors)))
        raised.found = result
        raise raised
    return result


def first(settings: Settings, wait: float) -> dict[str, Any]:
    """Drill each repository that holds nothing which was proved; one that is away now is a `warning`."""
    held = dict(zip(settings.repositories, pgbackrest.contents(settings)))
    missing = [each for each in settings.repositories if not _is_proved(settings, each, held[each])]
    result: dict[str, Any] = {"stack": settings.stack, "drills": [], "done": [], "warning": ""}
    if not missing:
        return result
    away = [each for each in backups.away_of(settings, held) if each in missing]
    result["warning"] = " ".join(
        f"{each} can't be reached, and no restore from it was ever proved: {held[each].message}"
        for each in away
    )
    ready = [each for each in missing if each not in away]
    if not ready:
        return result
    # The schedule has only just been installed: its first row may be a minute away.
    canary.write(Database(settings.container))
    return {
        **result,
        **drill(settings, ready, wait=wait),
        "done": [f"first drill of {each.name}" for each in ready],
    }


def is_complete(settings: Settings) -> bool:
    """Say whether each repository has its first full backup and was proved: a deploy has no more to do."""
    held = dict(zip(settings.repositories, pgbackrest.contents(settings)))
    return not backups.without_full(settings, held) and all(
        _is_proved(settings, repository, found) for repository, found in held.items()
    )


def _is_proved(settings: Settings, repository: Repository, held: Contents) -> bool:
    """Say whether a set that it holds was proved; of a repository that can't be read now, whether any was."""
    done = proof.proved(settings, repository)
    return bool(done.intersection(each.label for each in held.sets) if held.well else done)


def _recorded(
    settings: Settings, repository: Repository, kind: str | None, label: str | None, wait: float
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    _refuse(settings, repository, kind, label)
    try:
        with jobs.recorded(settings, PURPOSE) as record:
            found = record
            record.update(
                repo=repository.name,
                where=repository.where,
                run=secrets.token_hex(4),
                verdict="failed",
                phases={},
                assertions=[],
            )
            with jobs.alone(settings, wait):
                leftovers.sweep(settings)
                one = Drill(settings, repository, record)
                try:
                    _run(one, kind, label)
                except BackupError as error:
                    raise BackupError(f"The drill of {repository.name} failed: {error}") from error
                finally:
                    record["assertions"] = one.sheet.entries
                if not one.sheet.proved:
                    raise BackupError(
                        f"The drill of {repository.name} failed: {'; '.join(one.sheet.failed)}."
                    )
                record["verdict"] = "proved"
    except BackupError as error:
        error.found = found
        raise
    return found


def _refuse(settings: Settings, repository: Repository, kind: str | None, label: str | None) -> None:
    """RefusedError where what was asked for is not there: that is no failed drill."""
    if label or kind == "older":
        held = pgbackrest.contents_of(settings, repository)
        if held.well:
            number = volume_record.timeline(settings) or held.sets[-1].timeline
            live = windows.along(settings, held, number)
            choosing.choose(settings, repository, held, live, kind, label)


def _run(one: Drill, kind: str | None, label: str | None) -> None:
    """Place the markers, restore a copy, ask it everything, and take it away."""
    before = _prepare(one, kind, label)
    copy = Scratch(one.settings, PURPOSE, one.repository)
    network, backend = f"{copy.container}-net", f"{copy.container}-backend"
    try:
        with one.phase("restore"):
            _restore(one, copy, before)
        with one.phase("replay"):
            recovery = copy.recover(_RECOVERY)
        one.record["recovery"] = {
            "segments": recovery.segments,
            "last_segment": recovery.last_segment,
            "last_transaction": recovery.last_transaction,
            "timeline": recovery.timeline,
        }
        with one.phase("assertions"):
            if not content.same(one, copy, before, recovery):
                # It is not what was asked for: whether it is sound is of no use any more.
                return
        with one.phase("checksums"):
            soundness.checksums(one, copy, before.live)
        with one.phase("restart"):
            docker.docker("network", "create", "--internal", *docker.labels(one.settings, PURPOSE), network)
            copy.start(network, "*", one.settings.alias)
            copy.wait(_UP)
        with one.phase("backend"):
            soundness.backend(one, copy, network, backend)
        one.record.update(_measured_rto(one))
        with one.phase("amcheck"):
            soundness.amcheck(one, copy)
        with one.phase("dump"):
            soundness.dump(one, copy)
    finally:
        with one.phase("cleanup"), undisturbed():
            docker.remove("container", [backend])
            copy.remove()
            docker.remove("network", [network])


def _prepare(one: Drill, kind: str | None, label: str | None) -> Before:
    """Choose the target, place the markers, and keep what the live database is around them."""
    settings, repository = one.settings, one.repository
    held = pgbackrest.contents_of(settings, repository)
    if not held.well:
        raise BackupError(f"{repository} can't be read: {held.message}.")
    live = one.live.one(_LIVE)
    _same_cluster(repository, held, live)
    timeline = int(live["timeline"])
    followed = windows.along(settings, held, timeline)
    target, expected = choosing.choose(settings, repository, held, followed, kind, label)
    one.record.update(
        image=pgbackrest.image_of(settings),
        versions={"postgres": live["version"], "pgbackrest": pgbackrest.version(settings)},
        data_bytes=expected.size,
        **_measured_loss(one, held, live),
    )
    scratch.see_room(expected)
    with one.phase("markers"):
        facts_before = facts.read(one.database, settings)
        placed = markers.place(one.live, one.record["run"])
        rows = content.rows_before(one.live, placed)
        # All WAL is replayed for the others: what is live can only be compared when that is over.
        facts_after = None if target.kind in choosing.WHOLE else facts.read(one.database, settings)
        markers.arrive(settings, held, one.live, placed)
        known = [timeline, *pgbackrest.timelines(settings, held)]
    aim = choosing.aim(target, placed, timeline)
    one.record["target"] = {"kind": target.kind, "value": aim.value, "label": target.label}
    return Before(held, live, target, aim, expected, placed, rows, facts_before, facts_after, max(known) + 1)


def _restore(one: Drill, copy: Scratch, before: Before) -> None:
    label = copy.restore(before.aim)
    taken = next((each for each in before.held.sets if each.label == label), before.expected)
    one.record["data_bytes"] = taken.size
    one.record["backup_age_seconds"] = round(float(before.live["now"]) - taken.stopped, 3)
    one.record["set"] = {
        "label": taken.label,
        "type": taken.type,
        "size": taken.size,
        "needs": list(taken.needs),
    }


def _same_cluster(repository: Repository, held: Contents, live: Mapping[str, Any]) -> None:
    if held.system_identifier != live["identifier"]:
        raise BackupError(
            f"{repository} is of another cluster: its system identifier is "
            f"{held.system_identifier}, the live database's is {live['identifier']}."
        )


def _measured_loss(one: Drill, held: Contents, live: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many seconds and canary rows would be lost with the host.

    None where no row is in the repository yet.
    """
    row = canary.restorable(one.live, one.settings, held, int(live["timeline"]))
    if row is None:
        return {"rpo_seconds": None, "rows_lost": None}
    return {
        "rpo_seconds": round(float(live["now"]) - row.epoch, 3),
        "rows_lost": one.live.one(_LATER, {"id": row.id})["rows"],
    }


def _measured_rto(one: Drill) -> dict[str, Any]:
    """Return how long it took until what was there: the application only where a backend has answered."""
    if any(each["name"] == "backend" and each["ok"] for each in one.sheet.entries):
        return {"rto_seconds": one.seconds("restore", "replay", "backend"), "rto_to": "backend"}
    return {"rto_seconds": one.seconds("restore", "replay"), "rto_to": "database"}
