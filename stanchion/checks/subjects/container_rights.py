"""What a container may do: every right that it does not need is one for whoever breaks in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from stanchion.checks.container import (
    BACKEND,
    POSTGRES,
    Container,
    Mount,
)
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, bad, note, warn
from stanchion.checks.registry import (
    CRITICAL,
    DEFINED,
    WARNING,
    check,
)

CIS = "CIS Docker Benchmark"
DOCKER_MANUAL = "Docker manual"
# What the official image's entrypoint needs while it still is root; the second is for ports below 1024.
ENTRYPOINT_CAPABILITIES = frozenset({"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"})
HARMLESS_CAPABILITIES = frozenset({"NET_BIND_SERVICE"})
SOCKETS = ("docker.sock", "containerd.sock", "podman.sock")
# Whoever writes there, or reads some of it, is root on the host.
SENSITIVE = ("/", "/boot", "/dev", "/etc", "/lib", "/proc", "/root", "/sys", "/usr", "/var/lib/docker")
SENSITIVE_BELOW = ("/dev", "/proc", "/sys", "/var/lib/docker")
# Where programs put temporary files unless told otherwise.
TEMPORARY = str(PurePosixPath("/", "tmp"))


@check(
    "container.capabilities",
    rows="CTR-12",
    title="No container has capabilities that it does not need",
    phases=DEFINED,
    severity=WARNING,
    why="With Docker's default set whoever gets into a container may forge packets and change any file in "
    "it; with one more, such as SYS_ADMIN, the host.",
    remedy="Deploy: the roles drop all. In a compose file: cap_drop: [ALL]; the official image of Postgres "
    "needs cap_add: [CHOWN, DAC_OVERRIDE, FOWNER, SETGID, SETUID] unless user is set.",
    source=f"{CIS} 5.4; ours: the set for the official image's entrypoint",
    reads=("containers",),
)
def capabilities(look: Look) -> Iterator[Evidence]:
    for container in look.some():
        allowed = HARMLESS_CAPABILITIES
        if container.role == POSTGRES and _is_root(container.user):
            allowed = allowed | ENTRYPOINT_CAPABILITIES
        added = sorted(_capabilities(container.cap_add) - allowed)
        all_dropped = "ALL" in _capabilities(container.cap_drop)
        if added:
            yield bad(f"is given {', '.join(added)}", container.name, "cap_add")
        if not all_dropped:
            yield bad("keeps Docker's default capabilities", container.name, "cap_drop")
        if all_dropped and not added:
            yield note("all dropped", container.name, "cap_drop")


def _capabilities(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name.upper().removeprefix("CAP_") for name in names)


@check(
    "container.privileged",
    rows="CTR-13",
    title="No container is as good as root on the host",
    phases=DEFINED,
    severity=CRITICAL,
    why="Privileged, in the host's namespaces, or with the engine's socket, a container is no wall: who gets "
    "into it has the host, and all other containers.",
    remedy="Take it away and deploy; in a compose file remove privileged, pid, ipc, uts or network_mode: "
    "host, and the mount that is named.",
    source=f"{CIS} 5.5, 5.6, 5.10, 5.16, 5.17, 5.21 and 5.32",
    reads=("containers",),
)
def privileged(look: Look) -> Iterator[Evidence]:
    for container in look.some():
        found = list(_powers(container))
        yield from found
        if not found:
            yield note("has no such power", container.name)


def _powers(container: Container) -> Iterator[Evidence]:
    if container.privileged:
        yield bad("is privileged", container.name, "privileged")
    for kind, mode in sorted(container.namespaces.items()):
        if mode == "host":
            yield bad(f"is in the host's {kind} namespace", container.name, kind)
    if container.network_mode == "host":
        yield bad("is in the host's network", container.name, "network_mode")
    for mount in container.mounts:
        if mount.source.endswith(SOCKETS):
            yield bad(f"has the engine's socket {mount.source}", container.name, "volumes")
        elif _is_sensitive(mount):
            how = "may read" if mount.read_only else "may write"
            yield bad(f"{how} the host's {mount.source}", container.name, "volumes")


def _is_sensitive(mount: Mount) -> bool:
    if mount.kind != "bind":
        return False
    path = str(PurePosixPath(mount.source))
    return path in SENSITIVE or any(path.startswith(f"{folder}/") for folder in SENSITIVE_BELOW)


@check(
    "container.no_new_privileges",
    rows="CTR-14",
    title="No process in a container can gain rights",
    phases=DEFINED,
    severity=WARNING,
    why="A set-uid program in the image makes anybody in the container root; without the filter of system "
    "calls that root reaches more of the kernel.",
    remedy="Deploy: the roles set it. In a compose file: security_opt: [no-new-privileges:true], and nothing "
    "unconfined.",
    source=f"{CIS} 5.2, 5.22 and 5.26",
    reads=("containers",),
)
def no_new_privileges(look: Look) -> Iterator[Evidence]:
    for container in look.some():
        options = {option.replace("=", ":").lower() for option in container.security_options}
        loose = sorted(
            o for o in options if o.endswith(":unconfined") or o in ("label:disable", "label:disabled")
        )
        confined = bool(options & {"no-new-privileges", "no-new-privileges:true"})
        for option in loose:
            yield bad(f"runs with {option}", container.name, "security_opt")
        if not confined:
            yield bad("may gain privileges (no no-new-privileges)", container.name, "security_opt")
        if confined and not loose:
            yield note("no-new-privileges", container.name, "security_opt")


@check(
    "container.read_only",
    rows="CTR-15",
    title="No container can change its own image's files",
    phases=DEFINED,
    severity=WARNING,
    why="What is written beside a volume is lost at the next deploy, and an intruder can leave programs "
    "there.",
    remedy="Deploy: the roles set it. In a compose file: read_only: true and tmpfs: [/tmp]; for the "
    "official image of Postgres /run/postgresql too.",
    source=f"{CIS} 5.13; gunicorn's FAQ on its heartbeat file",
    reads=("containers",),
)
def read_only(look: Look) -> Iterator[Evidence]:
    for container in look.some():
        if not container.read_only:
            yield bad("may write to its root file system", container.name, "read_only")
        elif TEMPORARY not in container.tmpfs and container.mount_at(TEMPORARY) is None:
            yield warn("has nowhere to write a temporary file", container.name, "tmpfs")
        else:
            yield note("read-only", container.name, "read_only")


@check(
    "container.user",
    rows="CTR-16",
    title="The application does not run as root",
    phases=DEFINED,
    severity=WARNING,
    why="Root in a container is root on the host wherever one more wall falls, and owns every file that is "
    "mounted.",
    remedy='Set backend_user to a number other than 0 and deploy; in a compose file user: "10001:10001", '
    "or USER in the Dockerfile.",
    source=f"{CIS} 4.1",
    reads=("containers",),
)
def user(look: Look) -> Iterator[Evidence]:
    for container in look.some():
        if container.user and _is_root(container.user):
            yield bad(f"runs as {container.user}, which is root", container.name, "user")
        elif container.user:
            yield note(f"runs as {container.user}", container.name, "user")
        elif container.role == BACKEND and container.id is None:
            yield warn("names no user: its image decides, and says root unless told", container.name, "user")
        elif container.role == BACKEND:
            yield bad("runs as root", container.name, "user")
        elif container.role == POSTGRES:
            yield note("begins as root; its entrypoint becomes postgres", container.name, "user")


def _is_root(user: str | None) -> bool:
    return (user or "").partition(":")[0] in ("", "0", "root")
