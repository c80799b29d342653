"""The backends' resolver is broken: the database serves, and nobody finds it who does not know it yet."""

from __future__ import annotations

from fault import Fault, approved
from scene import Figures, Look, Scene

# For documentation alone (RFC 5737): nobody answers there.
NOWHERE = "nameserver 192.0.2.1"


def resolver(scene: Scene, name: str) -> str:
    """Return the file on the host that a container has as /etc/resolv.conf."""
    return str(scene.host.inspect(name)["ResolvConfPath"])


def break_it(scene: Scene) -> None:
    """In both replicas, in place; and no connection is left that was made before."""
    scene.notes["starts"] = scene.starts(scene.database)
    scene.notes["kept"] = {name: scene.sh(f"cat {resolver(scene, name)}") for name in scene.backends}
    for name in scene.backends:
        scene.sh(f"echo {NOWHERE} > {resolver(scene, name)}")
    scene.stack.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'medication_tracker'"
    )


def put_back(scene: Scene) -> None:
    for name, text in scene.notes.get("kept", {}).items():
        if NOWHERE in scene.sh(f"cat {resolver(scene, name)}"):
            scene.host.run("sh", "-c", f"cat > {resolver(scene, name)}", stdin=text + "\n")


def not_restarted(scene: Scene, _: Look) -> None:
    """The replicas answer, though with 503: they are not dead, and are not restarted without a word."""
    assert scene.workers() == scene.workers_before


def database_untouched(scene: Scene, figures: Figures) -> None:
    assert scene.starts(scene.database) == scene.notes["starts"]
    assert figures.sql.gap < 3


FAULT = Fault(
    "F17",
    "the name of the database does not resolve in the backends",
    break_it,
    expect="dns.broken",
    checks=("dns.alias",),
    says=r"-backend-1: db has no address",
    repair=approved("restart_backend"),
    outcome="refused",
    undo=put_back,
    restraint=not_restarted,
    afterwards=database_untouched,
    recovered=40,
    backend_stays=False,
)
