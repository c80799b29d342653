"""The data volume is full: the server cannot write its log, and stops. Only a person makes room for it."""

from __future__ import annotations

from fault import BY_HAND, Fault
from scene import Look, Scene

ROOM = 48
# Each takes a new segment of WAL; the first that finds no room for one ends the server.
WRITE = "SELECT pg_logical_emit_message(true, 'fill', repeat('x', 1000));\nSELECT pg_switch_wal();\n" * 60


def data(scene: Scene) -> str:
    return scene.volume(f"{scene.stack.name}-pgdata")


def prepare(scene: Scene) -> None:
    scene.bound(data(scene), ROOM)


def clear(scene: Scene) -> None:
    scene.unbound(data(scene))


def fill(scene: Scene) -> None:
    """With a file that is not the database's, to the last block; then write until the server notices."""
    scene.sh(f"head -c 1G /dev/zero > {data(scene)}/ballast 2>/dev/null || true")
    psql = ["psql", "-U", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", "postgres"]
    scene.host.run("docker", "exec", "-i", scene.database, *psql, stdin=WRITE, check=False)


def make_room(scene: Scene) -> None:
    scene.sh(f"rm -f {data(scene)}/ballast")


def wal(scene: Scene) -> set[str]:
    return set(scene.sh(f"ls {data(scene)}/pg_wal").split())


def note_wal(scene: Scene, look: Look) -> None:
    scene.notes["wal"] = wal(scene)


def nothing_deleted(scene: Scene, _: Look) -> None:
    """Whatever fills the volume: not a segment of WAL is deleted for room."""
    assert scene.notes["wal"] <= wal(scene)


FAULT = Fault(
    "F06",
    "the data volume is full",
    fill,
    expect="volume.full",
    checks=("disk.space",),
    says=r"0 MB of \d+ MB free, 0 %, for the data",
    repair=BY_HAND,
    prepare=prepare,
    clear=clear,
    undo=make_room,
    meanwhile=note_wal,
    restraint=nothing_deleted,
    simulated="real, on a file system in memory",
    recovered=60,
    long=False,
)
