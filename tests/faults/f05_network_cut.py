"""The database is taken off the backend's network: that has to be mended, and not the database."""

from __future__ import annotations

from typing import Any

from fault import RECOVER, Fault
from scene import Figures, Scene


def endpoint(scene: Scene) -> dict[str, Any]:
    """Return how the database is on the backend's network; empty where it is not."""
    network = f"{scene.stack.name}_app_network"
    found = scene.host.inspect(scene.database)["NetworkSettings"]["Networks"].get(network) or {}
    # The short id among the aliases is the engine's.
    names = [name for name in found.get("Aliases") or [] if not scene.container_id.startswith(name)]
    return {"aliases": sorted(names), "ipv6": bool(found.get("GlobalIPv6Address"))} if found else {}


def disconnect(scene: Scene) -> None:
    scene.notes["endpoint"], scene.notes["starts"] = endpoint(scene), scene.starts(scene.database)
    scene.sh(f"docker network disconnect {scene.stack.name}_app_network {scene.database}")


def connect(scene: Scene) -> None:
    """Where it is still off."""
    if not endpoint(scene):
        scene.sh(f"docker network connect --alias db {scene.stack.name}_app_network {scene.database}")


def as_before(scene: Scene, figures: Figures) -> None:
    """Under the same names, by a database that nobody has touched: who came another way wrote on."""
    assert endpoint(scene) == scene.notes["endpoint"]
    assert scene.starts(scene.database) == scene.notes["starts"]
    assert figures.sql.gap < 3


FAULT = Fault(
    "F05",
    "the network between backend and database is cut",
    disconnect,
    expect="network.cut",
    checks=("network.user_defined", "dns.alias", "connection.from_backend"),
    repair=RECOVER,
    undo=connect,
    afterwards=as_before,
    recovered=20,
    long=False,
)
