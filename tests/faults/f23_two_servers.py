"""Somebody has made a second server on the database's volume. It is told before it is started."""

from __future__ import annotations

from fault import BY_HAND, Fault
from scene import Look, Scene


def second(scene: Scene) -> str:
    return f"{scene.stack.name}-second-writer"


def make(scene: Scene) -> None:
    """It is not started: that would destroy the data, and all that is told is told before."""
    image = scene.host.inspect(scene.database)["Config"]["Image"]
    volume = f"{scene.stack.name}-pgdata:/var/lib/postgresql/data"
    scene.sh(f"docker create --name {second(scene)} --volume {volume} {image} >/dev/null")


def remove(scene: Scene) -> None:
    scene.sh(f"docker rm --force {second(scene)} >/dev/null 2>&1 || true")


def untouched(scene: Scene, _: Look) -> None:
    """Whose container it is, a person knows: it is neither started nor removed."""
    assert scene.host.inspect(second(scene))["State"]["Status"] == "created"


FAULT = Fault(
    "F23",
    "a second server has the database's volume",
    make,
    expect="volume.two_writers",
    checks=("volume.single_writer",),
    says=r"-second-writer",
    repair=BY_HAND,
    undo=remove,
    restraint=untouched,
    gap=3,
)
