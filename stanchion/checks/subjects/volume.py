"""The volume with the data: that it is the right one, mounted where it should be, by one container."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stanchion.checks.container import POSTGRES, Container, Mount
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, SkipError, UnreadableError, bad, note
from stanchion.checks.registry import CRITICAL, DEPLOY, FILE, PREFLIGHT, RUNTIME, check

EVERYWHERE = (PREFLIGHT, DEPLOY, RUNTIME)
OFFICIAL_IMAGE = "README of the official image, PGDATA"

# Where the official image keeps the data, and expects a volume.
DATA = "/var/lib/postgresql/data"
PARENT = "/var/lib/postgresql"
BITNAMI = "/bitnami/postgresql"
# From this major on the folder has the major in its name, below the parent.
FIRST_BELOW_PARENT = 18

_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
# postgres:17.5-bookworm, pgvector:pg18, timescaledb:2.17-pg17: the number after pg is the server's.
_MAJOR = re.compile(r":(?:.*pg)?(\d{1,2})(?:[.-]|$)")
# The official image by no version: latest, or the newest on a system.
_NEWEST = re.compile(r"postgres(:[a-z][a-z0-9.-]*)?")
SAFE_MODES = ("0700", "0750")


@check(
    "volume.mount",
    rows="VOL-01",
    title="The data lie on a named volume, mounted where the server keeps them",
    phases=(PREFLIGHT, DEPLOY, RUNTIME, FILE),
    severity=CRITICAL,
    why="A volume that is mounted beside the data, or has no name, is left behind when the container is "
    "replaced: the next one begins with an empty database.",
    remedy="Deploy: the role postgres mounts postgres_volume. In a compose file mount a named volume at "
    "/var/lib/postgresql/data, from version 18 on at /var/lib/postgresql.",
    source=OFFICIAL_IMAGE,
    reads=("containers",),
    part=POSTGRES,
)
def mount(look: Look) -> Iterator[Evidence]:
    for container in look.some(POSTGRES):
        target = _expected_target(look, container)
        found = container.mount_at(target)
        other = _in_the_way(container, target)
        if found is None:
            beside = f"; a {other.kind} is at {other.target}" if other else ""
            newer = " (where version 18 and newer keep the data)" if target == PARENT else ""
            yield bad(f"nothing is mounted at {target}{newer}{beside}", container.name, "volumes")
        elif _is_anonymous(found):
            yield bad(f"the volume at {target} has no name", container.name, "volumes")
        elif found.read_only:
            yield bad(f"{found.source} is mounted read-only at {target}", container.name, "volumes")
        elif container.id is not None and found.kind != _declared_kind(look, container, target):
            text = f"{target} is {_kind(found)} {found.source}, and a volume is declared"
            yield bad(text, container.name, "volumes")
        else:
            yield note(f"{found.source} at {target}", container.name, "volumes")


def _expected_target(look: Look, container: Container) -> str:
    """Return where the mount has to be: where ours is declared, or where the image and PGDATA say."""
    if container.id is not None:
        declared = _data_mount(look.declared_like(container))
        if declared:
            return declared.target
    default = _default_target(container.image)
    folder = container.values.get("PGDATA", "").rstrip("/")
    if not folder or f"{folder}/".startswith(f"{default}/"):
        return default
    # PGDATA elsewhere: whatever is mounted at it or above it holds the data.
    above = [
        found.target for found in container.mounts if f"{folder}/".startswith(f"{found.target.rstrip('/')}/")
    ]
    return max(above, key=len, default=folder)


def _default_target(image: str) -> str:
    if "bitnami" in image:
        return BITNAMI
    return PARENT if _is_below_parent(image) else DATA


def _is_below_parent(image: str) -> bool:
    """Say whether an image keeps the data below the parent; the newest official one does."""
    if _NEWEST.fullmatch(image):
        return True
    match = _MAJOR.search(image.rpartition("/")[2])
    return match is not None and int(match[1]) >= FIRST_BELOW_PARENT


def _data_mount(container: Container) -> Mount | None:
    return container.mount_at(DATA) or container.mount_at(PARENT)


def _in_the_way(container: Container, target: str) -> Mount | None:
    return next((m for m in container.mounts if m.target.startswith(PARENT) and m.target != target), None)


def _declared_kind(look: Look, container: Container, target: str) -> str:
    declared = look.declared_like(container).mount_at(target)
    return declared.kind if declared else "volume"


def _is_anonymous(found: Mount) -> bool:
    return found.kind == "volume" and (not found.source or bool(_ANONYMOUS.fullmatch(found.source)))


def _kind(found: Mount) -> str:
    return {"bind": "the host's folder", "tmpfs": "memory"}.get(found.kind, f"a {found.kind}")


@check(
    "volume.single_writer",
    rows="VOL-02",
    title="Only the database's container may write the data",
    phases=EVERYWHERE,
    severity=CRITICAL,
    why="Two servers on one data folder destroy it. The server's pid file does not help: each sees only the "
    "processes of its own container.",
    remedy="Look what the other one is (docker inspect CONTAINER), and remove it: docker rm CONTAINER. A "
    "stopped one counts: somebody may start it.",
    source="docker-library/postgres issue 171",
    reads=("volumes", "volume_record", "containers"),
    part=POSTGRES,
)
def single_writer(look: Look) -> Iterator[Evidence]:
    volume = _volume(look)
    ours = next(iter(look.postgres["containers"]))
    strangers = [name for name in volume["written_by"] if name != ours]
    for name in strangers:
        yield bad(f"{name} mounts it too, for writing", volume["name"])
    if not strangers:
        yield note(f"written by {', '.join(volume['written_by']) or 'nobody yet'}", volume["name"])


@check(
    "volume.identity",
    rows="VOL-03",
    title="The server serves the cluster that was recorded at the first deploy",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="An empty or wrong volume becomes a new database without a word: the application starts, and its "
    "data are not there.",
    remedy="Stop the backends first. Look which volume holds the data (docker volume ls, and the record "
    "that is named), and have that one mounted; never initialise anew.",
    source="check_postgres, cluster_id; ours: the record",
    reads=("volume_record", "containers", "sql.server"),
    part=POSTGRES,
)
def identity(look: Look) -> Iterator[Evidence]:
    kept = look.source("volume_record")
    if not kept["record"]:
        yield bad("there is no record of which cluster is the stack's", kept["path"])
        return
    recorded, server = kept["record"], look.row("server")
    mounted = _data_mount(look.database)
    if mounted and mounted.kind == "volume" and mounted.source != recorded["volume"]:
        yield bad(
            f"the volume {mounted.source} is mounted, and {recorded['volume']} recorded", look.database.name
        )
    if server["system_identifier"] != recorded["system_identifier"]:
        yield bad(
            f"the server serves cluster {server['system_identifier']}, and {recorded['system_identifier']} "
            "is recorded",
            look.database.name,
        )
    else:
        yield note(f"cluster {recorded['system_identifier']} on {recorded['volume']}", look.database.name)


@check(
    "volume.owner",
    rows="VOL-04",
    title="The data belong to the user that the server runs as, and to nobody else",
    phases=EVERYWHERE,
    severity=CRITICAL,
    why="The server refuses to start on a folder of another user, or one that others may read.",
    remedy="With the database stopped: chown -R UID:GID and chmod 0700 on the folder that is named.",
    source="CIS PostgreSQL 17 Benchmark 2.7; README of the official image, Arbitrary --user Notes",
    reads=("volumes", "volume_record", "containers"),
    part=POSTGRES,
)
def owner(look: Look) -> Iterator[Evidence]:
    volume, content = content_of(look)
    folder, uid = volume["mountpoint"], _uid(look)
    if uid is not None and content["uid"] != uid:
        yield bad(f"belongs to user {content['uid']}, and the server runs as {uid}", folder)
    if content["mode"] not in SAFE_MODES:
        yield bad(f"has the mode {content['mode']}, and {' or '.join(SAFE_MODES)} are wanted", folder)
    yield note(f"user {content['uid']}, mode {content['mode']}", folder)


def _uid(look: Look) -> int | None:
    """Return the number that the server runs as, where its container says so."""
    user = (next(iter(look.containers(POSTGRES)), None) or look.declared_containers()[0]).user
    number = (user or "").partition(":")[0]
    return int(number) if number.isdigit() and number != "0" else None


@check(
    "volume.version",
    rows="VOL-05",
    title="The data were written by the major version that is deployed",
    phases=EVERYWHERE,
    severity=CRITICAL,
    why="A server refuses the files of another major version, and the database is down until the old image "
    "is back.",
    remedy="Deploy the major version that wrote the data, and move to the new one by pg_upgrade or by dump "
    "and restore.",
    source="docker-library/postgres issues 37 and 766",
    reads=("volumes", "volume_record"),
    part=POSTGRES,
)
def version(look: Look) -> Iterator[Evidence]:
    volume, content = content_of(look)
    wanted = str(look.postgres["major"])
    if content["pg_version"] is None:
        yield bad("has no PG_VERSION: whatever is in it is no cluster", volume["name"])
    elif content["pg_version"] != wanted:
        yield bad(f"was written by version {content['pg_version']}, and {wanted} is deployed", volume["name"])
    else:
        yield note(f"written by version {wanted}", volume["name"])


def _volume(look: Look) -> Mapping[str, Any]:
    """Return the volume with the data: the recorded one, or before there is a record the declared one."""
    record = look.source("volume_record")["record"] or {}
    name = record.get("volume") or look.postgres["volume"]
    found = next((entry for entry in look.source("volumes")["entries"] if entry["name"] == name), None)
    if found is None and not record:
        raise SkipError(f"there is no volume {name} yet")
    if found is None:
        raise UnreadableError(f"there is no volume {name}, which {look.facts['volume_record']['path']} names")
    entry: Mapping[str, Any] = found
    return entry


def content_of(look: Look) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the volume with the data, and what was seen in it."""
    volume = _volume(look)
    content = volume["content"]
    if not content["readable"]:
        raise UnreadableError(f"the volume {volume['name']} could not be looked into: {content['error']}")
    if content["empty"]:
        raise SkipError(f"the volume {volume['name']} is empty")
    return volume, content
