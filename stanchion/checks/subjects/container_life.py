"""That a container runs, is well, comes back by itself, and is stopped as it should be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from stanchion.checks.container import (
    BACKEND,
    DEFAULT_STOP_SECONDS,
    MONITORING,
    POSTGRES,
    Container,
    Probe,
)
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, UnreadableError, bad, note, warn
from stanchion.checks.registry import (
    CRITICAL,
    DEFINED,
    RUNNING,
    WARNING,
    Threshold,
    check,
)
from stanchion.checks.words import count, seconds_since, span

CIS = "CIS Docker Benchmark"
DOCKER_MANUAL = "Docker manual"
# Clients that use the Unix socket where no host is named.
SOCKET_CLIENTS = ("pg_isready", "psql")


@check(
    "container.state",
    rows="CTR-18",
    title="Every declared container runs",
    phases=RUNNING,
    severity=CRITICAL,
    why="A container that was stopped by hand stays stopped, whatever its restart policy, and after a "
    "docker kill too. A paused one takes connections and never answers.",
    remedy="docker unpause CONTAINER of a paused one, which a deploy leaves alone; then deploy, which starts "
    "and makes what is declared.",
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
            age = seconds_since(look, container.started_at)
            yield note("runs" if age is None else f"runs for {span(age)}", container.name)
        elif container.state in ("exited", "dead"):
            age = seconds_since(look, container.finished_at)
            when = "" if age is None else f", {span(age)} ago"
            yield bad(f"is {container.state}: it ended with code {container.exit_code}{when}", container.name)
        else:
            yield bad(f"is {container.state}", container.name)


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
        times = count(container.restart_count, "time")
        age = seconds_since(look, container.started_at)
        if container.state == "restarting":
            yield bad(
                f"is being restarted, {times} so far; it ends with {container.exit_code}", container.name
            )
        elif container.restart_count > most and age is not None and age <= window:
            yield bad(f"was restarted {times}, last {span(age)} ago", container.name)
        elif container.restart_count:
            last = "" if age is None else f", last {span(age)} ago"
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
    # What is none of these may be a job, which has to end.
    for container in look.some(POSTGRES, BACKEND, MONITORING):
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
            age = seconds_since(look, container.started_at)
            spent = "" if age is None else f" for {span(age)}"
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
            known = container.role in (POSTGRES, BACKEND, MONITORING)
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
