"""A page of a table is not what the server wrote: told, not touched, brought back from a clean backup."""

from __future__ import annotations

from fault import BY_HAND, Fault
from scene import Look, Scene

# What a reader notes in a page would be written over the damage.
TABLE = (
    "CREATE TABLE damaged WITH (autovacuum_enabled = off) AS"
    " SELECT i AS id, md5(i::text) AS text FROM generate_series(1, 1000) AS i"
)
HASH = "SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM damaged AS t"
# No longer in memory: who reads the table next reads the disk.
EVICT = (
    "SELECT count(pg_buffercache_evict(bufferid)) FROM pg_buffercache"
    " WHERE relfilenode = pg_relation_filenode('damaged')"
)


def prepare(scene: Scene) -> None:
    """A table, and a backup that has it."""
    scene.stack.sql(TABLE)
    scene.stack.sql("CREATE EXTENSION pg_buffercache")
    scene.notes["hash"] = scene.stack.sql(HASH)
    scene.notes["backup"] = scene.stack.on_host("backup", "--type", "incr")["repositories"]["repo1"]["label"]
    scene.stack.sql("CHECKPOINT")


def path(scene: Scene) -> str:
    volume = scene.volume(f"{scene.stack.name}-pgdata")
    file = scene.stack.sql("SELECT pg_relation_filepath('damaged')")
    return f"{volume}/{file}"


def damage(scene: Scene) -> None:
    """A few bytes, below the server."""
    file = path(scene)
    scene.sh(f"printf broken | dd of={file} bs=1 seek=4000 conv=notrunc status=none")
    scene.stack.sql(EVICT)
    scene.host.run(
        *("docker", "exec", scene.database, "psql", "-U", "postgres", "-XAtq"),
        *("-d", "medication_tracker", "-c", HASH),
        check=False,
    )
    scene.notes["file"] = file
    scene.notes["sum"] = scene.sh(f"sha256sum {file}")


def untouched(scene: Scene, _: Look) -> None:
    """No page was zeroed, and nothing was switched on that would do it."""
    assert scene.sh(f"sha256sum {scene.notes['file']}") == scene.notes["sum"]
    assert scene.stack.sql("SHOW zero_damaged_pages") == "off"


def from_backup(scene: Scene) -> None:
    """A person restores a copy beside the database, and takes the table from there."""
    if "sum" not in scene.notes or scene.notes.get("back"):
        return
    copy = scene.stack.on_host("restore", "--to", f"backup:{scene.notes['backup']}")["copy"]["container"]
    try:
        dump = f"docker exec {copy} pg_dump -U postgres -d medication_tracker -t damaged"
        load = (
            f"docker exec -i {scene.database} psql -U postgres -XAtq -v ON_ERROR_STOP=1 -d medication_tracker"
        )
        scene.stack.sql("DROP TABLE damaged")
        scene.sh(f"{dump} | {load} >/dev/null")
    finally:
        scene.stack.on_host("restore", "--drop", copy)
    scene.notes["back"] = scene.stack.sql(HASH)
    assert scene.notes["back"] == scene.notes["hash"]
    # The count of bad pages goes on telling of what is mended.
    scene.stack.sql("SELECT pg_stat_reset()")


def clear(scene: Scene) -> None:
    scene.stack.sql("DROP TABLE IF EXISTS damaged; DROP EXTENSION IF EXISTS pg_buffercache")
    scene.stack.sql("SELECT pg_stat_reset()")


FAULT = Fault(
    "F08",
    "a page of a table is damaged",
    damage,
    expect="volume.damaged",
    checks=("integrity.checksum_failures",),
    says=r"medication_tracker: [1-9].* wrong checksum",
    repair=BY_HAND,
    prepare=prepare,
    clear=clear,
    undo=from_backup,
    restraint=untouched,
    gap=3,
)
