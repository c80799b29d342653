"""A backup is killed half way: the next one is good, and nothing of the dead one stays."""

from __future__ import annotations

from fault import Fault
from scene import Look, Scene


def labels(scene: Scene) -> list[str]:
    return [each["label"] for each in scene.stack.on_host("observe")["repositories"][0]["sets"]]


def kill(scene: Scene) -> None:
    """The command by its own id, and the process of its job, by its id on the host, while it copies."""
    scene.notes["before"] = labels(scene)
    scene.sh(
        f"setsid {scene.command} backup --type full >/dev/null 2>&1 </dev/null & killed=$!\n"
        "job() { docker ps -q --filter label=io.stanchion.one-shot=backup-job; }\n"
        'for i in $(seq 200); do job=$(job); [ -z "$job" ] || break; sleep 0.05; done\n'
        "inside=$(docker inspect --format '{{.State.Pid}}' $job)\n"
        "kill -9 -$killed; kill -9 $(pgrep -P $inside) $inside 2>/dev/null || true"
    )
    assert labels(scene) == scene.notes["before"]


def next_one_is_good(scene: Scene, look: Look) -> None:
    """The look tells of nothing bad; a backup is taken, and nothing of the dead one is left."""
    assert look.code == 0, str(look)
    taken = scene.stack.on_host("backup", "--type", "incr")["repositories"]["repo1"]["label"]
    assert labels(scene) == [*scene.notes["before"], taken]
    assert scene.sh("docker ps -aq --filter label=io.stanchion.one-shot") == ""


FAULT = Fault(
    "F24",
    "a backup is killed half way",
    kill,
    meanwhile=next_one_is_good,
    gap=3,
)
