"""The data: room for them, and whether they are the right ones and sound. All of it is a person's to mend."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.look import Look
from stanchion.preflight.reading import show
from stanchion.recovery.model import Layer, Seen
from stanchion.recovery.places import SILENT, evidence
from stanchion.recovery.registry import Failing, cause

_DATABASE = (
    "database.recovering",
    "database.stopped",
    "database.missing",
    "database.looping",
    "database.hung",
    "database.configuration",
    "database.archive_behind",
    "backend.definition",
    "backend.pool_used_up",
    "dns.broken",
)
_BEHIND = (
    "container.health",
    "container.flapping",
    "connection",
    "pool.attribution",
    "dns",
    "network.isolation",
    "archive",
    "log.trouble",
    "schedule.metrics",
    "monitoring.targets",
    "monitoring.metrics",
)


# Four segments of log: with less the server is about to stop, or has stopped.
_LEAST = 4 * 16 * 1024**2


@cause(
    "volume.read_only",
    Layer.VOLUME,
    "a file system of the stack cannot be written",
    shown_by=("disk.writable",),
    explains=_BEHIND,
    silences=SILENT,
    blocks=_DATABASE,
)
def read_only(_look: Look, failing: Failing) -> Iterator[Seen]:
    yield from (Seen(seen.of, seen.what) for _, seen in evidence(failing, "disk.writable"))


@cause(
    "volume.full",
    Layer.VOLUME,
    "the data volume is full",
    shown_by=("disk.space", "log.trouble"),
    explains=_BEHIND,
    silences=SILENT,
    blocks=(*_DATABASE, "volume.repository_full"),
)
def full(look: Look, failing: Failing) -> Iterator[Seen]:
    yield from _full(look, failing, "data_volume")


@cause(
    "volume.repository_full",
    Layer.VOLUME,
    "the backups' repository is full",
    shown_by=("disk.space", "disk.full_backup", "archive"),
    explains=("archive", "backup", "log.trouble", "schedule.jobs", "proof"),
    blocks=("database.archive_behind", "backup.overdue"),
)
def repository_full(look: Look, failing: Failing) -> Iterator[Seen]:
    yield from _full(look, failing, "repository")


def _full(look: Look, failing: Failing, place: str) -> Iterator[Seen]:
    """Yield a file system that nothing more fits on: little is left, and not only little of much."""
    disk = look.source("disk").get(place)
    if disk is None or "disk.space" not in failing:
        return
    share = disk["free"] / disk["total"] * 100
    if share < look.threshold("validation_disk_free_critical") and disk["free"] < _LEAST:
        yield Seen(disk["measured_at"], f"is full: {show(disk['free'])} of {show(disk['total'])} are left")


@cause(
    "volume.foreign",
    Layer.VOLUME,
    "the database's volume is not the one on record",
    shown_by=("volume", "container.state", "container.flapping", "container.health"),
    explains=(*_BEHIND, "volume"),
    silences=SILENT,
    blocks=_DATABASE,
)
def foreign(look: Look, failing: Failing) -> Iterator[Seen]:
    kept = look.source("volume_record")["record"]
    if kept and kept.get("system_identifier"):
        yield from _lost(look, str(kept["volume"]), str(kept["system_identifier"]))
    yield from (
        Seen(seen.of, seen.what) for _, seen in evidence(failing, "volume.identity", "volume.version")
    )


def _lost(look: Look, name: str, identifier: str) -> Iterator[Seen]:
    """Yield the volume on record where it is gone, or has no cluster in it."""
    volume = next((each for each in look.source("volumes")["entries"] if each["name"] == name), None)
    if volume is None:
        yield Seen(name, f"is gone; it is on record with the cluster {identifier}")
    elif volume["content"]["readable"] and not volume["content"]["pg_version"]:
        state = "is empty" if volume["content"]["empty"] else "holds no cluster"
        yield Seen(name, f"{state}; it is on record with the cluster {identifier}")


@cause(
    "volume.two_writers",
    Layer.VOLUME,
    "two containers write to the database's volume",
    shown_by=("volume.single_writer",),
    explains=("volume",),
    silences=SILENT,
    blocks=_DATABASE,
)
def two_writers(_look: Look, failing: Failing) -> Iterator[Seen]:
    yield from (Seen(seen.of, seen.what) for _, seen in evidence(failing, "volume.single_writer"))


@cause(
    "volume.damaged",
    Layer.VOLUME,
    "pages of the database are damaged",
    shown_by=("integrity.checksum_failures", "backup.page_errors"),
    explains=("integrity", "log.trouble", "backup.page_errors", "proof"),
    blocks=("database.invalid_index", "backup.overdue"),
)
def damaged(_look: Look, failing: Failing) -> Iterator[Seen]:
    for slug, seen in evidence(failing, "integrity.checksum_failures", "backup.page_errors"):
        # The other thing that backup.page_errors finds is that nobody looks.
        if slug == "integrity.checksum_failures" or "has pages" in seen.what:
            yield Seen(seen.of, seen.what)
