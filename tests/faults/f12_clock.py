"""The database's clock has stepped back: told as that, and a full backup fails with the reason."""

from __future__ import annotations

from fault import BY_HAND, Fault
from scene import Look, Scene
from stack import until

DAYS = 2
# What every program of the container loads before anything else, and the step that it then has.
FILES = {
    "/etc/ld.so.preload": "/usr/local/lib/libfaketime.so.1",
    "/etc/faketimerc": f"-{DAYS}d",
}
LIBRARY = "/usr/local/lib/libfaketime.so.1"


def layer(scene: Scene) -> str:
    """Return the container's own files on the host: its definition stays what it is."""
    return str(scene.host.inspect(scene.database)["GraphDriver"]["Data"]["MergedDir"])


def labels(scene: Scene) -> list[str]:
    return [each["label"] for each in scene.stack.on_host("observe")["repositories"][0]["sets"]]


def restart(scene: Scene) -> None:
    scene.sh(f"docker restart {scene.database} >/dev/null")
    until(scene.answers, "the database does not answer")


def step(scene: Scene) -> None:
    scene.notes["labels"] = labels(scene)
    root = layer(scene)
    scene.sh(f"cp /usr/lib/*/faketime/libfaketime.so.1 {root}{LIBRARY}")
    for path, text in FILES.items():
        scene.sh(f"echo {text} > {root}{path}; chmod 0644 {root}{path}")
    scene.notes["stepped"] = True
    restart(scene)
    # A library that could not be loaded is a warning only, and the clock as it was.
    there = float(scene.stack.sql("SELECT extract(epoch FROM now())"))
    assert float(scene.sh("date +%s")) - there > 86400


def back(scene: Scene) -> None:
    if scene.notes.pop("stepped", None):
        root = layer(scene)
        scene.sh(f"rm -f {root}{LIBRARY} {' '.join(root + path for path in FILES)}")
        restart(scene)
        scene.sh(f"{scene.command} watch >/dev/null")


def refused_with_the_reason(scene: Scene, _: Look) -> None:
    """A full backup would lie before the one that it follows: nothing is written of it."""
    told = scene.stack.on_host("backup", "--type", "full", check=False)
    assert "is not later than latest backup label" in told["error"], told
    assert labels(scene) == scene.notes["labels"]


FAULT = Fault(
    "F12",
    f"the database's clock steps {DAYS} days back",
    step,
    expect="database.clock",
    checks=("clock.database",),
    says=r"its clock is 2 d behind the host's",
    repair=BY_HAND,
    undo=back,
    meanwhile=refused_with_the_reason,
    step=DAYS * 86400,
    gap=20,
    simulated="the clock of the database's container alone (libfaketime): the host's is the whole machine's",
)
