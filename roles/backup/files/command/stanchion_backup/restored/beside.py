# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A backend beside the copy: the stack's own software is asked whether it can work with what was restored."""

from __future__ import annotations

import http.client
import re
import time
from typing import Any

from stanchion_backup.errors import BackupError
from stanchion_backup.host import docker
from stanchion_backup.settings import Settings

# A backend that needs longer than this from its start to its first answer is not one that works.
WITHIN = 60.0
# What docker itself, and the loader before it, would take for its own. By whole names: an application has
# some that begin like them, and secrets among those.
_OF_DOCKER = re.compile(
    r"PATH|HOME|LD_(PRELOAD|LIBRARY_PATH|AUDIT|BIND_NOW|DEBUG)"
    r"|DOCKER_(HOST|CONTEXT|CONFIG|API_VERSION|CERT_PATH|TLS|TLS_VERIFY|DEFAULT_PLATFORM|CUSTOM_HEADERS)"
    r"|GO(DEBUG|GC|MAXPROCS|MEMLIMIT|TRACEBACK)"
)
_MODES = {"memory": "Memory", "memory-swap": "MemorySwap", "pids-limit": "PidsLimit"}


def running(settings: Settings) -> dict[str, Any] | None:
    """Return a replica of the stack that runs on this host, as the engine describes it; None without one."""
    listed = docker.docker(
        *("container", "ls", "--format", "{{.Names}}", "--filter", "status=running"),
        *(
            "--filter",
            f"label=io.stanchion.stack={settings.stack}",
            "--filter",
            "label=io.stanchion.role=backend",
        ),
    ).split()
    replicas = sorted(name for name in listed if re.fullmatch(r".+-backend-[1-9][0-9]*", name))
    return docker.inspect("container", replicas[0]) if replicas else None


def start(settings: Settings, like: dict[str, Any], name: str, network: str, purpose: str) -> None:
    """Start a container like a running backend, on one network and published nowhere."""
    config, host = like["Config"], like["HostConfig"]
    every = dict(each.split("=", 1) for each in config["Env"] or [])
    open_ = {name: value for name, value in every.items() if _OF_DOCKER.fullmatch(name)}
    # Values of the others may be secret: docker takes them from its own environment, not from its arguments.
    environment = {name: value for name, value in every.items() if name not in open_}
    entrypoint = config["Entrypoint"] or []
    docker.docker(
        *("run", "--detach", "--name", name, "--hostname", "drill", *docker.labels(settings, purpose)),
        *("--network", network, "--no-healthcheck", "--restart", "no", "--user", config["User"]),
        *("--log-driver", "json-file", "--log-opt", "max-size=10m", "--log-opt", "max-file=2"),
        *(f"--env={name}={value}" for name, value in open_.items()),
        *(f"--env={name}" for name in environment),
        *docker.LOW_SHARE,
        *(f"--{option}={host[key]}" for option, key in _MODES.items() if host.get(key)),
        *([f"--cpus={host['NanoCpus'] / 1e9:g}"] if host.get("NanoCpus") else []),
        *(["--read-only"] if host.get("ReadonlyRootfs") else []),
        *(["--init"] if host.get("Init") else []),
        *(f"--cap-drop={each}" for each in host.get("CapDrop") or []),
        *(f"--security-opt={each}" for each in host.get("SecurityOpt") or []),
        *(f"--tmpfs={path}:{options}" for path, options in (host.get("Tmpfs") or {}).items()),
        *(f"--volume={_bind(each)}" for each in host.get("Binds") or []),
        *(f"--mount={_mount(each)}" for each in host.get("Mounts") or []),
        *([f"--entrypoint={entrypoint[0]}"] if entrypoint else []),
        *(like["Image"], *entrypoint[1:], *(config["Cmd"] or [])),
        environment=environment,
    )


def _mount(mount: dict[str, Any]) -> str:
    """Return a mount for --mount. Always read-only: a drill must not write to what the live backends have."""
    if mount["Type"] == "tmpfs":
        return f"type=tmpfs,target={mount['Target']}"
    return f"type={mount['Type']},source={mount['Source']},target={mount['Target']},readonly"


def _bind(bind: str) -> str:
    source, target = bind.split(":")[:2]
    return f"{source}:{target}:ro"


def answer(settings: Settings, like: dict[str, Any], name: str) -> int:
    """Ask for the read path until the answer is 200; return its bytes. BackupError where it never is."""
    deadline = time.monotonic() + WITHIN
    port = _port(like)
    while True:
        state = docker.inspect("container", name) or {}
        if not state.get("State", {}).get("Running"):
            raise BackupError(f"the backend beside the copy ended: {_last_line(name)}")
        addresses = [each["IPAddress"] for each in state["NetworkSettings"]["Networks"].values()]
        try:
            status, size = _get(addresses[0], port, settings.read_path)
            if status == http.client.OK:
                return size
            said = f"{status} to GET {settings.read_path}"
            if status < http.client.INTERNAL_SERVER_ERROR:
                break
        except (OSError, http.client.HTTPException) as error:
            said = f"nothing ({error})"
        if time.monotonic() >= deadline:
            break
        time.sleep(0.1)
    raise BackupError(f"the backend beside the copy answered {said}: {_last_line(name)}")


def _get(address: str, port: int, path: str) -> tuple[int, int]:
    connection = http.client.HTTPConnection(address, port, timeout=10)
    try:
        connection.request("GET", path)
        answered = connection.getresponse()
        return answered.status, len(answered.read())
    finally:
        connection.close()


def _port(like: dict[str, Any]) -> int:
    """Return the port that the live one publishes, else the one that its image names."""
    ports = [*(like["HostConfig"].get("PortBindings") or {}), *(like["Config"].get("ExposedPorts") or {})]
    if not ports:
        raise BackupError(f"{like['Name'].lstrip('/')} has no port that could be asked")
    return int(ports[0].partition("/")[0])


def _last_line(name: str) -> str:
    lines = docker.run(["docker", "logs", "--tail", "20", name]).text.splitlines()
    last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
    # An address with a password in it, where the backend takes it from its environment.
    return re.sub(r"(://[^:/@\s]+:)[^@\s]+@", r"\1***@", last.strip())
