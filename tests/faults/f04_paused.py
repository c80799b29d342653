"""The database's container is frozen. Who froze it may have a reason: nobody but a person lets it go on."""

from __future__ import annotations

from fault import Fault, approved
from scene import Look, Scene


def pause(scene: Scene) -> None:
    scene.sh(f"docker pause {scene.database} >/dev/null")


def unpause(scene: Scene) -> None:
    """Where it is still frozen."""
    paused = f"docker inspect --format '{{{{.State.Paused}}}}' {scene.database}"
    scene.sh(f'if [ "$({paused})" = true ]; then docker unpause {scene.database} >/dev/null; fi')


def still_paused(scene: Scene, _: Look) -> None:
    """Nothing was started, stopped or let go on."""
    assert scene.host.inspect(scene.database)["State"]["Status"] == "paused"


FAULT = Fault(
    "F04",
    "the database's container is paused",
    pause,
    expect="database.paused",
    checks=("container.state",),
    says=r"-db: is paused",
    repair=approved("unpause"),
    outcome="refused",
    undo=unpause,
    restraint=still_paused,
    recovered=10,
    long=False,
)
