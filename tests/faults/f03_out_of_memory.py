"""The database's container wants more memory than it may have, and the kernel ends its first process."""

from __future__ import annotations

from fault import Fault
from scene import Figures, Scene

# More than postgres_memory; `tail` keeps a line as long as it is, and /dev/zero has no line end.
HOG = "head -c 3G /dev/zero | tail >/dev/null"


def allocate(scene: Scene) -> None:
    """Of all processes of the container, the kernel is to choose the postmaster."""
    scene.notes["restarts"] = scene.starts(scene.database)[1]
    scene.sh(f"echo 1000 > /proc/{scene.postmaster()}/oom_score_adj")
    scene.sh(f"docker exec {scene.database} sh -c '{HOG}' >/dev/null 2>&1 || true")


def restarted(scene: Scene, _: Figures) -> None:
    """The container has ended, and its policy has brought it back."""
    assert scene.starts(scene.database)[1] > scene.notes["restarts"]


FAULT = Fault(
    "F03",
    "the database's container runs out of memory",
    allocate,
    # An engine inside a container is not told of what the kernel kills: elsewhere container.oom tells.
    checks=("log.trouble",),
    says=r"-db: a crash of the server",
    afterwards=restarted,
    gap=20,
)
