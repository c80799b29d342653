"""How a container is held and how it is: limits, rights, restart, shut-down, health.

Asked of the declared ones before a deploy, of the real ones afterwards, and of a compose file.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePosixPath

from stanchion.checks.container import (
    BACKEND,
    DEFAULT_STOP_SECONDS,
    POSTGRES,
    Container,
    Mount,
    Probe,
)
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, SkipError, UnreadableError, bad, note, warn
from stanchion.checks.registry import (
    CRITICAL,
    DEPLOY,
    FILE,
    INFO,
    PREFLIGHT,
    RUNTIME,
    WARNING,
    Threshold,
    check,
)
from stanchion.contract.memory import show

CIS = "CIS Docker Benchmark"
DOCKER_MANUAL = "Docker manual"

# Read from a definition, so asked wherever there is one.
DEFINED = (PREFLIGHT, DEPLOY, RUNTIME, FILE)
# Read from what runs.
RUNNING = (DEPLOY, RUNTIME)

# What the official image's entrypoint needs while it still is root; the second is for ports below 1024.
ENTRYPOINT_CAPABILITIES = frozenset({"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"})
HARMLESS_CAPABILITIES = frozenset({"NET_BIND_SERVICE"})

SOCKETS = ("docker.sock", "containerd.sock", "podman.sock")
# Whoever writes there, or reads some of it, is root on the host.
SENSITIVE = ("/", "/boot", "/dev", "/etc", "/lib", "/proc", "/root", "/sys", "/usr", "/var/lib/docker")
SENSITIVE_BELOW = ("/dev", "/proc", "/sys", "/var/lib/docker")

# Where programs put temporary files unless told otherwise.
TEMPORARY = str(PurePosixPath("/", "tmp"))

# Clients that use the Unix socket where no host is named.
SOCKET_CLIENTS = ("pg_isready", "psql")


@check(
    "container.memory_limit",
    rows="CTR-01",
    title="Every container has a memory limit",
    phases=DEFINED,
    severity=WARNING,
    why="Without one, a leak in one container makes the kernel kill processes of another, often the "
    "database's.",
    remedy="Set postgres_memory and backend_memory and deploy; in a compose file set mem_limit.",
    source=f"{CIS} 5.11",
    reads=("containers",),
)
def memory_limit(look: Look) -> Iterator[Evidence]:
    for container in look.some():
        if container.memory is None:
            yield bad("has no memory limit", container.name, "mem_limit")
        else:
            yield note(f"{show(container.memory)}", container.name, "mem_limit")


@check(
    "container.swap",
    rows="CTR-02",
    title="The database has no swap beside its memory",
    phases=DEFINED,
    severity=INFO,
    why="Docker gives a container as much swap as memory unless told otherwise. A database that swaps "
    "answers late and looks well.",
    remedy="Deploy: the role postgres sets memory_swap to postgres_memory. In a compose file set "
    "memswap_limit to the value of mem_limit.",
    source=f"{DOCKER_MANUAL}, Resource constraints",
    reads=("containers",),
    part=POSTGRES,
)
def swap(look: Look) -> Iterator[Evidence]:
    limited = [container for container in look.some(POSTGRES) if container.memory is not None]
    if not limited:
        raise SkipError("the database has no memory limit, so none of swap either")
    for container in limited:
        most, both = container.memory or 0, container.memory_swap
        if both == most:
            yield note(f"{show(most)} of memory and swap together", container.name, "memswap_limit")
        elif both is None or both < 0:
            said = "Docker doubles the memory" if both is None else "it is without limit"
            yield bad(f"has no limit of memory and swap together: {said}", container.name, "memswap_limit")
        else:
            yield bad(
                f"may use {show(both - most)} of swap beside its memory", container.name, "memswap_limit"
            )


@check(
    "container.cpu_pids",
    rows="CTR-03",
    title="Every container has limits of processors and processes",
    phases=DEFINED,
    severity=INFO,
    why="One container that spins or forks without end takes the processors, or the host's process table, "
    "from all others.",
    remedy="Set postgres_cpus, backend_cpus and backend_pids_limit and deploy; in a compose file set cpus "
    "and pids_limit.",
    source=f"{CIS} 5.12 and 5.29",
    reads=("containers",),
)
def cpu_pids(look: Look) -> Iterator[Evidence]:
    for container in look.some():
        limited = (container.pids or 0) > 0
        if not container.cpus:
            yield bad("has no limit of processors", container.name, "cpus")
        if not limited:
            yield bad("has no limit of processes", container.name, "pids_limit")
        if container.cpus and limited:
            yield note(f"processors: {container.cpus:g}, processes: {container.pids}", container.name)


@check(
    "container.oom",
    rows="CTR-04",
    title="No container has lost a process for lack of memory",
    phases=RUNNING,
    severity=CRITICAL,
    why="The kernel kills one process and the container goes on looking well: a database drops every "
    "session, a web server loses the requests that it was at.",
    remedy="Raise postgres_memory or backend_memory, or lower what is used (work_mem, workers), and deploy. "
    "The count starts anew when the container is restarted.",
    source="awesome-prometheus-alerts, HostOomKillDetected; Docker's API text on State.OOMKilled",
    reads=("containers", "cgroups"),
)
def oom(look: Look) -> Iterator[Evidence]:
    cgroups = look.source("cgroups")["entries"]
    for container in look.some():
        kills = cgroups.get(container.name, {}).get("oom_kills")
        if kills:
            yield bad(
                f"the kernel has killed {_count(kills, 'process')} in it for lack of memory", container.name
            )
        elif container.oom_killed:
            yield bad("was killed for lack of memory", container.name)
        elif container.name in cgroups and kills is None:
            raise UnreadableError(f"this kernel does not count what it kills in {container.name}")
        elif container.running and container.name not in cgroups:
            raise UnreadableError(f"{container.name} ended while it was looked at")
        else:
            yield note("none killed since it was started", container.name)


@check(
    "container.memory_used",
    rows="CTR-05",
    title="Every container has memory left",
    phases=RUNNING,
    severity=WARNING,
    why="At the limit the kernel first throws out the page cache, which makes everything slow, and then "
    "kills.",
    remedy="Find out what grows (docker stats; pool.attribution for connections), then raise "
    "postgres_memory or backend_memory and deploy.",
    source="awesome-prometheus-alerts, ContainerHighMemoryUsage",
    reads=("containers", "cgroups"),
    thresholds=(
        Threshold(
            "validation_container_memory_used",
            80,
            "%",
            "awesome-prometheus-alerts, ContainerHighMemoryUsage: the working set, without cached files that "
            "can be dropped",
        ),
    ),
)
def memory_used(look: Look) -> Iterator[Evidence]:
    most = look.threshold("validation_container_memory_used")
    cgroups = look.source("cgroups")["entries"]
    looked = [container for container in look.some() if container.name in cgroups]
    if not looked:
        raise UnreadableError("no container runs")
    for container in looked:
        used, limit = cgroups[container.name]["working_set"], cgroups[container.name]["memory_limit"]
        if limit is None:
            yield note(f"uses {_mb(used)}, without a limit", container.name)
            continue
        text = f"uses {_mb(used)} of {_mb(limit)}, {used / limit:.0%}"
        yield (bad if used / limit * 100 > most else note)(text, container.name)


@check(
    "container.flapping",
    rows="CTR-06",
    title="No container is restarted again and again",
    phases=RUNNING,
    severity=CRITICAL,
    why="A restart policy hides a crash loop: each look may find the container up, and its users find it "
    "down.",
    remedy="Read why it ends: docker logs --tail 50 CONTAINER. A manual start sets the count back: docker "
    "restart CONTAINER.",
    source="ours: more than two restarts in a quarter of an hour, after awesome-prometheus-alerts, "
    "PrometheusTooManyRestarts",
    reads=("containers",),
    thresholds=(
        Threshold("validation_container_restarts", 2, "restarts", "after PrometheusTooManyRestarts"),
        Threshold(
            "validation_container_restart_window",
            900,
            "s",
            "ours: a quarter of an hour, as that alert has it",
        ),
    ),
)
def flapping(look: Look) -> Iterator[Evidence]:
    most = look.threshold("validation_container_restarts")
    window = look.threshold("validation_container_restart_window")
    for container in look.some():
        times = _count(container.restart_count, "time")
        age = _age(look, container.started_at)
        if container.state == "restarting":
            yield bad(
                f"is being restarted, {times} so far; it ends with {container.exit_code}", container.name
            )
        elif container.restart_count > most and age is not None and age <= window:
            yield bad(f"was restarted {times}, last {_span(age)} ago", container.name)
        elif container.restart_count:
            last = "" if age is None else f", last {_span(age)} ago"
            yield note(f"was restarted {times}{last}", container.name)
        else:
            yield note("was never restarted by the engine", container.name)


@check(
    "container.restart_policy",
    rows="CTR-07",
    title="The engine starts every container again after a reboot",
    phases=DEFINED,
    severity=WARNING,
    why="With no policy a crash or a reboot is an outage until somebody notices. With on-failure a container "
    "comes back after a crash and not when the engine itself was restarted.",
    remedy="Deploy: the roles set unless-stopped. In a compose file: restart: unless-stopped.",
    source=f"{DOCKER_MANUAL}, Start containers automatically; {CIS} 5.15 asks for on-failure:5, which we do "
    "not follow for that reason",
    reads=("containers",),
)
def restart_policy(look: Look) -> Iterator[Evidence]:
    # What is neither the database nor the backend may be a job, which has to end.
    for container in look.some(POSTGRES, BACKEND):
        policy = container.restart_policy.partition(":")[0] or "no"
        if policy == "on-failure":
            text = "has the policy on-failure, which does not hold when the engine is restarted"
            yield bad(text, container.name, "restart")
        elif policy in ("always", "unless-stopped"):
            yield note(policy, container.name, "restart")
        else:
            yield bad("has no restart policy", container.name, "restart")


@check(
    "container.init",
    rows="CTR-08",
    title="The database does not run as process 1 of its container",
    phases=DEFINED,
    severity=CRITICAL,
    why="Process 1 inherits orphans: a health probe killed at its time-out, a docker exec. When one ends "
    "badly, the server takes it for a crashed child of its own and restarts the whole database.",
    remedy="Deploy: the role postgres sets init. In a compose file: init: true.",
    source="docker-library/postgres issue 1349; ours: measured on 17.12",
    reads=("containers",),
    part=POSTGRES,
)
def init(look: Look) -> Iterator[Evidence]:
    for container in look.some(POSTGRES):
        if container.init:
            yield note("runs below an init", container.name, "init")
        else:
            yield bad("runs as process 1, without an init", container.name, "init")


@check(
    "container.stop",
    rows="CTR-09",
    title="The database is stopped by SIGINT, with time to write its pages out",
    phases=DEFINED,
    severity=CRITICAL,
    why="SIGTERM waits for every pooled client and ends in SIGKILL; ten seconds are not enough for a "
    "checkpoint. Both mean crash recovery at the next start, and log that was not archived.",
    remedy="Deploy: the role postgres sets both. In a compose file: stop_signal: SIGINT and "
    "stop_grace_period: 2m.",
    source="Dockerfile of the official image (STOPSIGNAL); PostgreSQL manual, Shutting Down the Server",
    reads=("containers",),
    thresholds=(
        Threshold(
            "validation_container_stop_seconds",
            120,
            "s",
            "the official image's own comment finds that 90 s may be too short",
        ),
    ),
    part=POSTGRES,
)
def stop(look: Look) -> Iterator[Evidence]:
    least = look.threshold("validation_container_stop_seconds")
    for container in look.some(POSTGRES):
        seconds = DEFAULT_STOP_SECONDS if container.stop_timeout is None else container.stop_timeout
        stopped_by = _stop_signal(container)
        if stopped_by != "SIGINT":
            yield bad(f"is stopped by {stopped_by}", container.name, "stop_signal")
        if seconds < least:
            yield bad(
                f"has {seconds:g} s to stop, and {least:g} s are wanted", container.name, "stop_grace_period"
            )
        elif stopped_by == "SIGINT":
            yield note(f"SIGINT, {seconds:g} s", container.name, "stop_grace_period")


def _stop_signal(container: Container) -> str:
    """Return the signal's name. A definition that names none leaves it to the image: the official one says
    SIGINT; of a real container the image's word is known, and none is SIGTERM."""
    said = container.stop_signal
    if said is None:
        return "SIGINT" if container.id is None else "SIGTERM"
    if said.isdigit():
        return {"2": "SIGINT", "15": "SIGTERM"}.get(said, f"signal {said}")
    return said.upper() if said.upper().startswith("SIG") else f"SIG{said.upper()}"


@check(
    "container.health",
    rows="CTR-10",
    title="Every container is healthy",
    phases=RUNNING,
    severity=CRITICAL,
    why="An unhealthy container still takes its share of the requests, or holds up a deploy that waits for "
    "it.",
    remedy="Read what the probe says: docker inspect --format '{{json .State.Health}}' CONTAINER, and docker "
    "logs --tail 50 CONTAINER.",
    source=f"{CIS} 5.27",
    reads=("containers",),
)
def health(look: Look) -> Iterator[Evidence]:
    # One that is stopped or paused keeps its last health, which says nothing of now.
    running = [container for container in look.some() if container.running]
    if not running:
        raise UnreadableError("no container runs")
    for container in running:
        if container.health == "unhealthy":
            yield bad(f"is unhealthy: {_said(container)}", container.name)
        elif container.health == "starting":
            age = _age(look, container.started_at)
            spent = "" if age is None else f" for {_span(age)}"
            yield warn(f"has been starting{spent}: {_said(container)}", container.name)
        else:
            yield note(container.health or "has no health check", container.name)


def _said(container: Container) -> str:
    words = " ".join((container.health_output or "").split())
    return words[:200] or "its probe says nothing"


@check(
    "container.health_check",
    rows="CTR-10",
    title="Every container has a health check, and the database's asks over TCP",
    phases=DEFINED,
    severity=CRITICAL,
    why="Without a probe a container that hangs counts as up. A probe of the socket alone calls a database "
    "ready that is being initialised and takes no connection from anywhere else.",
    remedy="Deploy: the roles set both. In a compose file: test: [CMD, pg_isready, -h, 127.0.0.1, -U, "
    "USER, -d, DATABASE] with a timeout of 5s.",
    source=f"docker-library/postgres issues 146, 440 and 880; {CIS} 4.6 and 5.27",
    reads=("containers",),
    thresholds=(
        Threshold(
            "validation_container_probe_timeout",
            3,
            "s",
            "pg_isready itself waits 3 s for an answer; killed before that, it never tells what it saw",
        ),
    ),
)
def health_check(look: Look) -> Iterator[Evidence]:
    for container in look.some():
        if container.probe is None or container.probe.test[:1] == ("NONE",):
            known = container.role in (POSTGRES, BACKEND)
            yield (bad if known else warn)("has no health check", container.name, "healthcheck")
        else:
            yield from _probe(look, container, container.probe)


def _probe(look: Look, container: Container, probe: Probe) -> Iterator[Evidence]:
    least = look.threshold("validation_container_probe_timeout")
    if container.role == POSTGRES and _asks_the_socket_only(container, probe):
        yield bad(
            f"its probe asks the socket only: {' '.join(probe.words)}", container.name, "healthcheck.test"
        )
    elif container.role == POSTGRES and probe.timeout <= least:
        text = f"its probe is killed after {probe.timeout:g} s, and pg_isready waits {least:g} s"
        yield warn(text, container.name, "healthcheck.timeout")
    else:
        text = f"asked every {probe.interval:g} s, {probe.timeout:g} s to answer"
        yield note(text, container.name, "healthcheck.test")


def _asks_the_socket_only(container: Container, probe: Probe) -> bool:
    """Say whether the command is a client of the database that names no host of the network."""
    words = [part for word in probe.words for part in word.split()]
    if not any(PurePosixPath(word).name in SOCKET_CLIENTS for word in words):
        return False  # something else: a script of the image, which only its author knows
    hosts = [*_hosts(words), container.values.get("PGHOST", "")]
    return not any(host and not host.startswith("/") for host in hosts)


def _hosts(words: list[str]) -> Iterator[str]:
    for at, word in enumerate(words):
        if word in ("-h", "--host") and at + 1 < len(words):
            yield words[at + 1].strip("\"'")
        elif word.startswith("--host="):
            yield word.partition("=")[2]
        elif word.startswith("-h") and len(word) > 2:
            yield word[2:]
        elif "host=" in word or "://" in word:
            yield word


@check(
    "container.recovery",
    rows=("CTR-10", "CTR-11"),
    title="A database that recovers is given the time for it",
    phases=DEFINED,
    severity=CRITICAL,
    why="After a crash the server replays its log and refuses connections, for minutes after a busy hour. "
    "What kills or restarts it for that begins the recovery anew, for ever.",
    remedy="Deploy: the role postgres gives 300 s. In a compose file: healthcheck.start_period: 300s, no "
    "kill in the probe, no autoheal label on the database.",
    source="CloudNativePG, startup probe; pg_isready's manual: exit status 1 means that it is starting",
    reads=("containers",),
    thresholds=(
        Threshold(
            "validation_container_recovery_seconds",
            300,
            "s",
            "ours: a checkpoint interval of 5 min is replayed in less; CloudNativePG gives 3600 s",
        ),
    ),
    part=POSTGRES,
)
def recovery(look: Look) -> Iterator[Evidence]:
    least = look.threshold("validation_container_recovery_seconds")
    for container in look.some(POSTGRES):
        probe = container.probe
        if probe is None:
            yield note("has no health check that could get in its way", container.name)
            continue
        words = [part for word in probe.words for part in word.split()]
        short = probe.start_period < least
        healed = str(container.labels.get("autoheal", "")).lower() == "true"
        if any(PurePosixPath(word.strip(";()")).name in ("kill", "pkill", "killall") for word in words):
            yield bad("its probe kills the server that does not answer", container.name, "healthcheck.test")
        elif short and healed:
            text = f"is restarted when unhealthy (label autoheal), {probe.start_period:g} s after its start"
            yield bad(text, container.name, "healthcheck.start_period")
        elif short:
            text = f"counts as unhealthy {probe.start_period:g} s after its start, and {least:g} s are wanted"
            yield warn(text, container.name, "healthcheck.start_period")
        else:
            yield note(f"has {probe.start_period:g} s", container.name, "healthcheck.start_period")


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


@check(
    "container.state",
    rows="CTR-18",
    title="Every declared container runs",
    phases=RUNNING,
    severity=CRITICAL,
    why="A container that was stopped by hand stays stopped, whatever its restart policy, and after a "
    "docker kill too. A paused one takes connections and never answers.",
    remedy="Deploy again, which starts what is declared; or docker start CONTAINER, docker unpause "
    "CONTAINER.",
    source="moby issue 11065; Docker manual, Start containers automatically",
    reads=("containers",),
)
def state(look: Look) -> Iterator[Evidence]:
    there = {container.name: container for container in look.real_containers()}
    for wanted in look.declared_containers():
        container = there.get(wanted.name)
        if container is None:
            yield bad("is declared and not there", wanted.name)
        elif container.running:
            age = _age(look, container.started_at)
            yield note("runs" if age is None else f"runs for {_span(age)}", container.name)
        elif container.state in ("exited", "dead"):
            age = _age(look, container.finished_at)
            when = "" if age is None else f" {_span(age)} ago"
            yield bad(f"is {container.state}: it ended with {container.exit_code}{when}", container.name)
        else:
            yield bad(f"is {container.state}", container.name)


def _age(look: Look, then: datetime | None) -> float | None:
    return None if then is None else max((look.now - then).total_seconds(), 0.0)


def _span(seconds: float) -> str:
    """Return a span for people: seconds up to two minutes, minutes, hours, days."""
    for size, unit in ((2 * 86400, "d"), (2 * 3600, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds / {'d': 86400, 'h': 3600, 'min': 60}[unit]:.0f} {unit}"
    return f"{seconds:.0f} s"


def _count(number: int, thing: str) -> str:
    plural = "es" if thing.endswith("s") else "s"
    return f"{number} {thing}" if number == 1 else f"{number} {thing}{plural}"


def _mb(size: float) -> str:
    return f"{size / 1024**2:.0f} MB"
