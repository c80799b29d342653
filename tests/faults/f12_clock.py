"""A clock has stepped back: a backup that would be older than the one before it fails with the reason."""

from __future__ import annotations

import json

from fault import Fault
from scene import FOLDER, Look, Scene
from stack import IN_IMAGE

DOCKERFILE = """\
FROM {image}
COPY libfaketime.so.1 /usr/local/lib/
ENV LD_PRELOAD=/usr/local/lib/libfaketime.so.1 FAKETIME=-2d
"""
IMAGE = "faults/stepped"


def labels(scene: Scene) -> list[str]:
    return [each["label"] for each in scene.stack.on_host("observe")["repositories"][0]["sets"]]


def prepare(scene: Scene) -> None:
    """An image of the database's, in which it is the day before yesterday."""
    image = scene.host.inspect(scene.database)["Config"]["Image"]
    scene.sh(f"mkdir -p {FOLDER}/clock; cp /usr/lib/*/faketime/libfaketime.so.1 {FOLDER}/clock/")
    scene.host.run("sh", "-c", f"cat > {FOLDER}/clock/Dockerfile", stdin=DOCKERFILE.format(image=image))
    scene.sh(f"docker build -q -t {IMAGE} {FOLDER}/clock >/dev/null")
    there = scene.sh(f"docker run --rm --network=none --entrypoint=date {IMAGE} +%s")
    # A library that could not be loaded is a warning only, and the clock as it was.
    assert int(scene.sh("date +%s")) - int(there) > 86400
    scene.notes["before"] = labels(scene)


def back_up(scene: Scene) -> None:
    archive = f"{scene.state}/backup/stanchion-{scene.stack.name}.pyz"
    settings = f"{scene.state}/backup/settings.json"
    script = ("python3", "-", archive, IMAGE, "--settings", settings, "backup", "--type", "incr", "--json")
    scene.notes["told"] = json.loads(scene.host.run(*script, stdin=IN_IMAGE, check=False, timeout=300))


def refused_with_the_reason(scene: Scene, _: Look) -> None:
    """Nothing was written; by the right clock the next backup is good."""
    told = scene.notes["told"]
    assert "clock" in told["error"] or "later than" in told["error"], told
    scene.notes["cause"] = told["error"]
    assert labels(scene) == scene.notes["before"]
    taken = scene.stack.on_host("backup", "--type", "incr")["repositories"]["repo1"]["label"]
    assert labels(scene) == [*scene.notes["before"], taken]


FAULT = Fault(
    "F12",
    "the clock steps two days back",
    back_up,
    prepare=prepare,
    meanwhile=refused_with_the_reason,
    simulated="the clock of a backup's container alone (libfaketime): the host's is the whole machine's",
    gap=3,
)
