"""Writes the compose file that equals what the roles deploy on one host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from stanchion.contract.memory import MB

# What the volume of the data is called in the file; the others keep their names, without the stack's.
_DATA = "pgdata"

_HEADER = """\
# The stack {stack} as Stanchion's roles deploy it, for whoever runs it by `docker compose`.
# Written by `python runner.py compose render`: change the inventory and write it again.
#
# It runs on what a deploy has made on the host: the images, the folders that are mounted (configuration and
# secrets), the volume with its cluster and the application's role in it. It runs no migration.
#
{images}# To hand over from the roles to compose: `python runner.py destroy` takes their containers and
# networks away, and leaves data, secrets and images. Then `docker compose up --wait`. Before the next deploy:
# `docker compose down`.
# After a restore the data is in another volume: `python runner.py status` names it, POSTGRES_VOLUME sets it.
"""
_HOW_TO_FIND = """\
# The images' tags are hashes of their contents, and known on the host only. While the roles' containers run:
{lines}#
"""
_FIND = "#   export {variable}=$(docker inspect --format '{{{{.Config.Image}}}}' {container})\n"
_DEMANDED = "${{{variable}:?the top of this file says how to find it}}"
_IN_ADDRESS = ":${DATABASE_PASSWORD:?the password of the application's role, percent-encoded}@"


def render(composed: Mapping[str, Any]) -> str:
    """Return the text of the compose file.

    Args:
        composed: what playbooks/compose.yml hands over of a host.
    """
    stack: Mapping[str, Any] = composed["stack"]
    parts = {part: composed[part] for part in ("postgres", "backend") if composed[part]}
    services = {
        _short(name, stack["name"], "-"): _service(name, definition, part, composed)
        for part, containers in parts.items()
        for name, definition in containers.items()
    }
    used = {name for service in services.values() for name in service["networks"]}
    document = {
        "name": stack["name"],
        "services": services,
        "networks": {name: found for name, found in _networks(stack).items() if name in used},
    }
    volumes = _volumes(parts, composed)
    if volumes:
        document["volumes"] = volumes
    text = yaml.dump(document, Dumper=Dumper, sort_keys=False, width=110, allow_unicode=True)
    return f"{_header(composed, parts)}\n{text}"


def _volumes(parts: Mapping[str, Mapping[str, Any]], composed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the volumes that are mounted, by their names in the file: a deploy has made them."""
    found = {}
    for containers in parts.values():
        for mount in (m for each in containers.values() for m in each.get("mounts") or []):
            if mount["type"] == "volume":
                name = _volume(mount, composed)
                source = f"${{POSTGRES_VOLUME:-{mount['source']}}}" if name == _DATA else mount["source"]
                found[name] = {"name": source, "external": True}
    return found


def _volume(mount: Mapping[str, Any], composed: Mapping[str, Any]) -> str:
    """Return what the volume of a mount is called in the file."""
    source: str = mount["source"]
    return _DATA if source == composed["volume"] else _short(source, composed["stack"]["name"], "-")


class Dumper(yaml.SafeDumper):
    """Writes short lists as people do: test: [CMD, healthcheck]."""

    def represent_sequence(
        self, tag: str, sequence: Any, flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        """Return the node of a list, on one line where nothing in it has parts."""
        flat = not any(isinstance(item, dict | list) for item in sequence)
        return super().represent_sequence(tag, sequence, flow_style=flat)


def _header(composed: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]]) -> str:
    lines = "".join(
        _FIND.format(variable=f"{part.upper()}_IMAGE", container=next(iter(containers)))
        for part, containers in parts.items()
        if not composed[f"{part}_image"]
    )
    images = _HOW_TO_FIND.format(lines=lines) if lines else ""
    return _HEADER.format(stack=composed["stack"]["name"], images=images)


def _short(name: str, stack: str, separator: str) -> str:
    return name.removeprefix(f"{stack}{separator}")


def _networks(stack: Mapping[str, Any]) -> dict[str, Any]:
    return {
        _short(stack[f"{kind}_network"], stack["name"], "_"): {
            "name": stack[f"{kind}_network"],
            "driver": "bridge",
            "internal": kind == "app",
            "ipam": {"config": [{"subnet": stack[f"{kind}_subnet"]}]},
        }
        for kind in ("app", "edge", "backup")
        if stack.get(f"{kind}_subnet")
    }


def _service(
    name: str, definition: Mapping[str, Any], part: str, composed: Mapping[str, Any]
) -> dict[str, Any]:
    stack = composed["stack"]["name"]
    image = composed[f"{part}_image"] or _DEMANDED.format(variable=f"{part.upper()}_IMAGE")
    found = {
        "image": image,
        # An image that was built on the host is nowhere else.
        "pull_policy": None if composed[f"{part}_image"] else "never",
        "container_name": name,
        **_escaped(_held(definition)),
        "depends_on": _order(part, composed),
        "networks": _joined(definition, stack),
        "volumes": [_mount(mount, composed) for mount in definition.get("mounts") or []],
    }
    environment = found["environment"]
    variable = composed["password_variable"] if part == "backend" else ""
    if variable in environment:
        environment[variable] = environment[variable].replace("@", _IN_ADDRESS, 1)
    return {key: value for key, value in found.items() if value not in (None, [], {}, False)}


def _held(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return what both sides call alike, or nearly."""
    logging = {"driver": definition["log_driver"], "options": definition["log_options"]}
    health = definition["healthcheck"]
    return {
        "hostname": definition.get("hostname"),
        "command": definition.get("command"),
        "user": definition["user"],
        "init": definition["init"],
        "environment": dict(definition["env"]),
        "healthcheck": dict(health) if health.get("test") else None,
        "restart": definition["restart_policy"],
        "stop_signal": definition["stop_signal"],
        "stop_grace_period": f"{definition['stop_timeout']}s",
        "mem_limit": definition["memory"],
        "memswap_limit": definition["memory_swap"],
        "shm_size": _size(definition.get("shm_size")),
        "cpus": definition["cpus"],
        "pids_limit": definition["pids_limit"],
        "read_only": definition["read_only"],
        "tmpfs": list(definition["tmpfs"]),
        "cap_drop": list(definition["cap_drop"]),
        "security_opt": list(definition["security_opts"]),
        "logging": logging,
        "ports": list(definition.get("published_ports") or []),
    }


def _size(value: int | None) -> str | None:
    return None if value is None else f"{value // MB}m" if value % MB == 0 else f"{value}b"


def _order(part: str, composed: Mapping[str, Any]) -> dict[str, Any]:
    if part != "backend":
        return {}
    stack = composed["stack"]["name"]
    return {_short(name, stack, "-"): {"condition": "service_healthy"} for name in composed["postgres"]}


def _joined(definition: Mapping[str, Any], stack: str) -> dict[str, Any]:
    """Return the networks; the first is the container's way out, and compose needs to be told which."""
    networks = definition["networks"]
    found: dict[str, Any] = {}
    for number, network in enumerate(networks):
        aliases = {"aliases": list(network["aliases"])} if network.get("aliases") else {}
        first = {"priority": 1000} if number == 0 and len(networks) > 1 else {}
        found[_short(network["name"], stack, "_")] = {**first, **aliases}
    return found


def _mount(mount: Mapping[str, Any], composed: Mapping[str, Any]) -> dict[str, Any]:
    if mount["type"] == "volume":
        return {"type": "volume", "source": _volume(mount, composed), "target": mount["target"]}
    read_only = {"read_only": True} if mount.get("read_only") else {}
    # A folder that is not there means that there was no deploy: it is not to be made up.
    return {
        "type": "bind",
        "source": _escaped(mount["source"]),
        "target": mount["target"],
        **read_only,
        "bind": {"create_host_path": False},
    }


def _escaped(value: Any) -> Any:
    """Return a value in which compose sees no variable."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: _escaped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_escaped(each) for each in value]
    return value
