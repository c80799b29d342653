"""The Docker engine is stopped: without live-restore each container stops with it, with live-restore none."""

from __future__ import annotations

import time
import uuid

from fault import RECOVER, Fault
from scene import FOLDER, Figures, Scene
from stack import until

SERVICE = "/etc/sv/stanchion-dockerd"
OPTIONS = "/etc/docker/daemon.json"


def stop(scene: Scene) -> None:
    """As a person does; and note when it answers again."""
    scene.sh(
        f"sv -w 60 down {SERVICE} >/dev/null; rm -f {FOLDER}/engine\n"
        "(exec >/dev/null 2>&1; for i in $(seq 3000); do docker version && break; sleep 0.1; done;"
        f" date +%s.%N > {FOLDER}/engine) &"
    )


def start(scene: Scene) -> None:
    answers = "for i in $(seq 300); do docker version >/dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1"
    scene.sh(f"sv up {SERVICE} >/dev/null; {answers}")


def answered(scene: Scene) -> float:
    """Return when the engine has first answered again."""
    return float(scene.sh(f"cat {FOLDER}/engine"))


def reload_engine(scene: Scene, live_restore: bool) -> None:
    """Have it take the option over while it runs."""
    word = str(live_restore).lower()
    scene.host.run("sh", "-c", f"cat > {OPTIONS}", stdin=f'{{"live-restore": {word}}}')
    scene.sh("kill -HUP $(pgrep -x -P $(cat /run/stanchion-dockerd.pid) dockerd)")
    until(
        lambda: scene.sh("docker info --format '{{.LiveRestoreEnabled}}'") == word,
        "the engine does not take its options over",
    )


def addresses(scene: Scene) -> list[str]:
    """Return the replicas' own addresses."""
    network = f"{scene.stack.name}_edge_network"
    seen = [scene.host.inspect(name)["NetworkSettings"]["Networks"][network] for name in scene.backends]
    return [f"http://{each['IPAddress']}:5000" for each in seen]


def with_live_restore(scene: Scene, _: Figures) -> None:
    """The same again: containers and networks go on while the engine is away.

    Asked by their own addresses: what the engine publishes on 127.0.0.1 goes through a process of its own,
    which ends with it.
    """
    run = f"f18-{uuid.uuid4().hex[:6]}"
    scene.stack.wait_until_healthy()
    starts = {name: scene.starts(name) for name in (scene.database, *scene.backends)}
    scene.sh(f"mkdir -p /etc/docker; [ ! -e {OPTIONS} ] || cp -p {OPTIONS} {FOLDER}/daemon.json")
    try:
        reload_engine(scene, True)
        scene.start_writers(run, " ".join(addresses(scene)))
        try:
            scene.wait_for_rows(run, within=30)
            scene.sh(f"sv -w 60 down {SERVICE} >/dev/null")
            time.sleep(3)
            start(scene)
            scene.wait_for_rows(run, within=30)
        finally:
            start(scene)
            scene.stop_writers()
    finally:
        reload_engine(scene, False)
        scene.sh(f"rm {OPTIONS}; [ ! -e {FOLDER}/daemon.json ] || mv {FOLDER}/daemon.json {OPTIONS}")
    figures = scene.figures(run)
    assert (figures.lost, figures.unexpected) == (0, 0)
    assert max(figures.api.gap, figures.sql.gap) < 3
    assert {status for status, _, _ in figures.answers} == {201}
    assert starts == {name: scene.starts(name) for name in starts}


FAULT = Fault(
    "F18",
    "the Docker engine is stopped (and again with live-restore)",
    stop,
    expect="engine.stopped",
    checks=("engine.version",),
    repair=RECOVER,
    undo=start,
    afterwards=with_live_restore,
    recovered=60,
    since=answered,
    backend_stays=False,
)
