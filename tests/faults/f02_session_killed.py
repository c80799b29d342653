"""One process of the server is killed: the server ends every session and recovers, in the same container."""

from __future__ import annotations

from fault import Fault
from scene import Figures, Scene


def kill(scene: Scene) -> None:
    """One that serves a connection of the application."""
    scene.notes["starts"] = scene.starts(scene.database)
    scene.sh(f"kill -9 {scene.of_server('medication_tracker medication_tracker ')[0]}")


def same_container(scene: Scene, _: Figures) -> None:
    """The engine has seen nothing: the server alone began anew."""
    assert scene.starts(scene.database) == scene.notes["starts"]


FAULT = Fault(
    "F02",
    "a process of the server is killed (SIGKILL)",
    kill,
    checks=("log.trouble",),
    says=r"-db: .*was terminated by signal 9: Killed",
    afterwards=same_container,
    gap=10,
)
