"""Is this a host that the roles can work on?

Declared: `stack_name`.
"""

from __future__ import annotations

from stanchion.preflight import values
from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import GB, Declared, Facts, engine_api, has_engine, show, unreadable

SOURCES = ("engine", "disk", "host", "images")

# The oldest engine that the roles are tested with is 20.10.
OLDEST_API = (1, 41)
# Base, database and backend are 1.2 GB; the bootstrap and the builds need as much again for a while.
IMAGE_SPACE = 3 * GB
# What one rebuilt image needs beside those that are there.
REBUILD_SPACE = 1 * GB
# Three images have some 60,000 files.
INODES = 100_000


def look(declared: Declared, facts: Facts) -> list[Problem]:
    """Return what is wrong with the stack's name, the host, its engine and its disk."""
    return [*values.stack_name(declared), *_engine(facts), *_host(facts), *_disk(facts)]


def _engine(facts: Facts) -> list[Problem]:
    engine = facts["engine"]
    if not engine["ok"]:
        return [
            Problem(
                slug="engine.unreachable",
                what=f"The Docker engine does not answer: {engine['error']}.",
                where="the engine of the host",
                remedy="Run `docker info` there to see the same. An engine that hangs needs a restart "
                "(systemctl restart docker, service docker restart, or where runsv keeps it "
                "sv force-restart /etc/sv/stanchion-dockerd), which also ends its containers "
                "unless live-restore is on; so that is left to you.",
                exit="unreachable",
            )
        ]
    if not has_engine(facts):
        return []
    found = []
    if engine["rootless"]:
        found.append(_remapped("rootless", "Use an engine that runs as root, on this host or another one."))
    if engine["userns_remap"]:
        found.append(
            _remapped("with user-namespace remapping", "Take userns-remap out of /etc/docker/daemon.json.")
        )
    if engine_api(facts) < OLDEST_API:
        found.append(
            Problem(
                slug="engine.too_old",
                what=f"The Docker engine {engine['version']} (API {engine['api_version']}) is too old.",
                where="the engine of the host",
                remedy="Upgrade it to 20.10 (API 1.41) or newer.",
            )
        )
    return found


def _remapped(how: str, remedy: str) -> Problem:
    return Problem(
        slug="engine.user_namespace",
        what=f"The Docker engine runs {how}: user 999 in a container is another user on the host, so secret "
        "files and the operators' socket would belong to nobody who may use them.",
        where="the engine of the host",
        remedy=remedy,
    )


def _host(facts: Facts) -> list[Problem]:
    host = facts["host"]
    if not host["ok"]:
        return unreadable(facts, "host")
    found = []
    system = host["os"]
    if "debian" not in (system["id"], *system["id_like"]):
        found.append(
            Problem(
                slug="host.distribution",
                what=f"The host runs {system['name'] or 'an unknown system'}, no relative of Debian: the "
                "roles install packages with apt.",
                where="/etc/os-release of the host",
                remedy="Use a host with Debian 12, Ubuntu 22.04 or newer.",
            )
        )
    if not host["root"]:
        found.append(
            Problem(
                slug="host.root",
                what="The roles do not act as root on the host.",
                where="become of the play, or ansible_become of the inventory",
                remedy="Let the play become root (become: true), with a user who may.",
            )
        )
    return found


def _images_there(facts: Facts) -> int:
    images = facts["images"]["entries"] if facts["images"]["ok"] else []
    return sum(image["size"] for image in images if image["name"])


def _disk(facts: Facts) -> list[Problem]:
    if not facts["disk"]["ok"]:
        return unreadable(facts, "disk")
    found = []
    disk = facts["disk"]["docker_root"]
    needed = max(REBUILD_SPACE, IMAGE_SPACE - _images_there(facts))
    if disk["free"] < needed:
        found.append(
            Problem(
                slug="disk.images",
                what=f"The images need {show(needed)}, and {disk['path']} has {show(disk['free'])} free.",
                where=f"the file system of {disk['measured_at']} on the host",
                remedy="Make room there (docker system df shows what Docker keeps), or move its data-root.",
            )
        )
    if disk["inodes_total"] and disk["inodes_free"] < INODES:
        found.append(
            Problem(
                slug="disk.inodes",
                what=f"{disk['path']} has {disk['inodes_free']} inodes free, and the images need {INODES}.",
                where=f"the file system of {disk['measured_at']} on the host",
                remedy="Remove what has many small files, or move Docker's data-root.",
            )
        )
    for name in ("docker_root", "state_dir"):
        if facts["disk"][name]["read_only"]:
            found.append(
                Problem(
                    slug="disk.read_only",
                    what=f"{facts['disk'][name]['path']} lies on a file system that is mounted read-only.",
                    where="the host's mounts",
                    remedy="Find out why (dmesg; a broken disk is remounted so), and mount it for writing.",
                )
            )
    return found
