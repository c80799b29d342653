"""One stack on one Docker host in a container, driven as a person would drive it."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from stanchion.run.processes import below, wait_until_gone

ROOT = Path(__file__).resolve().parents[2]
KEY = ROOT / ".stanchion" / "test_key"
# sshd is started by who connects: no port, no address.
OPTIONS = (
    '-o ProxyCommand="docker exec -i %h /usr/sbin/sshd -i" '
    "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
)
# A connection that stays open, where each `docker exec` has the engine start and watch processes of its own.
# Sockets have short paths.
KEPT = ["-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-o", f"ControlPath=/tmp/{os.getpid()}-%C"]
# Each look of a health check is a process in a container, and three hosts share two processors. Who has them
# alone waits less with a shorter one.
PROBES = os.environ.get("STANCHION_TEST_PROBES", "20s")
CALM = {"backend_health_interval": PROBES, "postgres_health_interval": PROBES}

# The containers of the role monitoring, after the stack's name.
MONITORING = ("alertmanager", "blackbox-exporter", "node-exporter", "postgres-exporter", "prometheus")


def monitoring(stack: Stack) -> tuple[str, ...]:
    """Return what a stack's monitoring consists of, after the stack's name."""
    return MONITORING if stack.variables.get("stack_monitoring") else ()


def until(holds: Callable[[], bool], otherwise: str, within: float = 60, every: float = 0.5) -> None:
    """Wait until something holds.

    Raises:
        AssertionError: it did not within that many seconds.
    """
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"{otherwise} after {within} s"
        time.sleep(every)


@dataclass(frozen=True)
class Host:
    """A Docker host that is itself a container on this machine's engine."""

    container: str

    def run(self, *argv: str, stdin: str | None = None, check: bool = True, timeout: float = 120) -> str:
        """Run a command on the host as root and return what it printed."""
        done = subprocess.run(
            ["ssh", "-i", str(KEY), *shlex.split(OPTIONS), *KEPT, f"root@{self.container}", shlex.join(argv)],
            input="" if stdin is None else stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(argv)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def python(self, script: str, *argv: str, timeout: float = 180) -> Any:
        """Run a Python script on the host and return the JSON that it printed."""
        return json.loads(self.run("python3", "-", *argv, stdin=script, timeout=timeout))

    def inspect(self, container: str) -> dict[str, Any]:
        """Return `docker inspect` of one container of the host."""
        return json.loads(self.run("docker", "inspect", container))[0]

    def image(self, of: str) -> str:
        """Return the newest image of a name that the host has."""
        return self.run("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", of).split()[0]

    def compose(self, folder: str, *argv: str) -> str:
        """Run docker compose on the file of a folder."""
        return self.run("docker", "compose", "--project-directory", folder, *argv, timeout=300)

    def containers(self, stack: str) -> dict[str, str]:
        """Return name and id of every container of a stack, stopped ones too; none of cron's jobs."""
        form = '{{.Names}} {{.ID}} {{.Label "io.stanchion.one-shot"}}'
        options = ["--filter", f"label=io.stanchion.stack={stack}", "--format", form]
        listed = self.run("docker", "ps", "-a", "--no-trunc", *options)
        return dict(line.split() for line in listed.splitlines() if len(line.split()) == 2)


@dataclass(frozen=True)
class Run:
    """What one run of the runner ended with."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        """The JSON object on stdout."""
        return json.loads(self.out)

    @property
    def text(self) -> str:
        """All that a person would read, white space folded."""
        return " ".join((self.out + self.err).split())


@dataclass
class Stack:
    """A stack's inventory, and the runner pointed at it.

    Attributes:
        deployed: what was there after the last deploy.
        root: the clone whose runner is driven.
    """

    host: Host
    folder: Path
    name: str
    variables: dict[str, Any] = field(default_factory=dict)
    deployed: list[str] = field(default_factory=list)
    root: Path = ROOT

    def with_variables(self, **changed: Any) -> Stack:
        """Return the same stack with other variables, in an inventory of its own."""
        folder = self.folder / f"v{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        return dataclasses.replace(self, folder=folder, variables={**self.variables, **changed}, deployed=[])

    @property
    def inventory(self) -> Path:
        """Write the inventory and return its file."""
        connection = {
            "ansible_connection": "ssh",
            "ansible_host": self.host.container,
            "ansible_ssh_private_key_file": str(KEY),
            "ansible_ssh_common_args": OPTIONS,
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        hosts = {"hosts": {"dockerhost": None}}
        # What an older tool does not know, it refuses.
        monitored = {"stack_monitoring": False} if self.root == ROOT else {}
        groups = {
            "stack": {
                "children": {"database": hosts, "backend": dict(hosts)},
                "vars": {**connection, "stack_name": self.name, **monitored, **self.variables},
            }
        }
        path = self.folder / "hosts.yml"
        path.write_text(yaml.safe_dump(groups))
        return path

    def command(self, verb: str, *argv: str) -> list[str]:
        """Return the command line of a verb."""
        return [sys.executable, "runner.py", *verb.split(), "-i", str(self.inventory), *argv]

    def environment(self) -> dict[str, str]:
        """Return the environment of a run: its records stay in the test's own folder."""
        run = {**os.environ, "STANCHION_STATE": str(self.folder.parent / "state"), "NO_COLOR": "1"}
        # The modules that runs share are this clone's.
        return (
            run if self.root == ROOT else {k: v for k, v in run.items() if k != "ANSIBLE_CALLBACKS_ENABLED"}
        )

    def start(self, verb: str, *argv: str) -> subprocess.Popen[str]:
        """Start a verb in a process group of its own."""
        return self._popen(self.command(verb, *argv))

    def _popen(self, command: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def kill_when(
        self,
        reached: Callable[[], bool],
        verb: str,
        *argv: str,
        within: float = 400,
        every: float = 0.3,
        ansible_too: bool = False,
    ) -> None:
        """Start a verb, and SIGKILL all of it once something has been reached.

        Ansible is told by the kernel and puts right what it can, unless it is killed as well.

        Raises:
            AssertionError: it ended, or took too long, without that.
        """
        run = self.start(verb, *argv)
        try:
            deadline = time.monotonic() + within
            while not reached():
                assert run.poll() is None, f"it ended before: {run.communicate()}"
                assert time.monotonic() < deadline, f"not reached within {within} s"
                time.sleep(every)
        finally:
            started = below(run.pid)
            # One that has ended has said why.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
            for process in started if ansible_too else ():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            run.communicate()
            # Ansible is told, and takes a moment to end: until then the lock is rightly its own.
            assert wait_until_gone(started, time.monotonic() + 30)

    def kill_at_task(self, task: str, ansible_too: bool = False) -> None:
        """Start a deploy, and SIGKILL all of it once the named task has begun."""
        state = self.folder.parent / "state"
        earlier = set(state.glob("runs/*/artifacts/*/stdout"))

        def begun() -> bool:
            new = set(state.glob("runs/*/artifacts/*/stdout")) - earlier
            return any(f"TASK [{task}" in each.read_text(errors="replace") for each in new)

        self.kill_when(begun, "deploy", within=240, every=0.05, ansible_too=ansible_too)

    def wait_until_healthy(self) -> None:
        """Wait until every container of the stack is, a minute at most.

        Raises:
            AssertionError: they are not.
        """
        until(self.is_healthy, "the stack is not healthy", every=1)

    def is_healthy(self) -> bool:
        """Say whether every running container of the stack that has a probe is healthy."""
        form = "{{if .State.Running}}{{if .State.Health}}{{.State.Health.Status}}{{end}}{{end}}"
        names = self.host.containers(self.name)
        return set(self.host.run("docker", "inspect", "--format", form, *names).split()) <= {"healthy"}

    def on_host(self, *argv: str, check: bool = True) -> dict[str, Any]:
        """Run the backups' command on the host, and return what it says as JSON."""
        return json.loads(self.host.run(f"stanchion-{self.name}", *argv, "--json", check=check, timeout=300))

    def runner(self, verb: str, *argv: str, timeout: float = 1500) -> Run:
        """Run a verb to its end."""
        return self.execute(self.command(verb, *argv), timeout)

    def execute(self, command: list[str], timeout: float = 1500) -> Run:
        """Run a command line to its end."""
        process = self._popen(command)
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        return Run(process.returncode, out, err)

    def deploy(self, *argv: str) -> Run:
        """Deploy, and insist that it succeeds."""
        run = self.runner("deploy", "--format", "json", *argv)
        assert run.code == 0, f"deploy ended with {run.code}: {run.out}{run.err}"
        self.remember()
        return run

    def bring_back(self) -> None:
        """Deploy, unless all is as the last deploy has left it; say what was not."""
        seen = self.picture()
        # Some are as they were, and were started a moment ago.
        deadline = time.monotonic() + 30
        while (
            seen not in self.deployed
            and re.search("starting|unhealthy", seen)
            and time.monotonic() < deadline
        ):
            time.sleep(1)
            seen = self.picture()
        if seen in self.deployed:
            return
        for before in self.deployed:
            changes = difflib.unified_diff(before.splitlines(), seen.splitlines(), "deployed", "now", n=0)
            print("\n".join(changes), file=sys.stderr)
        self.deploy("--no-validate")

    def remember(self) -> None:
        """Take what is there now for what a deploy of these variables leaves."""
        self.deployed[:] = [self.picture()]

    @property
    def not_of_jobs(self) -> str:
        """Return the options of find that leave out what cron's jobs write, of any stack."""
        jobs = ".* log records metrics scratch copies lock watch.json watch.lock job.lock restore.json"
        written = [f"backup/{name}" for name in jobs.split()]
        written += [f"recovery/{name}" for name in (".*", "recovery.jsonl", "watch.json", "watch.lock")]
        written += [f"monitoring/{name}" for name in (".*", "metrics", "figures.json", "figures.lock")]
        return " ".join(f"-path '/var/lib/stanchion/*/{path}' -prune -o" for path in written)

    def picture(self) -> str:
        """Return what a deploy would look at: containers with their health, and the stack's files.

        Cron's jobs come and go: their containers and what they write are left out, and so is when the server
        began, which its socket's lock file says.
        """
        state = f"/var/lib/stanchion/{self.name}"
        left_out = self.not_of_jobs
        names = " ".join(sorted(self.host.containers(self.name)))
        look = (
            f"docker inspect --format '{{{{.Id}}}} {{{{.Name}}}} {{{{.State.Status}}}} "
            f"{{{{.State.Health.Status}}}}"
            f" {{{{.HostConfig.Memory}}}}' {names};"
            f" find {state} {left_out} -type f ! -name runs.jsonl ! -name '.s.PGSQL.*'"
            f" -exec sha256sum {{}} + 2>/dev/null | sort;"
            f" find {state} {left_out} -printf '%p %m %U %G\\n' 2>/dev/null | sort;"
            f" cat /etc/cron.d/stanchion-{self.name} /etc/cron.d/stanchion-{self.name}-*"
        )
        return self.host.run("sh", "-c", look, check=False)

    def identities(self) -> dict[str, tuple[str, str, int]]:
        """Return what tells that a container was neither replaced nor restarted."""
        found = {}
        for name in self.host.containers(self.name):
            seen = self.host.inspect(name)
            found[name] = (seen["Id"], seen["State"]["StartedAt"], seen["RestartCount"])
        return found

    def sql(self, query: str, database: str = "medication_tracker") -> str:
        """Run a query as an operator, by the socket inside the database's container."""
        psql = ["psql", "-U", "postgres", "-XAtq", "-d", database, "-c", query]
        return self.host.run("docker", "exec", "-i", f"{self.name}-db", *psql).strip()

    @contextlib.contextmanager
    def session(self, *statements: str, wait: float = 0.0, user: str = "postgres") -> Iterator[None]:
        """Keep a session open that has said this, for `wait` seconds before it is looked at."""
        psql = ["psql", "-U", user, "-XAtq", "-d", "medication_tracker"]
        process = subprocess.Popen(
            ["docker", "exec", "-i", self.host.container, "docker", "exec", "-i", f"{self.name}-db", *psql],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write("SELECT 'begun';\n" + "\n".join(f"{each};" for each in statements) + "\n")
            process.stdin.flush()
            assert process.stdout.readline().strip() == "begun"
            time.sleep(max(wait, 0.3))
            yield
        finally:
            process.kill()
            process.wait()
            # The client inside is not ours to kill: the server ends its session.
            self.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'psql' AND pid <> pg_backend_pid()"
            )

    def url(self, replica: int = 1) -> str:
        """Return the address of a replica, as the host sees it."""
        return f"http://127.0.0.1:{int(self.variables.get('backend_publish_port', 5000)) + replica - 1}"

    def curl(self, path: str, *argv: str, replica: int = 1) -> tuple[int, str]:
        """Ask a replica from its host; return status (0: no answer) and body."""
        out = self.host.run(
            "curl", "-s", "-m", "40", "-w", "\n%{http_code}", *argv, self.url(replica) + path, check=False
        )
        body, _, status = out.rpartition("\n")
        return int(status or 0), body

    def add_medication(self, name: str, replica: int = 1) -> int:
        """Create a medication by the API and return its id."""
        body = json.dumps({"name": name, "dosage": "400 mg"})
        status, answer = self.curl(
            "/medications", "-H", "Content-Type: application/json", "-d", body, replica=replica
        )
        assert status == 201, f"{status}: {answer}"
        return int(json.loads(answer)["id"])
