# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A restored copy beside the live database: its own volume, its own container, no way to the archive.

A copy that was promoted and archived would mix its WAL into the live database's. So its repository is mounted
read-only, archive_mode is off in its volume and on its command line, and its container has no network but one
that leads nowhere.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from stanchion_backup.errors import BackupError, RefusedError
from stanchion_backup.host import docker, volume_record
from stanchion_backup.host.database import Database, QueryError
from stanchion_backup.repository import pgbackrest, wal
from stanchion_backup.repository.pgbackrest import BackupSet, Target
from stanchion_backup.settings import Repository, Settings

# What ends a recovery at a point; `latest` ends with the WAL, `immediate` when the backup is consistent.
POINTS = ("time", "name", "lsn", "xid")
# Replay has no bound that anybody knows beforehand; one that does not end in a day is looked at.
RECOVERED_WITHIN = 86_400.0
# That every row is in its indexes, and every B-tree in order. Only of a copy: it locks writers out.
AMCHECK = ("--all", "--heapallindexed", "--parent-check", "--install-missing")
# A copy that becomes the database archives later what it has written since it was promoted. Not for a
# recovery: that would keep all WAL that it replays.
KEEPS_WAL = {"wal_keep_size": "1TB"}
# What a copy takes beside the files themselves: WAL that is replayed, and what a checkpoint writes anew.
_ROOM = 1.1
_ROOM_BYTES = 256 * 1024 * 1024
# Who gets into a copy: this command over the socket, and the application over the drill's network.
_HBA = """local all postgres peer map=operators
host {database} {user} samenet scram-sha-256
host all all all reject
"""


@dataclass(frozen=True)
class Recovery:
    """How a recovery ended: what the server's log says, and the timeline that it promoted to."""

    # "before commit of transaction 742, time 2026-…" and the like; empty where it ended with the WAL.
    stopped: str
    # The log time of the last replayed transaction, as Postgres writes it; empty where there was none.
    last_transaction: str
    timeline: int
    segments: int
    # The last WAL segment that came out of the repository, empty where none did; and why no other one came.
    last_segment: str = ""
    gap: str = ""


class Scratch:
    """One copy. `purpose` is drill or restore: what a killed command left behind is found by it."""

    def __init__(
        self, settings: Settings, purpose: str, repository: Repository, volume: str = "", name: str = ""
    ) -> None:
        self.settings = settings
        self.purpose = purpose
        self.repository = repository
        self.container = name or docker.fresh_name(settings, purpose)
        self.volume = volume or self.container
        self._volume_labels = docker.labels(settings, purpose)
        self._folder = settings.folder / "scratch" / self.container

    def is_to_be_the_database(self) -> None:
        """Have the volume made like the database's own."""
        self._volume_labels = [
            f"--label=io.stanchion.stack={self.settings.stack}",
            "--label=io.stanchion.role=postgres",
        ]

    @property
    def _priority(self) -> Sequence[str]:
        """Return what makes way for the live database: a drill has time, and who restores has none."""
        return docker.LOW if self.purpose == "drill" else ()

    def restore(self, target: Target) -> str:
        """Fill a new volume from the repository, up to the beginning of the recovery; return the set's label.

        BackupError with the engine's reason. Refuses the volume of the live database, and one that is there.
        """
        # A host without a record has no database yet.
        on_record = volume_record.exists(self.settings)
        if on_record and self.volume == volume_record.data_volume(self.settings):
            raise BackupError(f"{self.volume} is the live database's volume. Nothing was restored.")
        if docker.inspect("volume", self.volume):
            raise BackupError(f"There is a volume {self.volume} already. Nothing was restored.")
        docker.docker("volume", "create", *self._volume_labels, self.volume)
        name = f"{self.container}-fill"
        container = [
            *("docker", "run", "--rm", "--name", name, *docker.labels(self.settings, self.purpose)),
            *docker.confined(self.settings.scratch_memory),
            *self._mounts(),
            *("--network", pgbackrest.network_of([self.repository])),
            *(pgbackrest.image_of(self.settings), *self._priority),
        ]
        return pgbackrest.restore(self.repository, target, container)

    def _mounts(self) -> list[str]:
        return [
            *("--volume", f"{self.volume}:{pgbackrest.DATA}"),
            *pgbackrest.repository_mount(self.settings, read_only=True),
            *("--tmpfs", pgbackrest.SPOOL_MOUNT, "--tmpfs", pgbackrest.LOCKS_MOUNT),
            *pgbackrest.environment(self.settings),
        ]

    def start(self, network: str, listen: str = "", alias: str = "", **more: str) -> None:
        """Start the server on the copy, with `more` of its settings; what container it had before is gone."""
        docker.remove("container", [self.container])
        self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        hba = self._folder / "pg_hba.conf"
        hba.write_text(_HBA.format(database=f'"{self.settings.database}"', user=f'"{self.settings.user}"'))
        hba.chmod(0o644)
        settings = {
            "config_file": "/etc/postgresql/postgresql.conf",
            "hba_file": "/etc/scratch/pg_hba.conf",
            "archive_mode": "off",
            "archive_command": "",
            # What comes with a promotion; KEEPS_WAL is for what comes later.
            "wal_keep_size": "64MB",
            # Without it, recovery goes on whatever the live server's limits were.
            "hot_standby": "off",
            # WAL of a time when more were allowed than now ends a recovery at the first one too many.
            "max_prepared_transactions": "1000",
            "shared_buffers": "64MB",
            "maintenance_work_mem": "64MB",
            "autovacuum": "off",
            "listen_addresses": listen,
            "logging_collector": "off",
            "log_destination": "stderr",
            "lc_messages": "C",
            "log_min_messages": "warning",
            **more,
        }
        docker.docker(
            *("run", "--detach", "--name", self.container, *docker.labels(self.settings, self.purpose)),
            *docker.confined(self.settings.scratch_memory),
            *self._mounts(),
            *(
                "--tmpfs",
                f"/run/postgresql:{pgbackrest.OWNED}",
                "--shm-size",
                "64m",
                "--stop-signal",
                "SIGINT",
            ),
            *("--volume", f"{self.settings.postgres_config}:/etc/postgresql:ro"),
            *("--volume", f"{self._folder}:/etc/scratch:ro", "--env", "POSTGRES_REQUIRE_CLUSTER=1"),
            *("--network", network, *(["--network-alias", alias] if alias else [])),
            # A drill can wait; who restores cannot. The image's entry point looks at the data either way.
            pgbackrest.image_of(self.settings),
            *((*self._priority, "entrypoint") if self._priority else ()),
            "postgres",
            *(f"-c{name}={value}" for name, value in settings.items()),
        )

    def recover(self, within: float) -> Recovery:
        """Start the copy and wait until it is promoted; BackupError when it ends in any other way.

        A server that ends before its target is a failure, however healthy it looks.
        """
        self.start(pgbackrest.network_of([self.repository]))
        self.wait(within)
        return self._recovery()

    def wait(self, within: float) -> None:
        """Wait until the server takes writes."""
        deadline = time.monotonic() + within
        pause = 0.1
        copy = self.database("postgres")
        while True:
            try:
                if not copy.one("SELECT pg_is_in_recovery() AS recovering")["recovering"]:
                    return
                reason = "it is still recovering"
            except QueryError as error:
                reason = str(error)
            state = (docker.inspect("container", self.container) or {}).get("State", {})
            if not state.get("Running"):
                raise BackupError(f"The restored copy ended: {self._cause()}")
            if time.monotonic() >= deadline:
                raise BackupError(f"The restored copy was not up within {within:g} s: {reason}")
            time.sleep(pause)
            # Each look is a line in the server's log, and a long recovery has time.
            pause = min(pause * 1.2, 5.0)

    def database(self, name: str, within: float = 600.0) -> Database:
        """Return a database of the copy."""
        return Database(self.container, name, within)

    def databases(self) -> list[str]:
        """Return the names of the databases that can be asked."""
        listed = self.database("postgres").rows("SELECT datname AS name FROM pg_database WHERE datallowconn")
        return sorted(str(each["name"]) for each in listed)

    def log(self) -> str:
        """Return what the server has said since its container was made."""
        return docker.run(["docker", "logs", self.container]).text

    def _cause(self) -> str:
        lines = self.log().splitlines()
        fatal = [line.split(": ", 1)[-1].strip() for line in lines if "FATAL:" in line or "PANIC:" in line]
        # What it said to those who asked whether it is up.
        asked = ("shutting down", "starting up", "not accepting connections")
        known = [each for each in fatal if not any(words in each for words in asked)]
        if known and "recovery ended before" in known[0]:
            return f"{known[0]}: {_gap(self.log())}"
        return (known or lines or ["it said nothing"])[-1 if not known else 0]

    def _recovery(self) -> Recovery:
        log = self.log()
        stopped = re.findall(r"recovery stopping (.+)", log)
        last = re.findall(r"last completed transaction was at log time (.+)", log)
        timeline = re.findall(r"selected new timeline ID: (\d+)", log)
        segments = re.findall(r'restored log file "([0-9A-F]{24})"', log)
        return Recovery(
            stopped=stopped[-1].strip() if stopped else "",
            last_transaction=last[-1].strip() if last else "",
            timeline=int(timeline[-1]) if timeline else 0,
            segments=len(set(segments)),
            last_segment=max(segments, default=""),
            gap=_gap(log),
        )

    def stop(self, within: int = 120) -> None:
        """Stop the server cleanly; BackupError where it had to be killed."""
        docker.docker("container", "stop", "--time", str(within), self.container, within=within + 60)
        state = (docker.inspect("container", self.container) or {}).get("State", {})
        if state.get("ExitCode") != 0:
            raise BackupError(f"The restored copy did not stop cleanly: {self._cause()}")

    def command(self, *argv: str) -> docker.Done:
        """Run a command of the image on the stopped copy's volume, without any network."""
        name = f"{self.container}-look"
        return docker.run(
            [
                *("docker", "run", "--rm", "--name", name, *docker.labels(self.settings, self.purpose)),
                *docker.confined(self.settings.scratch_memory),
                *("--volume", f"{self.volume}:{pgbackrest.DATA}", "--network", "none"),
                *(pgbackrest.image_of(self.settings), *self._priority, *argv),
            ],
            within=None,
        )

    def bad_pages(self) -> str:
        """Return what pg_checksums finds wrong in the pages of the stopped copy; empty: nothing."""
        done = self.command("pg_checksums", "--check", f"--pgdata={pgbackrest.DATA}")
        if done.code == 0:
            return ""
        wrong = [line.strip() for line in done.text.splitlines() if "failed" in line or "error" in line]
        return "; ".join(wrong[:3]) or done.text[-300:] or f"it ended with {done.code}"

    def client(self, *argv: str) -> str:
        """Run a client program beside the copy's server; return what it complains of, empty if nothing."""
        login = ("--host=/run/postgresql", "--username=postgres")
        done = docker.inside([self.container, *self._priority, *argv, *login], within=None)
        if done.code == 0:
            return ""
        lines = [line.strip() for line in done.text.splitlines()]
        return "; ".join(lines[:3]) or f"it ended with {done.code}"

    def remove(self, keep_volume: bool = False) -> None:
        """Take the container away, and the volume with it."""
        docker.remove("container", [self.container, f"{self.container}-fill", f"{self.container}-look"])
        (self._folder / "pg_hba.conf").unlink(missing_ok=True)
        if self._folder.is_dir():
            self._folder.rmdir()
        if not keep_volume:
            docker.remove("volume", [self.volume])


# What the server says of a segment that came out of the repository whole, with other content than it went in
# with (src/backend/access/transam/xlogreader.c): archive-get does not compare checksums.
_BROKEN_RECORD = re.compile(
    r"LOG: +((?:incorrect resource manager data checksum|record with incorrect prev-link"
    r"|invalid resource manager ID|unexpected pageaddr|invalid magic number) .*)"
)


def _gap(log: str) -> str:
    """Return which WAL segment the recovery went without, and why."""
    restored = re.findall(r'restored log file "([0-9A-F]{24})"', log)
    said = pgbackrest.errors_in(log)
    if not restored:
        return f"no WAL came out of the repository{f': {said}' if said else ''}"
    if broken := _BROKEN_RECORD.search(log):
        return f"WAL segment {max(restored)} is damaged: {broken[1].strip()}"
    wanted = wal.after(max(restored))
    if said:
        return f"WAL segment {wanted} is damaged, or can't be read: {said}"
    return f"WAL segment {wanted} is missing in the repository"


def see_all_replayed(recovery: Recovery, last: str) -> None:
    """BackupError where a recovery to the newest state ended before `last`, the last segment of its timeline.

    To Postgres, a segment that is missing or damaged is the end of the WAL: it promotes, and calls that well.
    """
    if recovery.last_segment[8:] < last[8:]:
        raise BackupError(
            f"The recovery ended before the newest WAL, segment {last}: {recovery.gap}. What was written "
            "after that can't be restored. For what is before it, name the moment (--to TIME)."
        )


def room_for(backup: BackupSet) -> int:
    """Return the bytes that a copy of a backup needs."""
    return math.ceil(backup.size * _ROOM) + _ROOM_BYTES


def see_room(backup: BackupSet) -> tuple[int, int]:
    """Return the bytes that a copy needs and those that are free; RefusedError where it would not fit."""
    needed, free = room_for(backup), docker.free_bytes() or 0
    if free < needed:
        raise RefusedError(
            f"A copy of {backup.label} needs {needed >> 20} MiB, and Docker's disk has {free >> 20} MiB free."
            " Nothing was done. Make room there: `backups` names copies that may be dropped."
        )
    return needed, free


def sweep(settings: Settings, purpose: str) -> None:
    """Take away what killed commands of this purpose have left; only who holds the command's lock may."""
    marks = docker.mine(settings, purpose)
    docker.remove("container", docker.names("container", *marks))
    docker.remove("volume", docker.names("volume", *marks))
    docker.remove("network", docker.names("network", *marks))
    for left in (settings.folder / "scratch").glob(f"{settings.stack}-{purpose}-*"):
        for path in left.iterdir():
            path.unlink()
        left.rmdir()
