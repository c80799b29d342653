"""The server's first process is killed: the container ends with it, and its restart policy brings it back."""

from __future__ import annotations

from fault import Fault
from scene import Figures, Scene


def kill(scene: Scene) -> None:
    """By its id on the host: `docker kill` would switch the restart policy off."""
    scene.notes["restarts"] = scene.starts(scene.database)[1]
    scene.sh(f"kill -9 {scene.postmaster()}")


def restarted_once(scene: Scene, _: Figures) -> None:
    """The policy has counted it."""
    assert scene.starts(scene.database)[1] == scene.notes["restarts"] + 1


FAULT = Fault(
    "F01",
    "the postmaster is killed (SIGKILL)",
    kill,
    checks=("log.trouble",),
    says=r"-db: a crash of the server",
    afterwards=restarted_once,
    gap=10,
    long=False,
)
