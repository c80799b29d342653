# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the Docker engine knows of a stack. Of variables, only values that are asked for leave the host."""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import Collection
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path

from ansible_collections.stanchion.stack.plugins.module_utils import _facts_files, _secret_text
from ansible_collections.stanchion.stack.plugins.module_utils._docker_api import (
    DEFAULT_HOST,
    Engine,
    EngineError,
)
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError

STACK_LABEL = "io.stanchion.stack"
ROLE_LABEL = "io.stanchion.role"
IMAGE_LABEL = "io.stanchion.image"

ANYWHERE = str(ipaddress.IPv4Address(0))

# The last words of a failed probe; enough to see why, short enough for a report.
_HEALTH_OUTPUT = 500
_PID_FILES = ("/run/docker.pid", "/var/run/docker.pid")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NEVER = "0001-01-01T00:00:00Z"


def engine_facts(engine: Engine) -> dict:
    """Tell a running engine from one that is absent, stopped, or there and silent."""
    try:
        info = engine.get("/info")
        version = engine.get("/version")
    except EngineError as error:
        return _silent_engine(engine.host, error)
    options = [option.removeprefix("name=").split(",")[0] for option in info.get("SecurityOptions") or []]
    return {
        "state": "running",
        "host": engine.host,
        "version": version.get("Version"),
        "api_version": version.get("ApiVersion"),
        "min_api_version": version.get("MinAPIVersion"),
        "root_dir": info.get("DockerRootDir"),
        "storage_driver": info.get("Driver"),
        "logging_driver": info.get("LoggingDriver"),
        "cgroup_version": info.get("CgroupVersion"),
        "security_options": options,
        "rootless": "rootless" in options,
        "userns_remap": "userns" in options,
        "live_restore": bool(info.get("LiveRestoreEnabled")),
        "swarm": (info.get("Swarm") or {}).get("LocalNodeState"),
        "cpus": info.get("NCPU"),
        "memory": info.get("MemTotal"),
    }


def root_dir(engine: Engine) -> str | None:
    """Return where the engine keeps its data, or None when it does not tell."""
    try:
        return engine.get("/info").get("DockerRootDir")
    except EngineError:
        return None


def _silent_engine(host: str, error: EngineError) -> dict:
    pid = _engine_pid()
    nobody_listens = isinstance(error.__cause__, (ConnectionRefusedError, FileNotFoundError))
    if host == DEFAULT_HOST and pid is None and nobody_listens:
        if shutil.which("dockerd", path=_PATH):
            return {"state": "stopped", "host": host, "reason": str(error)}
        if isinstance(error.__cause__, FileNotFoundError):
            return {"state": "absent", "host": host, "reason": str(error)}
    running = f"; dockerd runs as process {pid}" if pid else ""
    raise UnreadableError(f"{error}{running}", state="unreachable", host=host)


def _engine_pid() -> int | None:
    """Return the process id of this host's own dockerd; its children's engines have other pid files."""
    for name in _PID_FILES:
        try:
            pid = int(Path(name).read_text())
            if Path(f"/proc/{pid}/comm").read_text().strip() == "dockerd":
                return pid
        except (OSError, ValueError):
            continue
    return None


def container_facts(engine: Engine, stack: str, told: Collection[str] = ()) -> dict:
    """Inspect every container of the stack, stopped ones too; the values of the variables `told` are told."""
    found = engine.get("/containers/json", all="1", filters={"label": [f"{STACK_LABEL}={stack}"]})
    items = []
    for summary in found:
        try:
            items.append(container(engine.get(f"/containers/{summary['Id']}/json"), told))
        except EngineError as error:
            if error.status != HTTPStatus.NOT_FOUND:  # removed between the list and the look
                raise
    return {"entries": sorted(items, key=lambda item: item["name"])}


def container(inspect: dict, told: Collection[str] = ()) -> dict:
    """Reduce `docker inspect` to what reports and checks read."""
    config, host, state = inspect["Config"], inspect["HostConfig"], inspect["State"]
    labels = config.get("Labels") or {}
    return {
        "name": inspect["Name"].lstrip("/"),
        "id": inspect["Id"],
        "role": labels.get(ROLE_LABEL),
        "labels": labels,
        "image": config.get("Image"),
        "image_id": inspect.get("Image"),
        "created": inspect.get("Created"),
        "state": state.get("Status"),
        "running": bool(state.get("Running")) and not state.get("Paused"),
        "pid": state.get("Pid") or None,
        "exit_code": state.get("ExitCode"),
        "oom_killed": bool(state.get("OOMKilled")),
        "error": state.get("Error") or None,
        "started_at": _moment(state.get("StartedAt")),
        "finished_at": _moment(state.get("FinishedAt")),
        "restart_count": inspect.get("RestartCount", 0),
        "restart_policy": (host.get("RestartPolicy") or {}).get("Name") or "no",
        **_health(state.get("Health")),
        "ports": _published((inspect.get("NetworkSettings") or {}).get("Ports") or host.get("PortBindings")),
        "network_mode": host.get("NetworkMode"),
        "networks": _attachments((inspect.get("NetworkSettings") or {}).get("Networks")),
        "mounts": [_mount(mount) for mount in inspect.get("Mounts") or []],
        "limits": {
            "memory": host.get("Memory") or None,
            "memory_swap": host.get("MemorySwap") or None,
            "cpus": (host.get("NanoCpus") or 0) / 1e9 or None,
            "pids": host.get("PidsLimit") or None,
            "shm_size": host.get("ShmSize") or None,
        },
        "security": {
            "user": config.get("User") or None,
            "privileged": bool(host.get("Privileged")),
            "read_only": bool(host.get("ReadonlyRootfs")),
            "cap_add": sorted(host.get("CapAdd") or []),
            "cap_drop": sorted(host.get("CapDrop") or []),
            "options": sorted(host.get("SecurityOpt") or []),
            "namespaces": {
                kind: host[key]
                for kind, key in (("pid", "PidMode"), ("ipc", "IpcMode"), ("uts", "UTSMode"))
                if host.get(key)
            },
        },
        "init": bool(host.get("Init")),
        "stop_signal": config.get("StopSignal"),
        "stop_timeout": config.get("StopTimeout"),
        "log_driver": (host.get("LogConfig") or {}).get("Type"),
        "logging": (host.get("LogConfig") or {}).get("Config") or {},
        "probe": _probe(config.get("Healthcheck")),
        "tmpfs": sorted(host.get("Tmpfs") or {}),
        "environment_names": sorted(entry.split("=", 1)[0] for entry in config.get("Env") or []),
        "environment": _environment(config.get("Env") or [], told),
    }


def _probe(healthcheck: dict | None) -> dict | None:
    """Return the health check; Docker counts in nanoseconds, and 0 stands for its own default."""
    test = (healthcheck or {}).get("Test") or []
    if not test or test == ["NONE"]:
        return None
    return {
        "test": test,
        "interval": (healthcheck.get("Interval") or 30e9) / 1e9,
        "timeout": (healthcheck.get("Timeout") or 30e9) / 1e9,
        "retries": healthcheck.get("Retries") or 3,
        "start_period": (healthcheck.get("StartPeriod") or 0) / 1e9,
    }


def _environment(entries: list[str], told: Collection[str]) -> dict:
    """Tell which variables hold a secret, and the values of those asked for that do not."""
    pairs = dict(entry.split("=", 1) for entry in entries if "=" in entry)
    secret = sorted(name for name, value in pairs.items() if _secret_text.in_environment(name, value))
    values = {name: pairs[name] for name in told if name in pairs and name not in secret}
    return {"values": values, "secrets": secret}


def _moment(text: str | None) -> str | None:
    return None if text in (None, "", _NEVER) else text


def _health(health: dict | None) -> dict:
    if not health:
        return {"health": None, "health_output": None, "health_failing_streak": 0}
    log = health.get("Log") or []
    output = _secret_text.hidden(log[-1].get("Output") or "").strip()[-_HEALTH_OUTPUT:] if log else ""
    return {
        "health": health.get("Status"),
        "health_output": output or None,
        "health_failing_streak": health.get("FailingStreak", 0),
    }


def _published(ports: dict | None) -> list[dict]:
    published = []
    for inside, bindings in sorted((ports or {}).items()):
        number, _, protocol = inside.partition("/")
        for binding in bindings or []:
            published.append(
                {
                    "container_port": int(number),
                    "protocol": protocol or "tcp",
                    "address": binding.get("HostIp") or ANYWHERE,
                    "port": int(binding["HostPort"]) if binding.get("HostPort") else None,
                }
            )
    return published


def _attachments(networks: dict | None) -> dict[str, dict]:
    return {
        name: {
            "id": attached.get("NetworkID") or None,
            "ip": attached.get("IPAddress") or None,
            "ipv6": attached.get("GlobalIPv6Address") or None,
            "aliases": sorted(set(attached.get("Aliases") or [])),
        }
        for name, attached in sorted((networks or {}).items())
    }


def _mount(mount: dict) -> dict:
    return {
        "type": mount.get("Type"),
        "name": mount.get("Name"),
        "source": mount.get("Source"),
        "destination": mount.get("Destination"),
        "read_only": not mount.get("RW", True),
    }


def network_facts(engine: Engine) -> dict:
    """Return every network of the engine, with the containers on it: a subnet may clash with anybody's."""
    attached: dict[str, list[dict]] = {}
    for summary in engine.get("/containers/json", all="1"):
        for name, found in ((summary.get("NetworkSettings") or {}).get("Networks") or {}).items():
            attached.setdefault(name, []).append(_attached(summary, found))
    items = [
        {**_network(each), "containers": attached.get(each["Name"], [])} for each in engine.get("/networks")
    ]
    return {"entries": sorted(items, key=lambda item: item["name"])}


def _attached(summary: dict, network: dict) -> dict:
    labels = summary.get("Labels") or {}
    return {
        "name": _name(summary),
        "stack": labels.get(STACK_LABEL),
        "state": summary.get("State"),
        "ip": network.get("IPAddress") or None,
    }


def _network(network: dict) -> dict:
    labels = network.get("Labels") or {}
    pools = (network.get("IPAM") or {}).get("Config") or []
    return {
        "name": network["Name"],
        "id": network["Id"],
        "driver": network.get("Driver"),
        "scope": network.get("Scope"),
        "internal": bool(network.get("Internal")),
        "ipv6": bool(network.get("EnableIPv6")),
        "stack": labels.get(STACK_LABEL),
        "role": labels.get(ROLE_LABEL),
        "labels": labels,
        "subnets": [pool["Subnet"] for pool in pools if pool.get("Subnet")],
        "gateways": [pool["Gateway"] for pool in pools if pool.get("Gateway")],
    }


def volume_facts(engine: Engine, stack: str, recorded: str | None) -> dict:
    """Return the stack's volumes, each with the containers (anybody's) that mount it.

    Those are the ones with its label, and the recorded one, which has none where an operator made it.
    """
    answer = engine.get("/volumes")
    mounts = [
        (_name(summary), mount)
        for summary in engine.get("/containers/json", all="1")
        for mount in summary.get("Mounts") or []
    ]
    items = [
        {
            "name": volume["Name"],
            "driver": volume.get("Driver"),
            "mountpoint": volume.get("Mountpoint"),
            "created": volume.get("CreatedAt"),
            "role": (volume.get("Labels") or {}).get(ROLE_LABEL),
            "labels": volume.get("Labels") or {},
            "used_by": sorted({name for name, mount in mounts if _mounts(mount, volume)}),
            "written_by": sorted(
                {name for name, mount in mounts if _mounts(mount, volume) and mount.get("RW", True)}
            ),
            "content": _facts_files.data_folder(volume.get("Mountpoint")),
        }
        for volume in answer.get("Volumes") or []
        if volume["Name"] == recorded or (volume.get("Labels") or {}).get(STACK_LABEL) == stack
    ]
    return {"entries": sorted(items, key=lambda item: item["name"])}


def _mounts(mount: dict, volume: dict) -> bool:
    """Say whether it is a mount of the volume: by its name, or by its folder on the host."""
    if mount.get("Name"):
        return mount["Name"] == volume["Name"]
    folder = volume.get("Mountpoint")
    return bool(folder) and f"{mount.get('Source')}/".startswith(f"{folder}/")


def _name(summary: dict) -> str:
    """Return a container's own name: links add others, which hold a second slash."""
    names = [name.lstrip("/") for name in summary.get("Names") or []]
    return next((name for name in names if "/" not in name), summary["Id"][:12])


def image_facts(engine: Engine, stack: str) -> dict:
    """Return the images that our roles made, and any other that the stack's containers use."""
    summaries = engine.get("/containers/json", all="1", filters={"label": [f"{STACK_LABEL}={stack}"]})
    used = {summary.get("ImageID") for summary in summaries}
    items = [
        {
            "id": image["Id"],
            "name": (image.get("Labels") or {}).get(IMAGE_LABEL),
            "refs": sorted(ref for ref in image.get("RepoTags") or [] if ref != "<none>:<none>"),
            "digests": sorted(ref for ref in image.get("RepoDigests") or [] if ref != "<none>@<none>"),
            "labels": image.get("Labels") or {},
            "created": datetime.fromtimestamp(image["Created"], timezone.utc).isoformat(),
            "size": image.get("Size"),
            "in_use": image["Id"] in used,
        }
        for image in engine.get("/images/json")
        if IMAGE_LABEL in (image.get("Labels") or {}) or image["Id"] in used
    ]
    items.sort(key=lambda item: item["created"], reverse=True)
    return {"entries": sorted(items, key=lambda item: item["name"] or "")}


def publishers(engine: Engine) -> dict[int, list[dict]]:
    """Return, by port of the host, the running containers that publish it."""
    found: dict[int, list[dict]] = {}
    for summary in engine.get("/containers/json"):
        for port in summary.get("Ports") or []:
            if port.get("PublicPort") and port.get("Type") == "tcp":
                found.setdefault(port["PublicPort"], []).append(
                    {
                        "address": port.get("IP") or ANYWHERE,
                        "container": _name(summary),
                        "stack": (summary.get("Labels") or {}).get(STACK_LABEL),
                        "role": (summary.get("Labels") or {}).get(ROLE_LABEL),
                    }
                )
    return found
