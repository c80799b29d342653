"""pgBackRest is gone from the database's container: nothing is archived, and the server counts no failure."""

from __future__ import annotations

from fault import BY_HAND, Fault
from scene import Look, Scene


def program(scene: Scene) -> str:
    """Return the file in the container's own layer, which the server may not write."""
    return str(scene.host.inspect(scene.database)["GraphDriver"]["Data"]["MergedDir"]) + "/usr/bin/pgbackrest"


def take_away(scene: Scene) -> None:
    scene.notes["failed"] = scene.stack.sql("SELECT failed_count FROM pg_stat_archiver", "postgres")
    scene.sh(f"mv {program(scene)} {program(scene)}.aside")
    scene.stack.sql("SELECT pg_logical_emit_message(true, 'f11', 'x')", "postgres")
    scene.stack.sql("SELECT pg_switch_wal()", "postgres")


def put_back(scene: Scene) -> None:
    scene.sh(f"[ ! -e {program(scene)}.aside ] || mv {program(scene)}.aside {program(scene)}")


def not_counted(scene: Scene, _: Look) -> None:
    """The server's own figure says that all is well; the segment waits."""
    scene.notes["counted"] = scene.stack.sql("SELECT failed_count FROM pg_stat_archiver", "postgres")
    waiting = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"
    assert int(scene.stack.sql(waiting, "postgres")) >= 1


FAULT = Fault(
    "F11",
    "the archive's program is missing",
    take_away,
    expect="backup.tool_missing",
    checks=("backup.tool",),
    says=r"pgBackRest does not run in the database's image",
    repair=BY_HAND,
    undo=put_back,
    meanwhile=not_counted,
    gap=3,
)
