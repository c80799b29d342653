#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import os
import time
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stanchion.stack.plugins.module_utils import (
    _facts_backup,
    _facts_cgroup,
    _facts_docker,
    _facts_figures,
    _facts_files,
    _facts_host,
    _facts_inside,
    _facts_logs,
    _facts_metrics,
    _facts_monitoring,
    _facts_outside,
    _facts_recovery,
    _facts_sql,
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
  - Needs nothing on the host but Python 3.9; the engine is asked through its socket.
  - The content of secret files never leaves the host, nor does the value of an environment variable that
    was not
    asked for by name, or that holds a secret.
  - V(outside) runs a container for a second, which is gone afterwards; what a killed look left behind, the
    next one removes. Everything else only reads.
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
      - repository
      - lock
      - recovery
      - secrets
      - clock
      - sql
      - backup
      - monitoring
      - figures
      - cgroups
      - sockets
      - inside
      - outside
      - logs
      - ready
      - metrics
      - libraries
  paths:
    description: Files, secret ones among them, of which mode, owner and size are told.
    type: list
    elements: path
    default: []
  state_dir:
    description: The stack's folder on the host. C(/var/lib/stanchion/STACK) where it is left out.
    type: path
  secrets_dir:
    description: Folder of the stack's secret files, whose modes and owners the source V(secrets) tells.
    type: path
  socket:
    description: Folder of the operators' socket, for the source V(sql).
    type: path
  database:
    description: The application's database, in which V(sql) asks.
    type: str
    default: postgres
  database_port:
    description: Port of the database in its container.
    type: int
    default: 5432
  names:
    description: Names that the source V(inside) resolves as the backend does.
    type: list
    elements: str
    default: []
  app_network:
    description: The internal network, for the source V(outside).
    type: str
  edge_network:
    description: The network from which V(outside) tries.
    type: str
  environment:
    description: >-
      Variables of the containers whose values are told. One that looks like a secret, or holds an address
      with a
      password, is not.
    type: list
    elements: str
    default: []
  address_variable:
    description: In which variable a backend has the database's address, for V(inside).
    type: str
    default: DATABASE_URL
  log_window:
    description: Seconds of the containers' logs that V(logs) reads.
    type: float
    default: 3600.0
  repository:
    description: The backups' repository on the host, a volume's name or a folder, for the sources
      V(repository) and V(disk).
    type: str
  monitoring:
    description:
      - Where Prometheus and Alertmanager answer, for the source V(monitoring); without it only the figures
        that the host writes for them are looked at.
    type: dict
    suboptions:
      prometheus:
        description: Its address, C(http://127.0.0.1:9090).
        type: str
        required: true
      alertmanager:
        description: Its address.
        type: str
        required: true
      auth_file:
        description:
          - File on the host with one line, C(USER:PASSWORD), for pages that ask for it.
          - It is sent only over TLS, to whom O(monitoring.ca_file) vouches for.
        type: path
      ca_file:
        description:
          - File on the host with certificates, one of which is served there, or has signed what is.
          - Without it any certificate will do, and no password is sent.
        type: path
  prometheus:
    description: Where the host's Prometheus answers, for V(figures). Empty where the stack has none.
    type: str
    default: ""
  queries:
    description: PromQL that V(figures) asks, by a name of the caller's.
    type: dict
    default: {}
  timeout:
    description: Seconds within which each source has to answer; V(backup) has three times as long.
    type: float
    default: 5.0
author:
  - Stanchion maintainers
attributes:
  check_mode:
    support: full
    description: It changes nothing.
notes:
  - E(DOCKER_HOST) on the host, C(unix://PATH) or plain C(tcp://HOST:PORT), says where the engine listens.
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
      sample: 2
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
          V(stop_signal), V(stop_timeout), V(network_mode), V(log_driver), V(logging), V(tmpfs).
        - V(probe), the health check with V(test), V(interval), V(timeout), V(retries), V(start_period) in
          seconds,
          or null. V(environment) with V(values) of the variables in O(environment) and V(secrets), the
          names of
          those that hold one.
        - V(ports), a list of V(container_port), V(protocol), V(address), V(port). V(networks), by name, with
          V(id), V(ip), V(ipv6), V(aliases). V(mounts), a list of V(type), V(name), V(source), V(destination),
          V(read_only). V(limits) with V(memory), V(memory_swap), V(cpus), V(pids), V(shm_size), null where
          there is none. V(security) with V(user), V(privileged), V(read_only), V(cap_add), V(cap_drop),
          V(options). V(environment_names), never values.
      type: dict
    networks:
      description:
        - V(entries), by name, of every network of the engine, foreign ones too. Each has V(name), V(id),
          V(driver), V(scope), V(internal), V(ipv6), V(stack) and V(role) (null where it is not ours),
          V(labels), V(subnets), V(gateways), and V(containers), a list of V(name), V(stack), V(state), V(ip)
          of what is attached, stopped ones too.
      type: dict
    volumes:
      description:
        - V(entries), by name, of the volumes with the stack's label and of the one that the host's record
          names, which has no label where it was made by hand. Each has V(name), V(driver), V(mountpoint),
          V(created), V(role), V(labels), V(used_by) (names of all containers that mount it, its
          folder on the host included), V(written_by) (those of them that may write), and V(content) with
          V(readable), V(uid), V(gid), V(mode), V(device), V(pg_version), V(empty), V(total), V(free),
          V(inodes_total), V(inodes_free), V(file_system_read_only) of its folder on the host.
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
        - V(docker_root), V(state_dir), V(data_volume) (where one is recorded) and V(repository) (where it
          is asked for), each with V(path), V(measured_at) (the nearest existing folder),
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
          look was made as root), V(os) with V(id), V(id_like), V(version_id), V(codename), V(name),
          V(lacks) (which of the command C(docker), the libraries C(requests) and C(psycopg2) is not there).
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
    repository:
      description:
        - V(name), O(repository) as it was given, V(path), its folder on the host, V(exists),
          V(parent_exists), V(held) (whether backups or WAL of the stack are in it), V(foreign) (why it
          is not the backups' own, or empty), and V(disk) as in V(disk). Without O(repository), V(name) is
          null and there is nothing else.
      type: dict
    secrets:
      description: V(folder), and V(entries) as in V(files), of every file below O(secrets_dir).
      type: dict
    clock:
      description: >-
        V(synchronised), V(offset) and V(max_error) in seconds as the kernel has them, V(time) since the
        epoch,
        V(timezone).
      type: dict
    sql:
      description: >-
        V(database), in which was asked, V(database_exists), and V(queries), by name, each with V(ok), and
        V(rows) or
        V(error). V(state) is V(answering), or V(recovering), V(silent), V(unreachable) with V(ok=false).
      type: dict
    backup:
      description: >-
        V(installed), whether the command of the role backup is there, V(program), and what its C(observe)
        says as V(observed), null where it is not.
      type: dict
    monitoring:
      description:
        - Three parts, each with V(ok), and V(error) where it could not be looked at. Moments are Unix
          seconds.
        - V(figures) with V(installed), V(cron_path), V(cron_file) (V(exact), V(differs), V(missing)),
          V(cron_difference), V(cron_since), V(path) of the file that the host writes, and when that was
          V(written), or null.
        - V(prometheus), where O(monitoring) is given, with V(started), V(loaded) (its configuration),
          V(reload_ok), V(retention); V(targets), each with V(job), V(instance), V(health) (V(up),
          V(down), V(unknown)), V(error), V(scraped), V(up_lately) (at any moment of the last two
          minutes); V(rules), each with V(alert), V(expr), V(health), V(error), V(evaluated), V(interval)
          (s); V(metrics), the names in these expressions of which there is a value; V(alerts) that are
          pending or firing, each with V(alert), V(state), V(since), V(labels); V(alertmanagers), how many
          it knows, and V(dropped), how many alerts it could hand to none in the last five minutes;
          V(exporter), the database's, with V(up), V(up_lately) and V(scrape_error); V(deliveries) of the
          last hour by V(receiver) and V(integration), with V(tried), V(failed), and when one was last
          V(delivered) and V(refused), or null.
        - V(alertmanager), where O(monitoring) is given, with V(version), V(started), V(loaded), V(reload_ok),
          V(receivers) (names), and V(switch), the alert DeadMansSwitch, when it last V(came), to which
          V(receivers) it goes, and whether it is V(silenced); null where it has never come.
      type: dict
    figures:
      description: >-
        V(asked), false where there is no Prometheus, and V(entries), by the name of each of the O(queries),
        with V(ok) and V(series) of V(labels) and V(value), or the V(error).
      type: dict
    cgroups:
      description: >-
        V(entries) by container: V(memory_limit), V(memory_swap_limit), V(memory_used), V(working_set)
        (bytes),
        V(oom_kills), V(pids_limit), V(pids), V(cpus), V(cpu_seconds) (used until now), V(processes), and the
        V(version) of cgroup.
      type: dict
    sockets:
      description: >-
        V(entries) by container: V(holders), processes with their connections to the database, V(shared), the
        connections that several processes hold, V(local_ports) by socket.
      type: dict
    inside:
      description: >-
        V(entries) by container of the role backend: V(names), each with V(addresses) and V(error), and
        V(query) with
        V(asked), V(ok), V(error) and V(seconds); or V(ok=false) with V(error).
      type: dict
    outside:
      description: >-
        V(targets), what a container on the edge network tried, each with V(what), V(network), V(address),
        V(port)
        and V(reached); V(published), the published ports as the host reaches them.
      type: dict
    logs:
      description: >-
        V(entries) by container: V(lines) read, V(all_read), and V(trouble) by kind with V(count) and the
        V(last)
        lines, each with V(at) and V(text); V(ready), when a database last began to take connections, or null;
        V(oom) (Unix seconds), when the engine last saw it out of memory, as far as it remembers, or null.
      type: dict
    ready:
      description: >-
        V(entries), by container of the database, when its server first took connections since its start.
      type: dict
    metrics:
      description: >-
        V(entries) by container of the role backend: V(lines) of its C(/metrics) that begin with C(db_pool_),
        and V(reason) where there is none; or V(ok=false) with V(error).
      type: dict
    libraries:
      description: >-
        V(entries), by running container of the database, the versions of the packages C(libc6) and
        C(libicuNN) in it; none of them where its image has no package list of Debian's.
      type: dict
    lock:
      description:
        - V(path), V(state) (V(free), V(held), V(expired), V(dead)), V(reason), V(holder) as in
          M(stanchion.stack.deploy_lock), V(last) (the run that held it before, with V(ended) and V(end)).
      type: dict
    recovery:
      description:
        - V(watch) with V(installed), V(cron_path), V(cron_file) (V(exact), V(differs), V(missing)),
          V(cron_difference), V(cron_since) (Unix seconds, when the table was written), V(ran) (Unix seconds
          of its last run, or null), V(trouble) (why that run could not look, or empty), V(dead) (names of
          what it took for dead).
        - V(records), what the watch and the verb recover did in the last 24 hours, the oldest first, each
          with V(at) (Unix seconds), V(by), V(remedy), V(of), V(why), V(outcome), V(seconds).
      type: dict
"""

SCHEMA_VERSION = 2
DOCKER_ROOT = "/var/lib/docker"
# It asks repositories and the database by a dozen processes, which a busy host does not start in one.
BACKUP_TIMES = 3
# What needs the containers to be known first.
OF_CONTAINERS = ("cgroups", "sockets", "inside", "outside", "logs", "ready", "metrics", "libraries")
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
    "repository",
    "lock",
    "recovery",
    "secrets",
    "clock",
    "sql",
    "backup",
    "monitoring",
    "figures",
    *OF_CONTAINERS,
]


def state_dir(params: dict) -> str:
    """Return the stack's folder on the host."""
    return params["state_dir"] or str(_facts_files.BASE / params["stack"])


def engine(params: dict) -> Engine:
    """Return the engine; a little less time than the source's own, so that its silence is told as such."""
    return Engine(os.environ.get("DOCKER_HOST") or DEFAULT_HOST, params["timeout"] * 0.9)


def repository_path(root: str, repository: str | None) -> str | None:
    """Return the folder of the backups' repository, which is a volume or a path."""
    if not repository or repository.startswith("/"):
        return repository or None
    return f"{root}/volumes/{repository}/_data"


def disk_paths(params: dict) -> dict[str, str]:
    """Return the folders whose file systems are measured, by what they hold."""
    folder, root = state_dir(params), _facts_docker.root_dir(engine(params)) or DOCKER_ROOT
    volume = _facts_files.recorded_volume(folder)
    paths = {
        "docker_root": root,
        "state_dir": folder,
        "data_volume": f"{root}/volumes/{volume}/_data" if volume else None,
        "repository": repository_path(root, params["repository"]),
    }
    return {name: path for name, path in paths.items() if path}


def repository(params: dict) -> dict:
    """Return what there is of the backups' repository; a volume's folder is where the engine keeps it."""
    name = params["repository"]
    if not name:
        return {"name": None}
    root = _facts_docker.root_dir(engine(params)) or DOCKER_ROOT
    path = repository_path(root, name)
    facts = _facts_files.repository_facts(path, params["stack"])
    return {"name": name, **facts, "disk": _facts_host.disk_facts({"repository": path})["repository"]}


def sources(params: dict) -> dict[str, Source]:
    """Return every source that needs no other, by name, ready to be asked."""
    stack, folder = params["stack"], state_dir(params)
    return {
        "engine": lambda: _facts_docker.engine_facts(engine(params)),
        "containers": lambda: _facts_docker.container_facts(engine(params), stack, params["environment"]),
        "networks": lambda: _facts_docker.network_facts(engine(params)),
        "volumes": lambda: _facts_docker.volume_facts(
            engine(params), stack, _facts_files.recorded_volume(folder)
        ),
        "images": lambda: _facts_docker.image_facts(engine(params), stack),
        "routes": _facts_host.route_facts,
        "ports": lambda: _facts_host.port_facts(engine(params)),
        "disk": lambda: _facts_host.disk_facts(disk_paths(params)),
        "memory": _facts_host.memory_facts,
        "cpus": _facts_host.cpu_facts,
        "host": _facts_host.host_facts,
        "files": lambda: _facts_files.file_facts(params["paths"]),
        "volume_record": lambda: _facts_files.volume_record(folder),
        "image_records": _facts_files.image_records,
        "repository": lambda: repository(params),
        "lock": _facts_files.lock_facts,
        "recovery": lambda: _facts_recovery.recovery_facts(stack, folder),
        "secrets": lambda: _facts_files.folder_facts(params["secrets_dir"] or f"{folder}/secrets"),
        "clock": _facts_host.clock_facts,
        "sql": lambda: _facts_sql.sql_facts(
            params["socket"] or f"{folder}/postgres/socket", params["database"], params["timeout"] * 0.9
        ),
        "backup": lambda: _facts_backup.backup_facts(stack, params["timeout"] * BACKUP_TIMES * 0.9),
        "monitoring": lambda: _facts_monitoring.monitoring_facts(
            stack, folder, params["monitoring"], params["timeout"] * 0.9
        ),
        "figures": lambda: _facts_figures.figure_facts(
            params["prometheus"], params["queries"], params["timeout"] * 0.9
        ),
    }


def sources_of_containers(params: dict, containers: list[dict], wanted: list[str]) -> dict[str, Source]:
    """Return the sources about these containers. The children are started here: no thread is at work."""
    backends = [item for item in containers if item["role"] == "backend"]
    views = (
        _facts_inside.Children(backends, params["names"], params["address_variable"], params["timeout"] * 0.9)
        if "inside" in wanted
        else None
    )
    return {
        "cgroups": lambda: _facts_cgroup.cgroup_facts(containers),
        "sockets": lambda: _facts_cgroup.socket_facts(backends, params["database_port"]),
        "inside": lambda: views.facts(),
        "outside": lambda: _facts_outside.outside_facts(
            engine(params),
            params["stack"],
            containers,
            params["app_network"],
            params["edge_network"],
            params["database_port"],
        ),
        "logs": lambda: _facts_logs.log_facts(engine(params), containers, params["log_window"]),
        "ready": lambda: _facts_logs.ready_facts(engine(params), containers),
        "metrics": lambda: _facts_metrics.metrics_facts(backends, params["timeout"] * 0.9),
        "libraries": lambda: _facts_files.library_facts(containers),
    }


def look(params: dict) -> dict:
    """Ask everything that is wanted; first what needs nothing else, then what needs the containers."""
    wanted = params["sources"] or SOURCES
    timeout = params["timeout"]
    every = sources(params)
    deeper = [name for name in wanted if name in OF_CONTAINERS]
    first = {name for name in wanted if name in every} | ({"containers"} if deeper else set())
    limits = {"backup": timeout * BACKUP_TIMES}
    answers = ask_all({name: every[name] for name in every if name in first}, timeout, limits)
    if deeper and answers["containers"]["ok"]:
        of_containers = sources_of_containers(params, answers["containers"]["entries"], deeper)
        answers.update(ask_all({name: of_containers[name] for name in deeper}, timeout))
    elif deeper:
        reason = f"the containers could not be looked at: {answers['containers']['error']}"
        answers.update({name: {"ok": False, "error": reason} for name in deeper})
    return {name: answers[name] for name in wanted}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "stack": {"type": "str", "required": True},
            "sources": {"type": "list", "elements": "str", "choices": SOURCES},
            "paths": {"type": "list", "elements": "path", "default": []},
            "state_dir": {"type": "path"},
            "secrets_dir": {"type": "path"},
            "socket": {"type": "path"},
            "database": {"type": "str", "default": "postgres"},
            "database_port": {"type": "int", "default": 5432},
            "names": {"type": "list", "elements": "str", "default": []},
            "app_network": {"type": "str"},
            "edge_network": {"type": "str"},
            "environment": {"type": "list", "elements": "str", "default": []},
            "address_variable": {"type": "str", "default": "DATABASE_URL"},
            "log_window": {"type": "float", "default": 3600.0},
            "repository": {"type": "str"},
            "monitoring": {
                "type": "dict",
                "options": {
                    "prometheus": {"type": "str", "required": True},
                    "alertmanager": {"type": "str", "required": True},
                    "auth_file": {"type": "path"},
                    "ca_file": {"type": "path"},
                },
            },
            "prometheus": {"type": "str", "default": ""},
            "queries": {"type": "dict", "default": {}},
            "timeout": {"type": "float", "default": 5.0},
        },
        supports_check_mode=True,
    )
    began = time.monotonic()
    answers = look(module.params)
    facts = {
        "schema_version": SCHEMA_VERSION,
        "stack": module.params["stack"],
        "state_dir": state_dir(module.params),
        "collected_at": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "elapsed": round(time.monotonic() - began, 3),
        **answers,
    }
    module.exit_json(changed=False, stack_facts=facts)


if __name__ == "__main__":
    main()
