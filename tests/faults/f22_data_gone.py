"""The database's volume is empty: what would make a new database of it must not begin."""

from __future__ import annotations

from fault import BY_HAND, Fault
from scene import Look, Scene


def data(scene: Scene) -> str:
    return scene.volume(f"{scene.stack.name}-pgdata")


def empty_it(scene: Scene) -> None:
    """The data are moved aside on the same disk, as if another, empty volume were mounted."""
    folder = data(scene)
    scene.sh(
        f"docker stop {scene.database} >/dev/null; mv {folder} {folder}.aside;"
        f" mkdir {folder}; chown 999:999 {folder}; chmod 0700 {folder};"
        f" docker start {scene.database} >/dev/null"
    )


def put_back(scene: Scene) -> None:
    folder = data(scene)
    scene.sh(
        f"[ -e {folder}.aside ] || exit 0; docker stop {scene.database} >/dev/null;"
        f" rmdir {folder}; mv {folder}.aside {folder}; docker start {scene.database} >/dev/null"
    )


def nothing_was_made(scene: Scene, _: Look) -> None:
    """Neither by the image, which is started again and again, nor by recover, nor by a deploy."""
    refused = scene.stack.runner("deploy", "--no-validate")
    # Nothing serves, whatever the deploy does.
    assert refused.code == 5, refused.text
    assert "and it is empty. No new database is made in its place." in refused.text
    assert scene.sh(f"ls -A {data(scene)}") == ""


FAULT = Fault(
    "F22",
    "the database's volume is empty",
    empty_it,
    expect="volume.foreign",
    checks=("volume.identity",),
    repair=BY_HAND,
    undo=put_back,
    restraint=nothing_was_made,
    recovered=20,
    long=False,
)
