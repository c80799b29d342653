# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Taking backups and verifying them, repository by repository."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stanchion_backup.errors import BackupError, BusyError
from stanchion_backup.host import docker, jobs, leftovers, volume_record
from stanchion_backup.host.database import Database, QueryError
from stanchion_backup.looks import configuration, installed
from stanchion_backup.repository import pgbackrest, retention
from stanchion_backup.repository.pgbackrest import Contents
from stanchion_backup.restored import canary
from stanchion_backup.restores import bare_metal
from stanchion_backup.settings import Repository, Settings

# The archiver takes what is ready, and histories first.
_OFFER = """
cd "$PGDATA/pg_wal/archive_status"
for done in *.history.done; do
    [ -e "$done" ] || continue
    mv "$done" "${done%.done}.ready"
done
"""
# Left in the command's folder when it was taken away (plugins/modules/backup_install.py).
ARCHIVE_OFF = "archive_off"


def take(
    settings: Settings,
    kind: str,
    repositories: Sequence[Repository],
    wait: float = 0.0,
    expire: bool = True,
) -> dict[str, Any]:
    """Take a backup into each repository; return the record.

    A full one then lets go what is beyond the retention. Not with `expire` false, nor in a repository without
    a backup of the timeline that the database is on, whoever asks: the fulls of a day on which something is
    restored or replaced must not cost the history from before it. A repository that cannot be reached does
    not keep the others from theirs; BackupError names every one that failed.
    """
    with jobs.recorded(settings, kind) as record, jobs.alone(settings, wait):
        leftovers.sweep(settings)
        record["asked"] = retention.asked(settings, repositories)
        record["configuration"] = _save_configuration(settings)
        record["repositories"] = {}

        def one(repository: Repository) -> None:
            began = time.time()
            lets_go = expire and kind == "full"
            if lets_go:
                lets_go = _has_timeline(settings, pgbackrest.contents_of(settings, repository))
            pgbackrest.backup(settings, repository, kind, lets_go)
            taken = _newest(settings, repository, began)
            record["repositories"][repository.name] = {**taken, "expire": lets_go}

        _each(repositories, one)
    return record


def _save_configuration(settings: Settings) -> str:
    """Write the configuration where the backup carries it; a backup without it is better than none.

    Return "saved", or why it was not: the check backup.configuration tells of it.
    """
    try:
        configuration.save(settings)
    except (QueryError, OSError) as error:
        jobs.log.warning("the configuration was not saved: %s", error)
        return str(error)
    return "saved"


def verify(settings: Settings, repositories: Sequence[Repository], wait: float = 0.0) -> dict[str, Any]:
    """Read every file of each repository; return the record. BackupError on any doubt."""
    with jobs.recorded(settings, "verify") as record, jobs.alone(settings, wait):
        leftovers.sweep(settings)
        record["asked"] = retention.asked(settings, repositories)
        _each(repositories, lambda repository: _verify(settings, repository, record))
    return record


def expire(settings: Settings, repositories: Sequence[Repository], wait: float = 0.0) -> dict[str, Any]:
    """Let go what is beyond the retention, also where there is no room for a backup; return the record."""
    with jobs.recorded(settings, "expire") as record, jobs.alone(settings, wait):
        leftovers.sweep(settings)
        record["asked"] = retention.asked(settings, repositories)
        record["expired"] = {}

        def one(repository: Repository) -> None:
            before = _labels(settings, repository)
            pgbackrest.expire_sets(settings, repository)
            left = _labels(settings, repository)
            record["expired"][repository.name] = [label for label in before if label not in left]

        _each(repositories, one)
    return record


def _labels(settings: Settings, repository: Repository) -> list[str]:
    return [each.label for each in pgbackrest.contents_of(settings, repository).sets]


def _verify(settings: Settings, repository: Repository, record: dict[str, Any]) -> None:
    record.setdefault("repositories", {})[repository.name] = "failed"
    pgbackrest.verify(settings, repository, _archived(settings))
    record["repositories"][repository.name] = "ok"


def _archived(settings: Settings) -> str:
    """Return the last segment that the server has handed over; empty where there is none or no answer."""
    asked = "SELECT substr(last_archived_wal, 1, 24) AS segment FROM pg_stat_archiver"
    try:
        return str(Database(settings.container).one(asked)["segment"] or "")
    except QueryError:
        return ""


def _each(repositories: Sequence[Repository], act: Callable[[Repository], object]) -> None:
    failed: list[BackupError] = []
    for repository in repositories:
        try:
            act(repository)
        except BackupError as error:
            failed.append(error)
    if failed:
        # Another process of the engine's had the lock all the time: a skipped job, and no failed one.
        busy = len(failed) == len(repositories) and all(isinstance(each, BusyError) for each in failed)
        raise (BusyError if busy else BackupError)(" ".join(map(str, failed)))


def _newest(settings: Settings, repository: Repository, began: float) -> dict[str, Any]:
    held = next(each for each in pgbackrest.contents(settings) if each.key == repository.key)
    if not held.sets:
        raise BackupError(f"{repository.name} holds no backup after one was taken: {held.message}.")
    newest = held.sets[-1]
    return {
        "label": newest.label,
        "type": newest.type,
        "bytes": newest.size,
        "stored": newest.stored,
        "seconds": round(time.time() - began, 3),
    }


def settle(settings: Settings, wait: float) -> dict[str, Any]:
    """Bring the repositories to where backups can be taken and WAL arrives; return what had to be done.

    Makes the stanza where there is none, and checks the archive. A job that runs is waited for only where
    there is a stanza to make: the full backup of a large database takes hours, and a deploy has to go on. A
    restore does so before it lets anybody in. Nor does a deploy wait for the server of a repository that was
    open before and cannot be reached now: that is a `warning`.
    """
    pgbackrest.remember_image(settings)
    held = dict(zip(settings.repositories, pgbackrest.contents(settings)))
    away = away_of(settings, held)
    new = [each for each in settings.repositories if held[each].system_identifier == "" and each not in away]
    if new:
        with jobs.alone(settings, wait, restoring=True):
            leftovers.sweep(settings)
            pgbackrest.create_stanza(settings)
            _offer_histories(settings)
    if away:
        _see_arrive(settings, [found for repository, found in held.items() if repository not in away])
    else:
        pgbackrest.check(settings)
    # A first row: from now on its age tells how far the archive is behind.
    canary.write(Database(settings.container))
    warning = "".join(
        f"{each} can't be reached, and its WAL waits in pg_wal: {held[each].message} " for each in away
    )
    return {
        "done": [f"opened {each.name}" for each in new],
        "warning": warning.strip(),
        "scheduled": installed.in_force(settings),
    }


def _offer_histories(settings: Settings) -> None:
    """Have the server archive its timelines' histories anew.

    It does so once, when a timeline begins. A repository that is opened later would not know the timeline:
    nothing could be restored along it.
    """
    docker.docker("exec", settings.container, "sh", "-c", _OFFER)


def away_of(settings: Settings, held: Mapping[Repository, Contents]) -> list[Repository]:
    """Return the repositories off the host that backups were taken into, and that cannot be read now.

    A deploy warns of them and goes on with the others.
    """
    known = {name for each in jobs.records(settings, "full") for name in each.get("repositories") or ()}
    return [
        repository
        for repository, found in held.items()
        if repository.network and found.code == pgbackrest.UNREADABLE and repository.name in known
    ]


def _see_arrive(settings: Settings, held: Sequence[Contents]) -> None:
    """Switch a WAL segment, and see it in these repositories: pgBackRest's own check asks for it in all."""
    segment = Database(settings.container).switch_wal()
    behind = pgbackrest.wait_for(settings, held, segment, settings.archive_timeout + 60)
    if behind:
        where = " and ".join(map(str, behind))
        raise BackupError(
            f"WAL segment {segment} has not arrived in {where}. `docker logs {settings.container}` has what "
            "the archiver says."
        )


def first_full(settings: Settings, wait: float) -> list[str]:
    """Take a full backup into each repository that has none; return what had to be done.

    And into each, where the archive was off for a while, for no backup of before leads over that hole; and
    where the database is on a timeline that no backup is of yet, after a restore.
    """
    again = _begins_anew(settings)
    missing = without_full(settings, dict(zip(settings.repositories, pgbackrest.contents(settings))))
    if missing:
        take(settings, "full", missing, wait, expire=not again)
    (settings.folder / ARCHIVE_OFF).unlink(missing_ok=True)
    if bare_metal.is_under_way(settings):
        bare_metal.finish(settings)
    return [f"{'new' if again else 'first'} full backup in {repository.name}" for repository in missing]


def without_full(settings: Settings, held: Mapping[Repository, Contents]) -> list[Repository]:
    """Return the repositories that `first_full` has to take a backup into."""
    away = away_of(settings, held)
    return [
        repository
        for repository, found in held.items()
        if _begins_anew(settings) or not (repository in away or _is_backed_up(settings, found))
    ]


def _begins_anew(settings: Settings) -> bool:
    """Say whether no backup of before leads to what comes: the archive was off, or a lost host comes back."""
    return (settings.folder / ARCHIVE_OFF).exists() or bare_metal.is_under_way(settings)


def _is_backed_up(settings: Settings, held: Contents) -> bool:
    """Say whether a repository has a full backup, and one of the timeline that the database is on."""
    return any(each.type == "full" for each in held.sets) and _has_timeline(settings, held)


def _has_timeline(settings: Settings, held: Contents) -> bool:
    """Say whether a repository has a backup of the timeline that the database is on."""
    timeline = volume_record.timeline(settings)
    return any(timeline in (None, each.timeline) for each in held.sets)


def before_replace(settings: Settings, hours: float, wait: float) -> dict[str, Any]:
    """Take a backup before the server's image is replaced; return what was taken, or on what one goes on.

    BackupError where none could be taken, and the newest good one is older than `hours`.
    """
    try:
        record = take(settings, "incr", settings.repositories, wait, expire=False)
        taken = [f"{each['label']} in {name}" for name, each in record["repositories"].items()]
        return {"done": taken, "warning": ""}
    except BackupError as error:
        reason = str(error)
    newest = max(
        (each for held in pgbackrest.contents(settings) if held.well for each in held.sets if not each.error),
        key=lambda each: each.stopped,
        default=None,
    )
    age = None if newest is None else (time.time() - newest.stopped) / 3600
    if newest is None or age is None or age > hours:
        last = "there is no good backup" if age is None else f"the newest good backup is {age:.1f} h old"
        raise BackupError(
            f"The database's image was to be replaced, no backup could be taken before, and {last}: "
            f"{reason} The database runs on as it did. Mend that first; or set "
            f"stack_backup_before_replace (hours, now {hours:g}; 0: no backup before)."
        )
    return {
        "done": [],
        "warning": f"The database's image is replaced without a new backup: {reason} The newest good one, "
        f"{newest.label}, is {age:.1f} h old.",
    }


def before_adoption(settings: Settings, image: str, wait: float) -> dict[str, Any]:
    """Take a backup of the stopped cluster that is on record to be taken over; return the record.

    It is the way back, and nothing else: no moment after it can be restored from it, for its WAL is its own.
    """
    settings = replace(settings, image=image)
    with jobs.recorded(settings, "before-adoption") as record, jobs.alone(settings, wait):
        leftovers.sweep(settings)
        record["labels"] = {}

        def one(repository: Repository) -> None:
            record["labels"][repository.name] = pgbackrest.backup_stopped(settings, repository)

        pgbackrest.create_stanza(settings, stopped=True)
        _each(settings.repositories, one)
    return record
