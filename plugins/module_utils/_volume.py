# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which volume the database may run on: a pure decision from the record, the volume and the other containers.

The record on the host says which volume is the database. Docker cannot rename a volume and a restore keeps
the system identifier, so neither a name nor an identifier alone could say it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

INITIALISING = "initialising"
ACTIVE = "active"


class RefusedError(Exception):
    """This volume must not be mounted; the text says why and what to do."""


@dataclass(frozen=True)
class Decision:
    """What has to happen before the server may start."""

    create: bool
    initialise: bool
    record: bool  # write the record `initialising` first


def decide(record: dict[str, Any] | None, volume: str, found: dict[str, str], major: str) -> Decision:
    """Return what has to happen, or raise RefusedError.

    `found` is what the volume holds: {"content": missing | empty | unfinished | cluster | other | silent |
    unlooked, and of a cluster "major", "system_identifier" and "timeline"}. `silent`: our own server runs on
    it and does not answer. `unlooked`: nobody looked, which happens in check mode only.
    """
    content = found["content"]
    if content == "cluster" and found["major"] != major:
        raise RefusedError(
            f"The volume {volume} was written by Postgres {found['major']}, and the image is Postgres "
            f"{major}. "
            "Nothing was changed. Deploy the image of that major version, or move the data with a dump or "
            "pg_upgrade"
        )
    if record is None:
        return _without_record(volume, content)
    if record["state"] == INITIALISING:
        if content == "other":
            raise RefusedError(
                f"The volume {volume} was being initialised, and holds other people's files now. Look into "
                f"it "
                f"(`docker run --rm -v {volume}:/data debian ls -la /data`) and remove the volume if it can "
                f"go"
            )
        # Our server runs in the volume only once there is a cluster.
        done = content in ("cluster", "silent")
        return Decision(create=content == "missing", initialise=not done, record=False)
    _check_active(record, volume, found)
    return Decision(create=False, initialise=False, record=False)


def _without_record(volume: str, content: str) -> Decision:
    if content in ("missing", "empty", "unlooked"):
        return Decision(create=content == "missing", initialise=True, record=True)
    raise RefusedError(
        f"There is a volume {volume} with data in it, and no record that this stack made it. It is neither "
        f"mounted "
        "nor initialised over. If it is this stack's database, put its record back (volume.json in the "
        "stack's "
        "state folder); if it can go, remove it with `docker volume rm`; or choose another postgres_volume"
    )


def _check_active(record: dict[str, Any], volume: str, found: dict[str, str]) -> None:
    content = found["content"]
    if content in ("silent", "unlooked"):
        return
    if content != "cluster":
        state = {"missing": "is gone", "empty": "is empty"}.get(content, "holds no finished database")
        raise RefusedError(
            f"The volume {volume} is this stack's database (system identifier "
            f"{record['system_identifier']}), and it "
            f"{state}. No new database is made in its place. Bring the volume back, or restore a backup. "
            f"Only if the "
            "data may be lost for good, remove the record volume.json from the stack's state folder and "
            "deploy again"
        )
    if found.get("system_identifier") != record["system_identifier"]:
        raise RefusedError(
            f"The volume {volume} holds another database (system identifier "
            f"{found.get('system_identifier')}) than "
            f"the one this stack ran on ({record['system_identifier']}). It is not mounted. Bring the right "
            f"volume "
            "back under this name, or restore a backup"
        )
    if int(found.get("timeline") or record["timeline"]) < int(record["timeline"]):
        raise RefusedError(
            f"The volume {volume} is on timeline {found['timeline']}, and this stack's database was on "
            f"{record['timeline']} already: it is an older copy. It is not mounted. Bring the right volume "
            f"back, or "
            "restore a backup"
        )


def strangers(
    containers: list[dict[str, Any]], volume: str, mountpoint: str | None, stack: str, own: set[str]
) -> list[str]:
    """Names of the containers, in whatever state, that must not be there while the server mounts `volume`.

    The stack's own containers may read it (a backup does); nobody else may mount it at all.
    """
    names = []
    for container in containers:
        name = container["Names"][0].lstrip("/")
        ours = (container.get("Labels") or {}).get("io.stanchion.stack") == stack
        mounts = [m for m in container.get("Mounts") or [] if _is_on(m, volume, mountpoint)]
        allowed = ours and (name in own or not any(m.get("RW", True) for m in mounts))
        if mounts and not allowed:
            names.append(f"{name} ({container.get('State', 'unknown')})")
    return sorted(names)


def _is_on(mount: dict[str, Any], volume: str, mountpoint: str | None) -> bool:
    if mount.get("Type") == "volume":
        return mount.get("Name") == volume
    source = str(mount.get("Source", "")).rstrip("/")
    return bool(mountpoint) and (source == mountpoint or source.startswith(f"{mountpoint}/"))
