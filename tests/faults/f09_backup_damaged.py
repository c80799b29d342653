"""A byte of a backup has changed: the weekly reading finds it, and a drill of it proves nothing."""

from __future__ import annotations

from fault import BY_HAND, Fault
from scene import FOLDER, Look, Scene

FLIP = """\
import pathlib, sys
path = pathlib.Path(sys.argv[1])
content = bytearray(path.read_bytes())
content[len(content) // 2] ^= 0xFF
path.write_bytes(content)
print("null")
"""


def flip(scene: Scene) -> None:
    """In the largest file of the newest full backup; cron's reading of all files comes then."""
    repository = scene.volume(f"{scene.stack.name}-backup")
    label = scene.sh(f"ls -d {repository}/backup/*/*F | tail -n 1").rpartition("/")[2]
    bundle = scene.sh(f"ls -S {repository}/backup/*/{label}/bundle/* | head -n 1")
    scene.sh(f"cp -a {bundle} {FOLDER}/bundle")
    scene.notes["bundle"], scene.notes["label"] = bundle, label
    scene.host.python(FLIP, bundle)
    scene.stack.on_host("verify", check=False)


def drill_is_loud(scene: Scene, _: Look) -> None:
    """What was restored of it is not taken for a database."""
    told = scene.stack.on_host("drill", "--target", "latest", "--set", scene.notes["label"], check=False)
    assert "checksum" in told["error"] or "zst error" in told["error"], told


def put_back(scene: Scene) -> None:
    """The file as it was, and read again."""
    if "bundle" in scene.notes and not scene.notes.get("back"):
        scene.sh(f"cp -a {FOLDER}/bundle {scene.notes['bundle']}; {scene.command} verify >/dev/null")
        scene.stack.on_host("drill", "--target", "latest", "--set", scene.notes["label"])
        scene.notes["back"] = True


FAULT = Fault(
    "F09",
    "a file of a backup is damaged",
    flip,
    expect="backup.unverified",
    checks=("backup.verified",),
    repair=BY_HAND,
    outcome="not_fixed",
    undo=put_back,
    restraint=drill_is_loud,
    gap=3,
)
