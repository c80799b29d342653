# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the role `backup` has written for this command: settings.json beside it. No secret is in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path

from stanchion_backup.errors import RefusedError

# The heavy jobs: one at a time.
JOBS = ("full", "diff", "incr", "verify", "drill")


@dataclass(frozen=True)
class Repository:
    """A place that backups and WAL go to; `network` is the Docker network that leads there, if any."""

    key: int
    kind: str
    where: str
    network: str | None = None

    @property
    def name(self) -> str:
        """Return its name for people, as --repo and --from take it."""
        return f"repo{self.key}"

    def __str__(self) -> str:
        return f"{self.name} ({self.where})"


@dataclass(frozen=True)
class Schedule:
    """When a job runs: a cron expression, and the longest time in seconds between two of its moments."""

    cron: str
    period: int


@dataclass(frozen=True)
class Settings:
    """One stack's backups. Paths are the host's; sizes are docker's (512m); times are seconds."""

    stack: str
    state_dir: str
    # Of the database.
    container: str
    # Of role postgres: which volume is the database, the operators' socket, the configuration.
    volume_record: str
    socket: str
    postgres_config: str
    # Mounted into the database's container and into every job's.
    repository: str
    config: str
    lock: str
    repositories: tuple[Repository, ...]
    database: str
    user: str
    job_memory: str
    scratch_memory: str
    archive_timeout: int
    schedule: dict[str, Schedule]
    # Retained full backups that a repository keeps at least.
    retention_full: int
    # The application's SQL assertions, {"name": …, "sql": …}; tables that a drill compares, "schema.table",
    # all where it is empty; the largest that it reads twice, in bytes.
    assertions: tuple[dict[str, str], ...] = ()
    sentinels: tuple[str, ...] = ()
    sentinel_bytes: int = 64 * 1024 * 1024
    # What a drill asks the backend of its copy; empty leaves that out.
    read_path: str = ""
    # Under which name it finds the database.
    alias: str = "db"
    # Objectives, in seconds.
    rpo: int = 120
    rto: int = 900
    # Whether there is a `failure_script`.
    on_failure: bool = False
    # The table of cron, and what the role has written into it.
    cron_file: str = ""
    cron_text: str = ""
    # Of a job on a host whose database has no container yet: who asks for the job says it.
    image: str = ""
    path: Path = field(default=Path(), compare=False)

    @property
    def folder(self) -> Path:
        """Return the folder of this command, its records, its log and its metrics."""
        return Path(self.state_dir) / "backup"

    @property
    def failure_script(self) -> Path:
        """Return the shell script that is run for each failed job, with its record on standard input.

        A file of its own, for root only: what it sends word to may want a token.
        """
        return self.folder / "on_failure"

    def repository_of(self, name: str) -> Repository:
        """Return a repository by its name or number, the first where none is given; else RefusedError."""
        for repository in self.repositories:
            if name in ("", repository.name, str(repository.key)):
                return repository
        known = ", ".join(each.name for each in self.repositories)
        raise RefusedError(f"This stack has no {name}; it has {known}.")


def load(path: Path) -> Settings:
    """Read the settings; RefusedError where the role has not written them, or another version of it has."""
    try:
        raw = json.loads(path.read_text())
        raw["repositories"] = tuple(Repository(**each) for each in raw["repositories"])
        raw["schedule"] = {job: Schedule(**each) for job, each in raw["schedule"].items()}
        known = {each.name for each in fields(Settings)} - {"path"}
        for name in ("assertions", "sentinels"):
            raw[name] = tuple(raw.get(name, ()))
        return Settings(**{name: value for name, value in raw.items() if name in known}, path=path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(
            f"{path} can't be read ({error}). Deploy the stack: the role backup writes it."
        ) from error
