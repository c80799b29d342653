"""Probes of the database are killed under load: what they leave behind must not restart the server."""

from __future__ import annotations

from fault import Fault
from scene import Look, Scene

PROBES = 12
# The children of a probe that is killed become the container's own; as process 1 the server would take them
# for its own dead, and restart.
ORPHANS = "for i in 1 2 3; do (sleep 1; exit 2) & done; exit 0"


def kill_probes(scene: Scene) -> None:
    """Each by its id on the host, a moment after it has begun; and orphans that end badly."""
    scene.notes["starts"] = scene.starts(scene.database)
    scene.notes["server"] = scene.postmaster()
    init = scene.host.inspect(scene.database)["State"]["Pid"]
    scene.sh(
        f"""
        kill_one() {{
            docker exec {scene.database} healthcheck >/dev/null 2>&1 &
            probe=$!
            for i in $(seq 40); do
                # Not those of the server: a shell that runs the probe, and what it has started.
                found=$(pgrep --nslist pid --ns {init} -f '(healthcheck|pg_isready|psql -XAtqw)' || true)
                [ -z "$found" ] || {{ kill -9 $found 2>/dev/null || true; break; }}
                sleep 0.02
            done
            wait $probe || true
        }}
        for n in $(seq {PROBES}); do kill_one; done
        docker exec {scene.database} sh -c '{ORPHANS}'
        sleep 1.5
        """
    )


def nothing_restarted(scene: Scene, _: Look) -> None:
    assert scene.starts(scene.database) == scene.notes["starts"]
    assert scene.postmaster() == scene.notes["server"]


FAULT = Fault(
    "F25",
    "probes of the database are killed under load",
    kill_probes,
    meanwhile=nothing_restarted,
    gap=3,
)
