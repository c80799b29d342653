# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The picture that `observe` draws, as Prometheus reads it from a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stanchion_host import exposition
from stanchion_host.exposition import Sample

from stanchion_backup.settings import Settings

FILE = "stanchion_backup.prom"

# name: (type, help). Nothing else is written.
METRICS = {
    "stanchion_backup_watch_timestamp_seconds": ("gauge", "When these figures were written."),
    "stanchion_backup_observed_timestamp_seconds": ("gauge", "When server and repositories were last asked."),
    "stanchion_backup_job_last_timestamp_seconds": ("gauge", "When a job last ended, however it ended."),
    "stanchion_backup_job_last_success_timestamp_seconds": (
        "gauge",
        "When a job last ended well, in every repository.",
    ),
    "stanchion_backup_job_last_success": ("gauge", "Whether the last job of this kind went well."),
    "stanchion_backup_job_duration_seconds": ("gauge", "How long the last job took."),
    "stanchion_backup_job_period_seconds": ("gauge", "The longest time between two moments of its schedule."),
    "stanchion_backup_job_skipped": ("gauge", "How many times it was skipped since it last ran."),
    "stanchion_backup_job_missed": ("gauge", "Whether its last run is older than 1.5 periods."),
    "stanchion_backup_repository_up": ("gauge", "Whether the repository can be read and holds a backup."),
    "stanchion_backup_repository_sets": ("gauge", "Backups in the repository, by type."),
    "stanchion_backup_last_timestamp_seconds": ("gauge", "When the newest backup of a type ended."),
    "stanchion_backup_last_bytes": ("gauge", "Size of the database in the newest backup of a type."),
    "stanchion_backup_last_stored_bytes": ("gauge", "What that backup alone takes in the repository."),
    "stanchion_backup_canary_timestamp_seconds": ("gauge", "The newest canary row in the database."),
    "stanchion_backup_restorable_timestamp_seconds": (
        "gauge",
        "The newest canary row that the repository holds: now minus this is what a lost host would cost.",
    ),
    "stanchion_backup_archive_last_timestamp_seconds": ("gauge", "When a segment was last archived."),
    "stanchion_backup_archive_failed_total": ("counter", "Failures that the server counted while archiving."),
    "stanchion_backup_archive_ready_files": ("gauge", "Segments that wait to be archived."),
    "stanchion_backup_archive_hours_left": ("gauge", "Hours until waiting WAL has filled the data's disk."),
    "stanchion_restore_under_way": ("gauge", "Whether a restore has begun and not ended."),
    "stanchion_restore_last_success_timestamp": (
        "gauge",
        "When a restore was last proved; with two repositories, the one where that is longer ago.",
    ),
    "stanchion_restore_last_success": (
        "gauge",
        "Whether the last drill was proved, in every repository.",
    ),
    "stanchion_restore_duration_seconds": ("gauge", "Seconds of the last drill's phases."),
    "stanchion_restore_rpo_seconds": (
        "gauge",
        "Seconds of data that were not in the repository when a drill began: the last one's, and "
        "over all proved.",
    ),
    "stanchion_restore_rows_lost": (
        "gauge",
        "Canary rows, one a minute, that were not in the repository when the last drill began.",
    ),
    "stanchion_restore_backup_age_seconds": (
        "gauge",
        "Age of the backup that the last drill restored, when it began.",
    ),
    "stanchion_restore_rto_seconds": (
        "gauge",
        "Seconds from the beginning of a restore until the backend answered, or where none was asked the "
        "database: the last one's, and over all proved.",
    ),
    "stanchion_restore_data_bytes": ("gauge", "Size of what the last drill restored."),
    "stanchion_restore_drills": ("gauge", "Drills on record, by verdict."),
    "stanchion_restore_sets_kept": ("gauge", "Backups that the repository keeps."),
    "stanchion_restore_sets_proved": ("gauge", "Of those, how many a restore has proved."),
}


def samples(picture: Mapping[str, Any], written: float) -> Iterator[Sample]:
    """Return the samples of a picture; parts that it lacks are left out."""
    yield Sample("stanchion_backup_watch_timestamp_seconds", written, {})
    yield Sample("stanchion_backup_observed_timestamp_seconds", picture.get("observed"), {})
    yield from _jobs(picture, written)
    for repository in picture.get("repositories", []):
        yield from _repository(repository)
    canary = picture.get("canary", {})
    yield Sample("stanchion_backup_canary_timestamp_seconds", canary.get("newest"), {})
    for repo, moment in (canary.get("restorable") or {}).items():
        yield Sample("stanchion_backup_restorable_timestamp_seconds", moment, {"repo": repo})
    yield from _archive(picture.get("archive") or {}, float(picture.get("observed", written)))
    restore = picture.get("restore")
    yield Sample("stanchion_restore_under_way", int(bool(restore)), {})
    yield from _drills(picture.get("drills") or {})


def _jobs(picture: Mapping[str, Any], written: float) -> Iterator[Sample]:
    missed = missed_jobs(picture, written)
    for job, seen in picture.get("jobs", {}).items():
        label = {"job": job}
        last = seen.get("last") or {}
        yield Sample("stanchion_backup_job_last_timestamp_seconds", last.get("ended"), label)
        yield Sample("stanchion_backup_job_last_success_timestamp_seconds", seen.get("last_success"), label)
        yield Sample("stanchion_backup_job_duration_seconds", last.get("seconds"), label)
        if last:
            yield Sample("stanchion_backup_job_last_success", int(last.get("outcome") == "ok"), label)
        yield Sample("stanchion_backup_job_skipped", seen.get("skipped_in_a_row"), label)
        if job in picture.get("schedule", {}):
            period = picture["schedule"][job]["period"]
            yield Sample("stanchion_backup_job_period_seconds", period, label)
            yield Sample("stanchion_backup_job_missed", int(job in missed), label)


def missed_jobs(picture: Mapping[str, Any], now: float) -> dict[str, float]:
    """Return the scheduled jobs that did not run for 1.5 periods, each with the moment since which it is due.

    That is its last run; or when the schedule became what it is, before which it may not have been in there.
    """
    late = {}
    for job, each in picture.get("schedule", {}).items():
        last = (picture.get("jobs", {}).get(job) or {}).get("last") or {}
        since = max(last.get("started") or 0.0, picture.get("scheduled_since") or 0.0) or now
        if now - since > 1.5 * each["period"]:
            late[job] = since
    return late


def _repository(repository: Mapping[str, Any]) -> Iterator[Sample]:
    label = {"repo": f"repo{repository['key']}", "kind": str(repository.get("kind", ""))}
    yield Sample("stanchion_backup_repository_up", int(repository.get("code") == 0), label)
    sets = repository.get("sets", [])
    for kind in ("full", "diff", "incr"):
        of_kind = [each for each in sets if each["type"] == kind]
        by = {"repo": label["repo"], "type": kind}
        if repository.get("code") == 0:
            yield Sample("stanchion_backup_repository_sets", len(of_kind), by)
        if of_kind:
            newest = of_kind[-1]
            yield Sample("stanchion_backup_last_timestamp_seconds", newest["stopped"], by)
            yield Sample("stanchion_backup_last_bytes", newest["size"], by)
            yield Sample("stanchion_backup_last_stored_bytes", newest["stored"], by)


def _archive(archive: Mapping[str, Any], observed: float) -> Iterator[Sample]:
    age = archive.get("last_archived_age")
    last = None if age is None else observed - age
    yield Sample("stanchion_backup_archive_last_timestamp_seconds", last, {})
    yield Sample("stanchion_backup_archive_failed_total", archive.get("failed"), {})
    yield Sample("stanchion_backup_archive_ready_files", archive.get("ready_files"), {})
    yield Sample("stanchion_backup_archive_hours_left", archive.get("hours_left"), {})


def _drills(drills: Mapping[str, Any]) -> Iterator[Sample]:
    last = drills.get("last") or {}
    yield Sample("stanchion_restore_last_success_timestamp", drills.get("last_success"), {})
    if last:
        yield Sample("stanchion_restore_last_success", int(last.get("outcome") == "ok"), {})
    for phase, seconds in (last.get("phases") or {}).items():
        yield Sample("stanchion_restore_duration_seconds", seconds, {"phase": phase})
    yield Sample("stanchion_restore_data_bytes", last.get("data_bytes"), {})
    yield Sample("stanchion_restore_rows_lost", last.get("rows_lost"), {})
    yield Sample("stanchion_restore_backup_age_seconds", last.get("backup_age_seconds"), {})
    for measured in ("rpo", "rto"):
        figures = {"last": last.get(f"{measured}_seconds"), **(drills.get(measured) or {})}
        for which, seconds in figures.items():
            yield Sample(f"stanchion_restore_{measured}_seconds", seconds, {"of": which})
    success = drills.get("success") or {}
    if success:
        yield Sample("stanchion_restore_drills", success.get("ok"), {"verdict": "proved"})
        failed = success.get("of", 0) - success.get("ok", 0)
        yield Sample("stanchion_restore_drills", failed, {"verdict": "failed"})
    for repo, coverage in (drills.get("coverage") or {}).items():
        yield Sample("stanchion_restore_sets_kept", coverage.get("kept"), {"repo": repo})
        yield Sample("stanchion_restore_sets_proved", coverage.get("proved"), {"repo": repo})


def render(picture: Mapping[str, Any], written: float) -> str:
    """Return the file's text in Prometheus' exposition format."""
    return exposition.render(samples(picture, written), METRICS, {"stack": str(picture.get("stack", ""))})


def write(settings: Settings, picture: Mapping[str, Any], written: float) -> None:
    """Replace the file, for everybody to read who gets to its folder."""
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    exposition.write(settings.folder / "metrics" / FILE, render(picture, written))
