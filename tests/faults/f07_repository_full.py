"""The repository of the backups is full: the database goes on, and keeps its WAL until there is room."""

from __future__ import annotations

from fault import BY_HAND, Fault
from scene import Figures, Look, Scene

ROOM = 48
SEGMENTS = 6


def repository(scene: Scene) -> str:
    return scene.volume(f"{scene.stack.name}-backup")


def prepare(scene: Scene) -> None:
    scene.bound(repository(scene), ROOM)


def clear(scene: Scene) -> None:
    scene.unbound(repository(scene))


def fill(scene: Scene) -> None:
    """And write what cannot be archived then."""
    scene.sh(f"head -c 1G /dev/zero > {repository(scene)}/ballast 2>/dev/null || true")
    for _ in range(SEGMENTS):
        scene.stack.sql("SELECT pg_logical_emit_message(true, 'fill', 'x')", "postgres")
        scene.stack.sql("SELECT pg_switch_wal()", "postgres")
    scene.notes["written"] = scene.stack.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")


def make_room(scene: Scene) -> None:
    scene.sh(f"rm -f {repository(scene)}/ballast")


def kept(scene: Scene, _: Look) -> None:
    """What is not archived is still in pg_wal, and in nobody's way."""
    waiting = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"
    assert int(scene.stack.sql(waiting, "postgres")) >= SEGMENTS - 1


def drained(scene: Scene, _: Figures) -> None:
    """All that waited has arrived, up to the last segment that was written."""
    archived = scene.stack.sql("SELECT last_archived_wal FROM pg_stat_archiver", "postgres")
    assert archived >= scene.notes["written"], archived


FAULT = Fault(
    "F07",
    "the repository of the backups is full",
    fill,
    expect="volume.repository_full",
    checks=("disk.space",),
    says=r"0 MB of \d+ MB free, 0 %, for the backups",
    repair=BY_HAND,
    prepare=prepare,
    clear=clear,
    undo=make_room,
    restraint=kept,
    afterwards=drained,
    simulated="real, on a file system in memory",
    gap=3,
)
