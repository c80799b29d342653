"""A segment of WAL is gone from the archive: no recovery gets past it, and none may claim that it did."""

from __future__ import annotations

from fault import Fault, approved
from scene import FOLDER, Look, Scene


def archived(scene: Scene) -> list[str]:
    repository = scene.volume(f"{scene.stack.name}-backup")
    return scene.sh(f"ls {repository}/archive/{scene.stack.name}/*/*/*-*.zst").split()


def take_away(scene: Scene) -> None:
    """One that lies between the newest backup and now."""
    for _ in range(3):
        scene.stack.sql("SELECT pg_logical_emit_message(true, 'f10', 'x')", "postgres")
        scene.stack.sql("SELECT pg_switch_wal()", "postgres")
    scene.sh(f"{scene.command} settle >/dev/null")
    scene.notes["segment"] = archived(scene)[-2]
    scene.sh(f"mv {scene.notes['segment']} {FOLDER}/segment")


def put_back(scene: Scene) -> None:
    if "segment" in scene.notes:
        scene.sh(f"[ ! -e {FOLDER}/segment ] || mv {FOLDER}/segment {scene.notes['segment']}")


def no_way_past_it(scene: Scene, _: Look) -> None:
    """A restore to the newest state is refused, or fails; it does not end early and well."""
    told = scene.stack.on_host("restore", "--to", "latest", check=False)
    assert told.get("error"), told


FAULT = Fault(
    "F10",
    "a segment of WAL is missing in the archive",
    take_away,
    expect="backup.overdue",
    checks=("archive.gap",),
    says=r"WAL segment [0-9A-F]{24} is missing",
    repair=approved("take_backup"),
    undo=put_back,
    meanwhile=no_way_past_it,
    gap=3,
)
