#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import os
import time
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils import (
    _facts_docker,
    _facts_files,
    _facts_host,
)
from ansible_collections.stanchion.stack.plugins.module_utils._docker_api import DEFAULT_HOST, Engine
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import Source, ask_all

DOCUMENTATION = r"""
module: stack_facts
short_description: Look at a stack and its host, changing nothing
description:
  - Gathers in one process what checks, preflights and reports read of a host. It asks the engine, the kernel
    and the records that roles keep on the host.
  - Every source answers by itself within O(timeout), V(ok=true) with its data or V(ok=false) with the reason
    in V(error). A frozen engine is an answer, not a wait. "Could not look" is never "nothing there".
  - Needs nothing on the host but Python 3.11; the engine is asked through its socket.
  - Values of environment variables and the content of secret files never leave the host.
options:
  stack:
    description: Name of the stack, the value of the label C(io.stanchion.stack).
    required: true
    type: str
  sources:
    description: What to ask. All of them where it is left out.
    type: list
    elements: str
    choices:
      - engine
      - containers
      - networks
      - volumes
      - images
      - routes
      - ports
      - disk
      - memory
      - cpus
      - host
      - files
      - volume_record
      - image_records
      - lock
  paths:
    description: Files, secret ones among them, of which mode, owner and size are told.
    type: list
    elements: path
    default: []
  state_dir:
    description: The stack's folder on the host. C(/var/lib/stanchion/STACK) where it is left out.
    type: path
  docker_host:
    description: Where the engine listens, C(unix://PATH) or plain C(tcp://HOST:PORT).
    type: str
  timeout:
    description: Seconds within which each source has to answer.
    type: float
    default: 5.0
author:
  - Stanchion maintainers
attributes:
  check_mode:
    support: full
    description: It only reads.
notes:
  - E(DOCKER_HOST) on the host is used where O(docker_host) is left out.
"""

EXAMPLES = r"""
- name: Look at the stack
  stanchion.stack.stack_facts:
    stack: medication-tracker
  register: look

- name: Look at the engine only
  stanchion.stack.stack_facts:
    stack: medication-tracker
    sources: [engine]
    timeout: 2
  register: look
"""

RETURN = r"""
stack_facts:
  description:
    - One key for each source asked. Every source has V(ok); one that failed has V(error) and nothing to rely
      on beside it.
  returned: always
  type: dict
  contains:
    schema_version:
      description: Goes up when a key changes its meaning or goes away; new keys may come at any time.
      type: int
      sample: 1
    stack:
      description: The stack looked at.
      type: str
    state_dir:
      description: The stack's folder on the host.
      type: str
    collected_at:
      description: When, in UTC by the host's clock.
      type: str
      sample: "2026-11-24T17:40:00+00:00"
    elapsed:
      description: Seconds that the look took.
      type: float
    engine:
      description:
        - V(state) is V(running), V(absent) (no engine installed), V(stopped) (installed, nothing
          listens), each with V(ok=true), or V(unreachable) with V(ok=false).
        - A running one has V(host), V(version), V(api_version), V(min_api_version), V(root_dir),
          V(storage_driver), V(logging_driver), V(cgroup_version), V(security_options) (list of names),
          V(rootless), V(userns_remap), V(live_restore), V(swarm), V(cpus), V(memory) (bytes).
      type: dict
    containers:
      description:
        - V(entries), by name, of every container with the stack's label, stopped ones too. Each has V(name),
          V(id), V(role), V(labels), V(image) (the reference it was made from), V(image_id), V(created),
          V(state) (V(running), V(exited), V(restarting), ...), V(running) (and not paused), V(pid),
          V(exit_code), V(oom_killed), V(error), V(started_at), V(finished_at), V(restart_count),
          V(restart_policy), V(health) (V(healthy), V(unhealthy), V(starting), null without a probe),
          V(health_output) (the last probe's last 500 characters), V(health_failing_streak), V(init),
          V(stop_signal), V(stop_timeout), V(network_mode), V(logging).
        - V(ports), a list of V(container_port), V(protocol), V(address), V(port). V(networks), by name, with
          V(id), V(ip), V(ipv6), V(aliases). V(mounts), a list of V(type), V(name), V(source), V(destination),
          V(read_only). V(limits) with V(memory), V(memory_swap), V(cpus), V(pids), V(shm_size), null where
          there is none. V(security) with V(user), V(privileged), V(read_only), V(cap_add), V(cap_drop),
          V(options). V(environment_names), never values.
      type: dict
    networks:
      description:
        - V(entries), by name, of every network of the engine, foreign ones too. Each has V(name), V(id),
          V(driver), V(scope), V(internal), V(stack) and V(role) (null where it is not ours), V(labels),
          V(subnets), V(gateways).
      type: dict
    volumes:
      description:
        - V(entries), by name, of the volumes with the stack's label and of the one that the host's record
          names, which has no label where it was made by hand. Each has V(name), V(driver), V(mountpoint),
          V(created), V(role), V(labels), V(used_by) (names of all containers that mount it).
      type: dict
    images:
      description:
        - V(entries), newest first within a name, of the images that the role container_image made and of
          those that the stack's containers use. Each has V(id), V(name) (label C(io.stanchion.image)),
          V(refs), V(digests), V(labels), V(created) (UTC), V(size) (bytes), V(in_use).
      type: dict
    routes:
      description:
        - V(entries) of the kernel's IPv4 and IPv6 routes, each with V(destination) (CIDR, a default route is
          C(0.0.0.0/0)), V(gateway), V(interface), V(metric).
      type: dict
    ports:
      description:
        - V(entries) of listening TCP ports and of those that containers publish. Each has V(address),
          V(port), V(container), V(stack) and V(role) of the container that publishes it, or null.
        - V(containers_error) says why containers could not be asked, or is null.
      type: dict
    disk:
      description:
        - V(docker_root) and V(state_dir), each with V(path), V(measured_at) (the nearest existing folder),
          V(device), V(total), V(free) (bytes that are to be had), V(inodes_total), V(inodes_free) (0 of 0 on
          file systems that make them as needed), V(read_only).
      type: dict
    memory:
      description: V(total), V(available), V(swap_total), V(swap_free) in bytes.
      type: dict
    cpus:
      description: V(count), and V(usable) by this process.
      type: dict
    host:
      description:
        - V(hostname), V(machine_id), V(boot_id), V(kernel), V(architecture), V(python), V(root) (whether the
          look was made as root), V(os) with V(id), V(id_like), V(version_id), V(codename), V(name).
      type: dict
    files:
      description:
        - V(entries), by path as given in O(paths). Each has V(exists), V(parent) with V(path), V(exists),
          V(mode), V(uid), V(root_only); and where it exists V(kind) (V(file), V(directory), V(link),
          V(other)), V(mode) (text, C(0400)), V(uid), V(gid), V(owner), V(group), V(size), V(modified),
          and V(content), of a file V(empty) (white space at most), V(ascii) or V(text) (one printable line),
          or V(other).
      type: dict
    volume_record:
      description: V(path), V(exists), V(record), what the role postgres recorded of the active volume.
      type: dict
    image_records:
      description: V(path), and V(entries), by name, of what the role container_image recorded.
      type: dict
    lock:
      description:
        - V(path), V(state) (V(free), V(held), V(expired), V(dead)), V(reason), V(holder) as in
          M(stanchion.stack.deploy_lock), V(last) (the run that held it before, with V(ended) and V(end)).
      type: dict
"""

SCHEMA_VERSION = 1
DOCKER_ROOT = "/var/lib/docker"
SOURCES = [
    "engine",
    "containers",
    "networks",
    "volumes",
    "images",
    "routes",
    "ports",
    "disk",
    "memory",
    "cpus",
    "host",
    "files",
    "volume_record",
    "image_records",
    "lock",
]


def state_dir(params: dict) -> str:
    """Return the stack's folder on the host."""
    return params["state_dir"] or str(_facts_files.BASE / params["stack"])


def sources(params: dict) -> dict[str, Source]:
    """Return every source by name, ready to be asked."""
    stack, timeout = params["stack"], params["timeout"]
    host = params["docker_host"] or os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    folder = state_dir(params)

    def engine() -> Engine:
        # A little less than the source's own limit, so that the engine's silence is told as such.
        return Engine(host, timeout * 0.9)

    return {
        "engine": lambda: _facts_docker.engine_facts(engine()),
        "containers": lambda: _facts_docker.container_facts(engine(), stack),
        "networks": lambda: _facts_docker.network_facts(engine()),
        "volumes": lambda: _facts_docker.volume_facts(engine(), stack, _facts_files.recorded_volume(folder)),
        "images": lambda: _facts_docker.image_facts(engine(), stack),
        "routes": _facts_host.route_facts,
        "ports": lambda: _facts_host.port_facts(engine()),
        "disk": lambda: _facts_host.disk_facts(
            {"docker_root": _facts_docker.root_dir(engine()) or DOCKER_ROOT, "state_dir": folder}
        ),
        "memory": _facts_host.memory_facts,
        "cpus": _facts_host.cpu_facts,
        "host": _facts_host.host_facts,
        "files": lambda: _facts_files.file_facts(params["paths"]),
        "volume_record": lambda: _facts_files.volume_record(folder),
        "image_records": _facts_files.image_records,
        "lock": _facts_files.lock_facts,
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "stack": {"type": "str", "required": True},
            "sources": {"type": "list", "elements": "str", "choices": SOURCES},
            "paths": {"type": "list", "elements": "path", "default": []},
            "state_dir": {"type": "path"},
            "docker_host": {"type": "str"},
            "timeout": {"type": "float", "default": 5.0},
        },
        supports_check_mode=True,
    )
    began = time.monotonic()
    wanted = module.params["sources"] or SOURCES
    every = sources(module.params)
    answers = ask_all({name: every[name] for name in wanted}, module.params["timeout"])
    facts = {
        "schema_version": SCHEMA_VERSION,
        "stack": module.params["stack"],
        "state_dir": state_dir(module.params),
        "collected_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "elapsed": round(time.monotonic() - began, 3),
        **answers,
    }
    module.exit_json(changed=False, stack_facts=facts)


if __name__ == "__main__":
    main()
