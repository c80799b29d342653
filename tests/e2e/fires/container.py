"""How containers are held and how they are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from stack import Stack, until

from fires.fire import Fire, by_shell
from fires.replaced import health, replaced


@contextlib.contextmanager
def bad_backend(stack: Stack) -> Iterator[None]:
    """The second replica with everything that a container should not have."""
    name = f"{stack.name}-backend-2"
    repository = f"{stack.name}/backend"
    stack.host.run("docker", "tag", stack.host.inspect(name)["Image"], f"{repository}:latest")
    rights = ["--pid=host", "--user=0", "--cap-add=NET_ADMIN", "--security-opt=seccomp=unconfined"]
    socket = "--volume=/var/run/docker.sock:/var/run/docker.sock"
    image = ["--no-healthcheck", "--entrypoint=sleep", f"{repository}:latest", "3600"]
    try:
        with replaced(stack, name, *rights, socket, *image):
            yield
    finally:
        stack.host.run("docker", "image", "rm", f"{repository}:latest")


@contextlib.contextmanager
def bad_database(stack: Stack) -> Iterator[None]:
    """The database by the folder of its volume, published, without its name, and with a probe of no use."""
    name, state = f"{stack.name}-db", f"/var/lib/stanchion/{stack.name}/postgres"
    good = stack.host.inspect(name)
    data = next(m["Source"] for m in good["Mounts"] if m["Destination"] == "/var/lib/postgresql/data")
    held = ["--memory=1g", "--memory-swap=2g", "--stop-signal=SIGTERM", "--stop-timeout=10", "--user=999:999"]
    probe = ["--health-cmd=pg_isready -h /nowhere", "--health-interval=1s", "--health-retries=1"]
    # The image's own would be 300 s.
    probe.append("--health-start-period=1s")
    mounts = [f"{data}:/var/lib/postgresql/data", f"{state}/config:/etc/postgresql:ro"]
    mounts.append(f"{state}/socket:/run/postgresql")
    with replaced(
        stack,
        name,
        *(f"--network={stack.name}_edge_network", "--publish=5432:5432", "--tmpfs=/tmp"),
        *(*held, *probe, *(f"--volume={mount}" for mount in mounts)),
        *(good["Config"]["Image"], *good["Config"]["Cmd"]),
    ):
        stack.host.run("docker", "network", "connect", f"{stack.name}_app_network", name)
        until(lambda: health(stack, name) == "unhealthy", "the bad database is not unhealthy")
        until(lambda: stack.sql("SELECT 1") == "1", "the bad database does not answer")
        yield


@contextlib.contextmanager
def worn(stack: Stack) -> Iterator[None]:
    """The second replica after a crash, with a process killed for lack of memory."""
    name = f"{stack.name}-backend-2"
    stack.host.run("kill", "-9", str(stack.host.inspect(name)["State"]["Pid"]))
    until(lambda: bool(stack.host.inspect(name)["RestartCount"]), "it was not restarted")
    until(lambda: stack.host.inspect(name)["State"]["Running"], "it is not up again")
    hog = "x = bytearray(2**30); print(len(x))"
    stack.host.run("docker", "exec", name, "python3", "-c", hog, check=False)
    try:
        yield
    finally:
        stack.host.run("docker", "restart", name)
        stack.wait_until_healthy()


@contextlib.contextmanager
def paused(stack: Stack) -> Iterator[None]:
    """The second replica stopped in the middle of its work."""
    name = f"{stack.name}-backend-2"
    stack.host.run("docker", "pause", name)
    try:
        yield
    finally:
        stack.host.run("docker", "unpause", name)
        # A probe that fell into the pause has failed.
        stack.wait_until_healthy()


@contextlib.contextmanager
def other_memory(stack: Stack) -> Iterator[None]:
    """The database with a limit that somebody has changed by hand."""
    name = f"{stack.name}-db"
    memory = str(stack.host.inspect(name)["HostConfig"]["Memory"])
    update = ["docker", "update", "--memory", "1g", "--memory-swap", "1g", name]
    stack.host.run(*update)
    try:
        yield
    finally:
        stack.host.run(*(memory if word == "1g" else word for word in update))


BAD = "bad containers"
# Takes 350 MB and keeps them; with the application's own that is most of a replica's limit.
HOG = (
    'import os, time; open("/tmp/hog", "w").write(str(os.getpid())); '
    'held = b"x" * (350 * 2**20); time.sleep(300)'
)

FIRES = [
    Fire("container.memory_limit", BAD, bad_backend, r"backend-2: has no memory limit"),
    Fire("container.cpu_pids", BAD, None, r"backend-2: has no limit of processes"),
    Fire("container.restart_policy", BAD, None, r"backend-2: has no restart policy"),
    Fire("container.capabilities", BAD, None, r"backend-2: is given NET_ADMIN"),
    Fire("container.privileged", BAD, None, r"backend-2: has the engine's socket"),
    Fire("container.no_new_privileges", BAD, None, r"backend-2: runs with seccomp:unconfined"),
    Fire("container.read_only", BAD, None, r"backend-2: may write to its root file system"),
    Fire("container.user", BAD, None, r"backend-2: runs as 0, which is root"),
    Fire("container.health_check", BAD, None, r"db: its probe asks the socket only: pg_isready -h /nowhere"),
    Fire("container.init", BAD, bad_database, r"db: runs as process 1"),
    Fire("container.stop", BAD, None, r"db: is stopped by SIGTERM"),
    Fire("container.swap", BAD, None, r"db: may use 1024MB of swap"),
    Fire("container.recovery", BAD, None, r"db: counts as unhealthy 1 s after its start"),
    Fire("container.health", BAD, None, r"db: is unhealthy: /nowhere:5432 - no response"),
    Fire("container.state", "in place", paused, r"backend-2: is paused"),
    Fire(
        "container.effective_limits",
        "in place",
        other_memory,
        r"db: memory \(kernel\): declared 2048MB, in force 1024MB",
    ),
    Fire(
        "container.memory_used",
        "in place",
        by_shell(
            f"docker exec -d {{stack}}-backend-1 python3 -c '{HOG}'; sleep 1",
            "docker exec {stack}-backend-1 sh -c 'kill $(cat /tmp/hog); rm /tmp/hog'",
        ),
        r"backend-1: uses 4\d\d MB of 512 MB",
    ),
    Fire("container.oom", "worn", worn, r"backend-2: the kernel has killed \d process"),
    Fire(
        "container.flapping",
        "worn",
        None,
        r"backend-2: was restarted 1 time, last \d+ s ago",
        variables={"validation_container_restarts": 0},
    ),
]
