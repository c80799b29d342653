"""The short forms of a compose file written out, so that files merge and readers know one form only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from stanchion.compose.tree import Node, node
from stanchion.compose.trouble import FileError

_SERVICE_KEYS = """
annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs
container_name cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares
cpus cpuset credential_spec depends_on deploy develop device_cgroup_rules devices dns dns_opt
dns_search domainname entrypoint env_file environment expose extends external_links extra_hosts gpus
group_add healthcheck hostname image init ipc isolation label_file labels links logging mac_address
mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable
oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles provider
pull_policy pull_refresh_after read_only restart runtime scale secrets security_opt shm_size
stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user
userns_mode uts volumes volumes_from working_dir
"""
SERVICE_KEYS = frozenset(_SERVICE_KEYS.split())
TOP_KEYS = frozenset(
    ("configs", "include", "models", "name", "networks", "secrets", "services", "version", "volumes")
)


def service(source: Node) -> Node:
    """Return a service in its long form."""
    written: dict[str, Callable[[Node], Node]] = {
        "build": _build,
        "depends_on": lambda found: _names(found, {"condition": "service_started"}),
        "networks": lambda found: _names(found, {}),
        "environment": _pairs,
        "labels": _pairs,
        "annotations": _pairs,
        "sysctls": _pairs,
        "env_file": _listed,
        "tmpfs": _listed,
        "dns": _listed,
        "extends": lambda found: _named(found, "service"),
    }
    return _with(source, written)


def _with(source: Node, written: dict[str, Callable[[Node], Node]]) -> Node:
    return replace(
        source,
        value={
            key: written[key](found) if key in written and found.value is not None else found
            for key, found in source.mapping.items()
        },
    )


def _build(source: Node) -> Node:
    return _with(_named(source, "context"), {"args": _pairs, "labels": _pairs})


def _named(source: Node, key: str) -> Node:
    return replace(source, value={key: replace(source, tag="")}) if isinstance(source.value, str) else source


def _listed(source: Node) -> Node:
    return replace(source, value=[replace(source, tag="")]) if isinstance(source.value, str) else source


def _names(source: Node, value: dict[str, str]) -> Node:
    """Return a list of names as a mapping of them."""
    if not isinstance(source.value, list):
        return source
    found = {
        item.text: node(item.place, {key: node(item.place, text) for key, text in value.items()} or None)
        for item in source.value
    }
    return replace(source, value=found)


def _pairs(source: Node) -> Node:
    """Return a list of NAME=VALUE as a mapping; a NAME alone has the value None."""
    if not isinstance(source.value, list):
        return source
    found: dict[str, Node] = {}
    for item in source.value:
        if not isinstance(item.value, str):
            raise FileError.at(item.place, "an item of this list is no NAME=VALUE.", "Write NAME=VALUE.")
        name, equals, value = item.text.partition("=")
        if not equals:
            found[name] = Node(item.place, None)
            continue
        found[name] = Node(item.place, value, item.symbolic.partition("=")[2], item.literal.partition("=")[2])
    return replace(source, value=found)


def unknown(keys: Iterable[str], known: frozenset[str]) -> list[str]:
    """Return the keys that compose does not know."""
    return [key for key in keys if key not in known and not key.startswith("x-")]
