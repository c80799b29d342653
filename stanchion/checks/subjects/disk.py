"""Room: for the data, for the images of the next deploy, for the backups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stanchion.checks.backup_view import readable, section, sets_of, title
from stanchion.checks.container import POSTGRES
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, Phase, SkipError, bad, note, warn
from stanchion.checks.registry import CRITICAL, PREFLIGHT, RUNTIME, WARNING, Threshold, check
from stanchion.contract.memory import docker_size
from stanchion.preflight.reading import show

HELD = {
    "docker_root": "Docker's images and containers",
    "state_dir": "the stack's records",
    "data_volume": "the data",
    "repository": "the backups",
}


def _file_systems(look: Look) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return each file system once, with what it holds."""
    facts = look.source("disk")
    held: dict[int, list[str]] = {}
    for name in HELD:
        if name in facts:
            held.setdefault(facts[name]["device"], []).append(name)
    for names in held.values():
        # The data name it where they are on it: that is what an operator looks for.
        measured = facts["data_volume" if "data_volume" in names else names[0]]
        yield " and ".join(HELD[name] for name in names), measured


@check(
    "disk.space",
    rows="DISK-01",
    title="Every file system has room left",
    phases=(PREFLIGHT, RUNTIME),
    severity=CRITICAL,
    why="A database that cannot write its log stops with a PANIC, and comes back only when there is room "
    "again.",
    remedy="Make room: docker system df shows what Docker keeps, du -xh --max-depth 2 DIRECTORY the rest. "
    "Nothing in the data folder is to be deleted by hand.",
    source="awesome-prometheus-alerts, HostOutOfDiskSpace; check_postgres, disk_space",
    reads=("disk",),
    thresholds=(
        Threshold("validation_disk_free_warning", 10, "%", "awesome-prometheus-alerts, HostOutOfDiskSpace"),
        Threshold(
            "validation_disk_free_critical", 5, "%", "check_postgres, disk_space: critical from 95 % on"
        ),
    ),
)
def space(look: Look) -> Iterator[Evidence]:
    first = look.threshold("validation_disk_free_warning")
    last = look.threshold("validation_disk_free_critical")
    for held, disk in _file_systems(look):
        share = disk["free"] / disk["total"] * 100
        text = f"{show(disk['free'])} of {show(disk['total'])} free, {share:.0f} %, for {held}"
        level = bad if share < last else warn if share < first else note
        yield level(text, disk["measured_at"])


@check(
    "disk.inodes",
    rows="DISK-03",
    title="Every file system has room for more files",
    phases=(PREFLIGHT, RUNTIME),
    severity=WARNING,
    why="Without inodes no file can be made, though df shows room: the database stops as on a full disk.",
    remedy="Find the folder with the many small files (du --inodes -x --max-depth 2 DIRECTORY), and clear "
    "it.",
    source="awesome-prometheus-alerts, HostOutOfInodes",
    reads=("disk",),
    thresholds=(
        Threshold("validation_disk_inodes_free", 10, "%", "awesome-prometheus-alerts, HostOutOfInodes"),
    ),
)
def inodes(look: Look) -> Iterator[Evidence]:
    least = look.threshold("validation_disk_inodes_free")
    for held, disk in _file_systems(look):
        if not disk["inodes_total"]:
            yield note(f"makes inodes as they are needed, for {held}", disk["measured_at"])
            continue
        share = disk["inodes_free"] / disk["inodes_total"] * 100
        text = f"{disk['inodes_free']} inodes free, {share:.0f} %, for {held}"
        yield (bad if share < least else note)(text, disk["measured_at"])


@check(
    "disk.next_action",
    rows="DISK-04",
    title="The images of the next deploy have room",
    phases=(PREFLIGHT, RUNTIME),
    severity=CRITICAL,
    why="A build that fills the disk takes the database on the same disk with it.",
    remedy="Make room in Docker's folder (docker system df shows what it keeps), or move its data-root.",
    source="ours: measured, base, database and backend are 1.2 GB, and building needs as much again",
    reads=("disk", "images"),
    thresholds=(
        Threshold(
            "validation_disk_images", "4g", "size", "ours: what the four images and their builds need in all"
        ),
        Threshold(
            "validation_disk_rebuild",
            "1g",
            "size",
            "ours: what one image that is built anew needs beside them",
        ),
    ),
)
def next_action(look: Look) -> Iterator[Evidence]:
    there = sum(image["size"] for image in look.source("images")["entries"] if image["name"])
    every = docker_size(look.setting("validation_disk_images"))
    needed = max(docker_size(look.setting("validation_disk_rebuild")), every - there)
    disk = look.source("disk")["docker_root"]
    text = f"a deploy may need {show(needed)}, and {show(disk['free'])} are free"
    yield (bad if disk["free"] < needed else note)(text, disk["path"])


@check(
    "disk.backup_apart",
    rows="DISK-05",
    title="The backups lie on another disk than the data",
    phases=(PREFLIGHT, RUNTIME),
    severity=WARNING,
    why="A backup on the disk of the data is gone with it.",
    remedy="Mount another disk or a share and name it in stack_backup_repository, or declare a second "
    "repository off the host: stack_backup_offsite.",
    source="ours, in the spirit of the CIS PostgreSQL Benchmark 8.1",
    reads=("disk",),
    part=POSTGRES,
)
def backup_apart(look: Look) -> Iterator[Evidence]:
    if not look.stack.get("backup"):
        raise SkipError("stack_backup is false: this stack has no backups")
    facts = look.source("disk")
    if "data_volume" not in facts:
        raise SkipError("there are no data on this host yet")
    data, repository = facts["data_volume"], facts["repository"]
    name = look.stack["backup_repository"]
    offsite = bool(look.stack.get("backup_network"))
    if repository["measured_at"] != repository["path"] and look.phase is Phase.PREFLIGHT:
        raise SkipError(f"there is no repository {name} yet")
    if repository["measured_at"] != repository["path"]:
        yield bad("is not there: nothing can be said of its disk", name)
    elif data["device"] != repository["device"]:
        yield note(f"is on another file system than the data in {data['path']}", name)
    else:
        text = f"is on the same file system as the data in {data['path']}"
        yield note(f"{text}; a second repository is off the host", name) if offsite else bad(text, name)


@check(
    "disk.drill",
    rows="DISK-04",
    title="A restored copy has room beside the data",
    phases=(RUNTIME,),
    severity=WARNING,
    why="A drill, and a restore beside the live database, write the whole database a second time on the disk "
    "of Docker's volumes: without room neither is begun, and nothing more is proved.",
    remedy="Make room in Docker's folder (docker system df shows what it keeps), or move its data-root to a "
    "larger disk.",
    source="ours: what a drill itself asks for: the largest backup as it would be restored, a tenth, and "
    "256 MiB for the WAL",
    reads=("disk", "backup"),
    thresholds=(Threshold("validation_disk_copy", 1.0, "of what a copy needs", "ours: more warns earlier"),),
    part=POSTGRES,
)
def drill(look: Look) -> Iterator[Evidence]:
    if not any(each["sets"] for each in readable(look)):
        raise SkipError("there is no backup yet")
    needed = int(section(look, "room")["copy"] * look.threshold("validation_disk_copy"))
    disk = look.source("disk")["docker_root"]
    text = f"a copy needs {show(needed)}, and {show(disk['free'])} are free"
    yield (bad if disk["free"] < needed else note)(text, disk["path"])


@check(
    "disk.full_backup",
    rows="DISK-04",
    title="The next full backup has room in the repository",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="Old backups are let go only once the new one is there. One that fills the disk fails, and the WAL "
    "that finds no room beside it stays with the database until its disk is full too.",
    remedy="Enlarge the repository's disk. Or keep fewer backups: lower backup_retention_full, deploy, and "
    "let go what is beyond it: stanchion-NAME expire.",
    source="ours: what the newest full backup takes in the repository, and a tenth for what was added since",
    reads=("disk", "backup"),
    thresholds=(
        Threshold(
            "validation_disk_full_backup", 1.1, "of the newest full backup", "ours: a tenth for growth"
        ),
    ),
    part=POSTGRES,
)
def full_backup(look: Look) -> Iterator[Evidence]:
    for each in readable(look):
        stored = [found["stored"] for found in sets_of(each, "full")]
        if each["network"]:
            yield note("is on another host, whose disk is not seen from here", title(each))
        elif not stored:
            yield note("holds no full backup yet", title(each))
        else:
            needed = int(stored[-1] * look.threshold("validation_disk_full_backup"))
            free = look.source("disk")["repository"]["free"]
            text = f"the next full backup may need {show(needed)}, and {show(free)} are free"
            yield (bad if free < needed else note)(text, title(each))


@check(
    "disk.writable",
    rows="DISK-06",
    title="No file system is read-only",
    phases=(PREFLIGHT, RUNTIME),
    severity=CRITICAL,
    why="The kernel remounts a broken disk read-only: what is written from then on is lost, and the "
    "database stops.",
    remedy="Find out why (dmesg), save what is there, and mount it for writing again or replace the disk.",
    source="awesome-prometheus-alerts, HostFilesystemDeviceError",
    reads=("disk",),
)
def writable(look: Look) -> Iterator[Evidence]:
    facts = look.source("disk")
    for name, held in HELD.items():
        if name in facts:
            disk = facts[name]
            level, how = (bad, "read-only") if disk["read_only"] else (note, "writable")
            yield level(f"{how}, for {held}", disk["path"])
