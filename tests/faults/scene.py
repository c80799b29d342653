"""The stack on which things are broken: its writers, what it is, and how its own processes are reached."""

from __future__ import annotations

import contextlib
import json
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rows import Log, Outcome, judge, read
from stack import Host, Run, Stack, until

FOLDER = "/root/faults"
WRITER = Path(__file__).parent / "writer.py"
TABLE = (
    "CREATE TABLE IF NOT EXISTS fault_rows (run text, number int, at timestamptz DEFAULT clock_timestamp(),"
    " PRIMARY KEY (run, number))"
)
WRITERS = ("api", "sql")
# What the logs and the restart policies' counts say of earlier faults is true, and theirs.
LOOKING = {"validation_log_window": 45, "validation_container_restarts": 9}
# From the backend's own figures: it waits DB_POOL_TIMEOUT for a connection and has half a second to use it.
# One more for two processors that a whole run shares.
ANSWERED = 1.5


@dataclass(frozen=True)
class Look:
    """What the runner saw and said."""

    code: int
    ended: float
    recovery: dict[str, Any]
    before: dict[str, dict[str, Any]]
    after: dict[str, dict[str, Any]]
    headline: str

    def __str__(self) -> str:
        """Return what was said, in a few lines."""
        causes = [
            f"{each['cause']} ({each['of']}): {each['what']} -> {each['outcome']} {each['why']}"
            for each in self.recovery["causes"]
        ]
        wrong = [
            f"{slug}: {found['outcome']}, {found['summary']}"
            for slug, found in self.after.items()
            if found["outcome"] not in ("pass", "skip")
        ]
        return "\n  ".join([f"{self.code}: {self.headline}", *causes, *wrong])

    def cause(self, slug: str) -> dict[str, Any]:
        """Return what was said of a cause.

        Raises:
            AssertionError: it was not named.
        """
        named = {each["cause"]: each for each in self.recovery["causes"]}
        assert slug in named, f"{slug} is not among the causes {sorted(named)}: {self}"
        return named[slug]

    def told(self, slug: str) -> str:
        """Return all that a check that is not well said before anything was done; empty where it is well."""
        found = self.before[slug]
        if found["outcome"] == "pass":
            return ""
        return " ".join([found["summary"], *(f"{seen['of']}: {seen['what']}" for seen in found["evidence"])])


@dataclass(frozen=True)
class Figures:
    """What the writers and the watcher of one fault have seen."""

    api: Outcome
    sql: Outcome
    answers: list[tuple[int, str, float]]
    alive: list[tuple[str, int, float]]

    @property
    def lost(self) -> int:
        return len(self.api.lost) + len(self.sql.lost)

    @property
    def unexpected(self) -> int:
        return len(self.api.unexpected) + len(self.sql.unexpected)


@dataclass
class Scene:
    """One stack, and what a fault needs of it.

    Attributes:
        notes: what the fault at hand keeps from its beginning to its end.
        before: system identifier and timeline before the fault at hand.
        workers_before: the processes of the backend then.
        well: whether the last fault was mended whole.
        moments: those of each writer's rows.
        run: the name of what the writers write now.
        step: how far the database's clock is set back meanwhile.
    """

    stack: Stack
    notes: dict[str, Any] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    workers_before: dict[str, list[str]] = field(default_factory=dict)
    well: bool = True
    moments: list[list[float]] = field(default_factory=list)
    run: str = ""
    step: float = 0

    def begin(self) -> None:
        """Begin with the next fault, on a stack that is well."""
        if not self.well:
            self.stack.bring_back()
            self.install()
        self.well = False
        self.notes = {}
        self.before, self.workers_before = self.identity(), self.workers()

    @property
    def pool_timeout(self) -> float:
        return float(self.stack.variables["backend_pool_timeout"])

    @property
    def host(self) -> Host:
        return self.stack.host

    @property
    def database(self) -> str:
        return f"{self.stack.name}-db"

    @property
    def backends(self) -> list[str]:
        return [f"{self.stack.name}-backend-{number}" for number in (1, 2)]

    @property
    def container_id(self) -> str:
        return str(self.host.inspect(self.database)["Id"])

    @property
    def state(self) -> str:
        return f"/var/lib/stanchion/{self.stack.name}"

    @property
    def command(self) -> str:
        return f"/usr/local/sbin/stanchion-{self.stack.name}"

    def sh(self, script: str, check: bool = True, timeout: float = 120) -> str:
        """Run a script on the host."""
        return self.host.run("sh", "-euc", script, check=check, timeout=timeout).strip()

    def volume(self, name: str) -> str:
        """Return the folder of a volume on the host."""
        return self.sh(f"docker volume inspect {name} --format '{{{{.Mountpoint}}}}'")

    # Processes: by their ids on the host, found below the stack's own containers and nowhere else.

    def postmaster(self) -> int:
        """Return the server's process id on the host: the child of the container's init."""
        return int(self.sh(f"pgrep -P {self.host.inspect(self.database)['State']['Pid']} -x postgres"))

    def of_server(self, title: str) -> list[int]:
        """Return the ids of the server's processes whose title has these words."""
        return [int(pid) for pid in self.sh(f"pgrep -P {self.postmaster()} -f '{title}' || true").split()]

    def workers(self) -> dict[str, list[str]]:
        """Return the ids of each replica's processes."""
        return {
            name: sorted(self.sh(f"docker top {name} -eo pid,args | awk '/gunicorn/ {{print $1}}'").split())
            for name in self.backends
        }

    # What may not change.

    def identity(self) -> dict[str, str]:
        """Return system identifier and timeline."""
        found = self.stack.sql(
            "SELECT system_identifier, timeline_id FROM pg_control_system(), pg_control_checkpoint()"
        )
        identifier, _, timeline = found.partition("|")
        return {"identifier": identifier, "timeline": timeline}

    def starts(self, name: str) -> tuple[str, int]:
        """Return when a container was started, and how often it was restarted by its policy."""
        seen = self.host.inspect(name)
        return seen["State"]["StartedAt"], seen["RestartCount"]

    def answers(self) -> bool:
        """Say whether the database answers on its socket."""
        ready = f"docker exec {self.database} pg_isready -q -h /run/postgresql -t 2 && echo yes || true"
        return self.sh(ready) == "yes"

    def archived(self) -> None:
        """Insist that WAL arrives: pgBackRest's own check, which switches a segment and waits for it."""
        self.sh(
            f"docker exec -e PGBACKREST_STANZA={self.stack.name} {self.database} pgbackrest check >/dev/null"
        )

    # A bounded disk, in memory: the machine's own is never filled.

    def bound(self, folder: str, room: int) -> None:
        """Put what is in a folder onto a small file system, with so many megabytes to spare."""
        small = f"{FOLDER}/small"
        # A container that runs does not see what is mounted after its start.
        self.sh(
            f"docker stop {self.database} >/dev/null; mkdir -p {small};"
            f" mount -t tmpfs -o uid=999,gid=999 small {small}; cp -a {folder}/. {small};"
            f" used=$(df -k --output=used {small} | tail -n 1);"
            f" mount -o remount,size=$((used + {room} * 1024))k {small}; mount --bind {small} {folder};"
            f" docker start {self.database} >/dev/null"
        )
        until(self.answers, "the database does not answer")

    def unbound(self, folder: str) -> None:
        """Put it back onto the disk, with all that has changed, where it is not there already."""
        small = f"{FOLDER}/small"
        self.sh(
            f"mountpoint -q {small} || exit 0; docker stop {self.database} >/dev/null;"
            f" ! mountpoint -q {folder} || umount {folder};"
            f" find {folder} -mindepth 1 -delete; cp -a {small}/. {folder}; umount {small};"
            f" docker start {self.database} >/dev/null"
        )
        until(self.answers, "the database does not answer")

    # Writers.

    def install(self) -> None:
        """Put the writers on the host, and the table that they need into the database."""
        self.sh(f"mkdir -p {FOLDER}")
        self.host.run("sh", "-c", f"cat > {FOLDER}/writer.py", stdin=WRITER.read_text())
        self.stack.sql(TABLE)
        # Cron does so at the next full minute; until then a new stack rightly says that it has no metrics.
        self.sh(f"{self.command} watch >/dev/null")

    def start_writers(self, run: str, urls: str = "") -> None:
        """Start the writers and the watcher; those of an earlier process of this run go on counting."""
        urls = urls or " ".join(self.stack.url(number) for number in (1, 2))
        rest = {"api": urls, "sql": f"{self.state}/postgres/socket", "alive": urls}
        each = (
            f"setsid python3 {FOLDER}/writer.py {mode} {FOLDER} {run} {rest[mode]}"
            f" >>{FOLDER}/{run}.{mode}.err 2>&1 </dev/null & echo $! >> {FOLDER}/pids\n"
            for mode in (*WRITERS, "alive")
        )
        self.sh(f"rm -f {FOLDER}/stop {FOLDER}/pids\n" + "".join(each))

    def hold(self, count: int, *statements: str) -> None:
        """Have sessions called `leak` say this, and keep them open; they end with the writers."""
        socket = f"{self.state}/postgres/socket"
        said = " ".join(shlex.quote(each) for each in (socket, str(count), *statements))
        self.sh(
            f"rm -f {FOLDER}/held\n"
            f"setsid python3 {FOLDER}/writer.py hold {FOLDER} {said} >>{FOLDER}/hold.err 2>&1 </dev/null &"
            f" echo $! >> {FOLDER}/pids; echo $! > {FOLDER}/holder\n"
            f"for i in $(seq 100); do [ ! -e {FOLDER}/held ] || exit 0; sleep 0.1; done; exit 1"
        )

    def let_go(self) -> None:
        """End the process that holds sessions, where it is still there."""
        self.sh(f"[ ! -e {FOLDER}/holder ] || kill $(cat {FOLDER}/holder) 2>/dev/null || true")

    def stop_writers(self) -> None:
        """Have them end after the row that they are at, and wait for that."""
        self.sh(
            f"touch {FOLDER}/stop\n"
            f"for pid in $(cat {FOLDER}/pids); do for i in $(seq 100); do"
            " [ -d /proc/$pid ] || break; sleep 0.1; done; done"
        )

    def acknowledged(self, run: str, writer: str) -> int:
        """Return how many rows of a writer the server has acknowledged up to now."""
        return int(self.sh(f"grep -c ^yes {FOLDER}/{run}.{writer} || true") or 0)

    def wait_for_rows(self, run: str, within: float, writers: tuple[str, ...] = WRITERS) -> None:
        """Wait until each writer has written a few more rows."""
        goal = {writer: self.acknowledged(run, writer) + 3 for writer in writers}
        until(
            lambda: all(self.acknowledged(run, writer) >= count for writer, count in goal.items()),
            f"not every writer of {run} has rows again",
            within=within,
            every=0.3,
        )

    def rows(self, run: str, writer: str) -> dict[int, float]:
        """Return the numbers and moments of the rows that the database has of a run."""
        query = {
            "api": f"SELECT split_part(name, ' ', 2), extract(epoch FROM created_at) FROM medications"
            f" WHERE name LIKE '{run} %'",
            "sql": f"SELECT number, extract(epoch FROM at) FROM fault_rows WHERE run = '{run}'",
        }[writer]
        pairs = (line.split("|") for line in self.stack.sql(query).splitlines())
        rows = {int(number): float(at) for number, at in pairs}
        # None is older than its run.
        early = time.time() - self.step / 2
        return {number: at + self.step if at < early else at for number, at in rows.items()}

    def figures(self, run: str) -> Figures:
        """Hold the logs of a run against the rows that are there."""
        self.moments = []
        logs: dict[str, Log] = {}
        outcomes: dict[str, Outcome] = {}
        for writer in WRITERS:
            logs[writer] = read(self.host.run("cat", f"{FOLDER}/{run}.{writer}").splitlines())
            rows = self.rows(run, writer)
            outcomes[writer] = judge(logs[writer], rows)
            self.moments.append(sorted(rows.values()))
        watched = self.host.run("cat", f"{FOLDER}/{run}.alive", check=False).splitlines()
        alive = [line.split() for line in watched if len(line.split()) == 6]
        return Figures(
            outcomes["api"],
            outcomes["sql"],
            logs["api"].answers,
            [(words[2], int(words[3]), float(words[4])) for words in alive],
        )

    # The runner.

    def look(self, *argv: str, looking: dict[str, Any] | None = None) -> Look:
        """Run recover (with --plan it changes nothing), and return what it said."""
        variables = {**LOOKING, **(looking or {})}
        words = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
        run = self.stack.runner("recover", *argv, *words, "--format", "json", timeout=600)
        return seen(run, time.monotonic())

    def settled(self, looking: dict[str, Any] | None = None) -> Look:
        """Return a look after a repair by hand: what waited is archived, and old lines do not count."""
        until(self.answers, "the database does not answer")
        self.stack.wait_until_healthy()
        self.sh(f"{self.command} settle >/dev/null")
        return self.look("--plan", looking={**(looking or {}), "validation_log_window": 1})

    @contextlib.contextmanager
    def kept(self, *paths: str) -> Iterator[None]:
        """Keep copies of files on the host, and put them back in place: a container may mount one alone."""
        names = " ".join(paths)
        self.sh(f"rm -rf {FOLDER}/kept; mkdir -p {FOLDER}/kept; cp -a --parents {names} {FOLDER}/kept")
        try:
            yield
        finally:
            self.sh(f"for file in {names}; do cp -a {FOLDER}/kept$file $file; done")


def seen(run: Run, ended: float) -> Look:
    """Read the result of one run."""
    try:
        result = run.result
    except json.JSONDecodeError:
        raise AssertionError(f"no result: {run.code} {run.text}") from None
    looks = [
        {each["slug"]: each for each in validation["findings"]}
        for validation in result.get("validations") or [{}]
    ]
    recoveries = result.get("recoveries") or [{"causes": []}]
    return Look(
        run.code,
        ended,
        recoveries[0],
        looks[0] if looks else {},
        looks[-1] if looks else {},
        str(result.get("headline", "")),
    )
