"""One container as checks see it: from what the engine says, what a role declares, or a compose file."""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stanchion.contract import memory
from stanchion.moments import moment
from stanchion.secret_names import HIDDEN, holds_secret

POSTGRES = "postgres"
BACKEND = "backend"
MONITORING = "monitoring"
# What Docker does where nothing is said.
DEFAULT_STOP_SECONDS = 10
DEFAULT_SHM = 64 * memory.MB

# Where a port is published when no address is said.
ANYWHERE = str(ipaddress.IPv4Address(0))

_DURATION = re.compile(
    r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?(?:(\d+)us)?"
)


@dataclass(frozen=True)
class Port:
    """A published port; `address` is the host's, `port` None where the engine chooses."""

    container_port: int
    address: str
    port: int | None
    protocol: str = "tcp"


@dataclass(frozen=True)
class Mount:
    """Something mounted: a volume by name, or a path of the host."""

    kind: str
    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class Probe:
    """A health check, in seconds.

    `test` is as Docker has it: CMD and words, CMD-SHELL and one line, NONE, or empty for the image's own.
    """

    test: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0

    @property
    def words(self) -> tuple[str, ...]:
        """The command's words, those of a shell line too."""
        if self.test[:1] == ("CMD-SHELL",):
            try:
                return tuple(shlex.split(" ".join(self.test[1:]), comments=True))
            except ValueError:
                return tuple(" ".join(self.test[1:]).split())
        return self.test[1:] if self.test[:1] == ("CMD",) else self.test


@dataclass(frozen=True)
class Container:
    """What a container is made of, and how it is where it exists. Sizes are bytes, times are seconds.

    `values` are the values of those environment variables that are no secrets; `names` are those of all.
    `secrets_in_environment` are the names of those whose value is one. `command` is known of a declared one
    or of a file; of a real one it is not told. `replicas` are several of a file's service.
    """

    name: str
    role: str | None = None
    image: str = ""
    command: tuple[str, ...] = ()
    replicas: int = 1
    user: str | None = None
    init: bool = False
    privileged: bool = False
    read_only: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_options: tuple[str, ...] = ()
    namespaces: Mapping[str, str] = field(default_factory=dict)
    memory: int | None = None
    memory_swap: int | None = None
    cpus: float | None = None
    pids: int | None = None
    shm_size: int | None = None
    restart_policy: str = "no"
    stop_signal: str | None = None
    stop_timeout: int | None = None
    log_driver: str | None = None
    log_options: Mapping[str, str] = field(default_factory=dict)
    probe: Probe | None = None
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    network_mode: str | None = None
    ports: tuple[Port, ...] = ()
    mounts: tuple[Mount, ...] = ()
    tmpfs: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    values: Mapping[str, str] = field(default_factory=dict)
    secrets_in_environment: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    # How it is; None and the like for one that is only declared.
    id: str | None = None
    image_id: str | None = None
    state: str | None = None
    health: str | None = None
    health_output: str | None = None
    oom_killed: bool = False
    exit_code: int | None = None
    restart_count: int = 0
    pid: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def running(self) -> bool:
        """It runs and is not paused."""
        return self.state == "running"

    def mount_at(self, target: str) -> Mount | None:
        """Return what is mounted at exactly this path."""
        return next((mount for mount in self.mounts if mount.target.rstrip("/") == target.rstrip("/")), None)


def inspected(entry: Mapping[str, Any]) -> Container:
    """Return the view of an entry of stack_facts' source `containers`."""
    limits, security = entry["limits"], entry["security"]
    probe = entry["probe"]
    environment = entry["environment"]
    return Container(
        name=entry["name"],
        role=entry["role"],
        image=entry["image"] or "",
        user=security["user"],
        init=entry["init"],
        privileged=security["privileged"],
        read_only=security["read_only"],
        cap_add=tuple(security["cap_add"]),
        cap_drop=tuple(security["cap_drop"]),
        security_options=tuple(security["options"]),
        namespaces=security["namespaces"],
        memory=limits["memory"],
        memory_swap=limits["memory_swap"],
        cpus=limits["cpus"],
        pids=limits["pids"],
        shm_size=limits["shm_size"],
        restart_policy=entry["restart_policy"],
        stop_signal=entry["stop_signal"],
        stop_timeout=entry["stop_timeout"],
        log_driver=entry["log_driver"],
        log_options=entry["logging"],
        probe=None if probe is None else Probe(**{**probe, "test": tuple(probe["test"])}),
        networks=entry["networks"],
        network_mode=entry["network_mode"],
        ports=tuple(
            Port(p["container_port"], p["address"], p["port"], p["protocol"]) for p in entry["ports"]
        ),
        mounts=tuple(
            Mount(m["type"] or "", m["name"] or m["source"] or "", m["destination"], m["read_only"])
            for m in entry["mounts"]
        ),
        tmpfs=tuple(entry["tmpfs"]),
        names=frozenset(entry["environment_names"]),
        values=environment["values"],
        secrets_in_environment=tuple(environment["secrets"]),
        labels=entry["labels"],
        id=entry["id"],
        image_id=entry["image_id"],
        state=entry["state"],
        health=entry["health"],
        health_output=entry["health_output"],
        oom_killed=entry["oom_killed"],
        exit_code=entry["exit_code"],
        restart_count=entry["restart_count"],
        pid=entry["pid"],
        started_at=moment(entry["started_at"]),
        finished_at=moment(entry["finished_at"]),
    )


def declared(name: str, role: str, definition: Mapping[str, Any]) -> Container:
    """Return the view of what a role hands to community.docker.docker_container."""
    env = {key: str(value) for key, value in (definition.get("env") or {}).items()}
    return Container(
        name=name,
        role=role,
        image=str(definition.get("image") or ""),
        command=_words(definition.get("command")),
        user=definition.get("user"),
        init=bool(definition.get("init")),
        privileged=bool(definition.get("privileged")),
        read_only=bool(definition.get("read_only")),
        cap_add=tuple(definition.get("capabilities") or ()),
        cap_drop=tuple(definition.get("cap_drop") or ()),
        security_options=tuple(definition.get("security_opts") or ()),
        namespaces={
            kind: definition[f"{kind}_mode"] for kind in ("pid", "ipc", "uts") if f"{kind}_mode" in definition
        },
        memory=size(definition.get("memory")),
        memory_swap=size(definition.get("memory_swap")),
        cpus=float(definition["cpus"]) if definition.get("cpus") else None,
        pids=int(definition["pids_limit"]) if definition.get("pids_limit") else None,
        shm_size=size(definition.get("shm_size")),
        restart_policy=str(definition.get("restart_policy") or "no"),
        stop_signal=definition.get("stop_signal"),
        stop_timeout=int(definition["stop_timeout"]) if definition.get("stop_timeout") else None,
        log_driver=definition.get("log_driver"),
        log_options=definition.get("log_options") or {},
        probe=_declared_probe(definition.get("healthcheck")),
        networks={
            net["name"]: {"aliases": list(net.get("aliases") or [])}
            for net in definition.get("networks") or []
        },
        network_mode=definition.get("network_mode"),
        ports=tuple(_declared_port(text) for text in definition.get("published_ports") or []),
        mounts=tuple(
            Mount(m["type"], m["source"], m["target"], bool(m.get("read_only")))
            for m in definition.get("mounts") or []
        ),
        tmpfs=tuple(str(line).partition(":")[0] for line in definition.get("tmpfs") or []),
        names=frozenset(env),
        values=env,
        secrets_in_environment=tuple(sorted(name for name, value in env.items() if _secret(name, value))),
        labels=definition.get("labels") or {},
    )


def _secret(name: str, value: str) -> bool:
    return value == HIDDEN or holds_secret(name, value)


def _words(command: Sequence[str] | str | None) -> tuple[str, ...]:
    return tuple(shlex.split(command)) if isinstance(command, str) else tuple(map(str, command or ()))


def _declared_probe(healthcheck: Mapping[str, Any] | None) -> Probe | None:
    if not healthcheck:
        return None
    return Probe(
        test=tuple(str(word) for word in healthcheck.get("test") or ()),
        interval=seconds(healthcheck.get("interval", "30s")),
        timeout=seconds(healthcheck.get("timeout", "30s")),
        retries=int(healthcheck.get("retries") or 3),
        start_period=seconds(healthcheck.get("start_period", "0s")),
    )


def _declared_port(text: str) -> Port:
    head, _, inside = text.rpartition(":")
    address, _, port = head.rpartition(":")
    number, _, protocol = inside.partition("/")
    return Port(int(number), address or ANYWHERE, int(port) if port else None, protocol or "tcp")


def size(value: object) -> int | None:
    """Return bytes of a size as Docker writes it, None of nothing and of no limit."""
    if value in (None, "", 0, "0", -1, "-1"):
        return None
    return memory.docker_size(value)


def seconds(text: object) -> float:
    """Return the seconds of a duration as Docker writes it: `1m30s`, `500ms`, or a bare number of seconds.

    Raises:
        ValueError: it is no duration.
    """
    value = str(text).strip()
    match = _DURATION.fullmatch(value)
    if value and match and any(match.groups()):
        hours, minutes, whole, milli, micro = (float(part or 0) for part in match.groups())
        return hours * 3600 + minutes * 60 + whole + milli / 1e3 + micro / 1e6
    return float(value)
