"""What holds a container now, against what is declared for it: a change by hand shows here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stanchion.checks.container import DEFAULT_SHM, POSTGRES, Container, Mount, Port
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, UnreadableError, bad, note
from stanchion.checks.registry import DEPLOY, RUNTIME, WARNING, check
from stanchion.contract.memory import show
from stanchion.secret_names import PASSWORD_IN_ADDRESS

NOTHING = "nothing"


@check(
    "container.effective_limits",
    rows="CTR-17",
    title="What holds every container is what is declared",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="A limit, mount or network that somebody changed by hand is gone after the next deploy, or the "
    "declaration is not what everybody believes to be in force.",
    remedy="Deploy, which brings back what is declared; or declare what is in force.",
    source="ours: the kernel's figures (cgroup) and the engine's, compared with the roles' definitions",
    reads=("containers", "cgroups", "engine", "volume_record"),
)
def effective_limits(look: Look) -> Iterator[Evidence]:
    containers = look.real_containers()
    if not containers:
        raise UnreadableError("no declared container is there")
    for container in containers:
        differences = list(_differences(look, container))
        for what, wanted, found in differences:
            yield bad(f"{what}: declared {wanted}, in force {found}", container.name)
        if not differences:
            yield note("all as declared", container.name)


Difference = tuple[str, str, str]


def _differences(look: Look, container: Container) -> Iterator[Difference]:
    wanted = look.declared_like(container)
    yield from _limits(look, wanted, container)
    yield from _environment(wanted, container)
    yield from _mounts(look, wanted, container)
    yield from _networks(wanted, container)
    yield from _ports(wanted, container)
    yield from _probe(wanted, container)
    if wanted.restart_policy != container.restart_policy:
        yield "restart policy", wanted.restart_policy, container.restart_policy


def _limits(look: Look, wanted: Container, container: Container) -> Iterator[Difference]:
    """Compare with the engine's figures, and of a running container with the kernel's."""
    yield from _figures(look, wanted, _by_engine(container))
    kernel = look.source("cgroups")["entries"].get(container.name)
    if kernel is not None:
        yield from _figures(look, wanted, _by_kernel(kernel, container))


def _figures(look: Look, wanted: Container, found: Mapping[str, Any]) -> Iterator[Difference]:
    cpus = wanted.cpus and min(wanted.cpus, float(look.source("engine")["cpus"]))
    for name, declared, real, unit in (
        ("memory", wanted.memory, found["memory"], _size),
        ("memory and swap", wanted.memory_swap, found["memory_swap"], _size),
        ("processors", cpus, found["cpus"], _number),
        ("processes", wanted.pids, found["pids"], _number),
        ("shared memory", wanted.shm_size or DEFAULT_SHM, found["shm_size"], _size),
    ):
        if declared != real and (declared or real):
            yield f"{name} ({found['by']})", unit(declared), unit(real)


def _by_engine(container: Container) -> dict[str, Any]:
    return {
        "by": "engine",
        "memory": container.memory,
        "memory_swap": container.memory_swap,
        "cpus": container.cpus,
        "pids": container.pids,
        "shm_size": container.shm_size,
    }


def _by_kernel(entry: Mapping[str, Any], container: Container) -> dict[str, Any]:
    """Return the kernel's figures; what it does not tell is taken from the engine."""
    # cgroup v2 counts swap apart, and some kernels do not count it at all.
    both = container.memory_swap if entry["memory_swap_limit"] is None else entry["memory_swap_limit"]
    return {
        "by": "kernel",
        "memory": entry["memory_limit"],
        "memory_swap": both,
        "cpus": entry["cpus"],
        "pids": entry["pids_limit"],
        "shm_size": container.shm_size,
    }


def _environment(wanted: Container, container: Container) -> Iterator[Difference]:
    """Compare what is declared; the image brings variables of its own."""
    for name, value in sorted(wanted.values.items()):
        if name not in container.names:
            yield f"variable {name}", "a value", NOTHING
        # Of one that holds a secret the host does not tell the value.
        elif name in container.values and container.values[name] != value:
            yield f"variable {name}", _shown(value), _shown(container.values[name])


def _shown(value: str) -> str:
    return "an address with a password" if PASSWORD_IN_ADDRESS.search(value) else repr(value)


def _mounts(look: Look, wanted: Container, container: Container) -> Iterator[Difference]:
    record = look.source("volume_record")["record"] or {}
    data = look.postgres["volume"] if look.has(POSTGRES) else None
    declared = {
        mount.target: _mount(mount, record.get("volume") if mount.source == data else None)
        for mount in wanted.mounts
    }
    real = {mount.target: _mount(mount) for mount in container.mounts}
    for target in sorted({*declared, *real}):
        if declared.get(target) != real.get(target):
            yield f"mount at {target}", declared.get(target, NOTHING), real.get(target, NOTHING)


def _mount(mount: Mount, recorded: str | None = None) -> str:
    """Return the mount in words; the active volume is the recorded one, which a restore may have replaced."""
    source = recorded if recorded and mount.kind == "volume" else mount.source
    return f"{mount.kind} {source}{' (read-only)' if mount.read_only else ''}"


def _networks(wanted: Container, container: Container) -> Iterator[Difference]:
    for name in sorted({*wanted.networks, *container.networks}):
        if name not in container.networks:
            yield f"network {name}", "attached", "not attached"
        elif name not in wanted.networks:
            yield f"network {name}", "not attached", "attached"
        else:
            for alias in wanted.networks[name].get("aliases", []):
                if alias not in container.networks[name].get("aliases", []):
                    yield f"network {name}", f"the name {alias}", "not that name"


def _ports(wanted: Container, container: Container) -> Iterator[Difference]:
    declared, real = _published(wanted.ports), _published(container.ports)
    if container.running and declared != real:
        yield "published ports", declared, real


def _published(ports: tuple[Port, ...]) -> str:
    texts = {f"{port.address}:{port.port}->{port.container_port}/{port.protocol}" for port in ports}
    return ", ".join(sorted(texts)) or NOTHING


def _probe(wanted: Container, container: Container) -> Iterator[Difference]:
    if wanted.probe is None:
        return
    declared = wanted.probe
    if container.probe is None:
        yield "health check", " ".join(declared.words), NOTHING
        return
    # Without a command it is the image's, at these intervals.
    for name in (*(["test"] if declared.test else []), "interval", "timeout", "retries", "start_period"):
        expected, found = getattr(declared, name), getattr(container.probe, name)
        if expected != found:
            yield f"health check, {name.replace('_', ' ')}", _text(expected), _text(found)


def _text(value: object) -> str:
    return " ".join(str(word) for word in value) if isinstance(value, tuple) else f"{value:g}"


def _size(value: float | None) -> str:
    return NOTHING if value is None else show(int(value)) if value > 0 else "no limit"


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:g}"
