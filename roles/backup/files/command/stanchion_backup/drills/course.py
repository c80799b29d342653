# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""One drill under way: what is known before the restore, and what is found out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stanchion_backup.drills.assertions import Sheet
from stanchion_backup.host.database import Database
from stanchion_backup.repository.pgbackrest import BackupSet, Contents, Target
from stanchion_backup.restored.facts import Facts
from stanchion_backup.restored.markers import Markers
from stanchion_backup.settings import Repository, Settings

# What finds everything that a drill has made.
PURPOSE = "drill"


@dataclass(frozen=True)
class Before:
    """What is known when the restore begins: of the repository, the target, the live database around it."""

    held: Contents
    live: Mapping[str, Any]
    target: Target
    # The same as the engine takes it.
    aim: Target
    expected: BackupSet
    placed: Markers
    # Of the canary: count and hash of the rows before marker a.
    rows: Mapping[str, Any]
    facts: Facts
    facts_after: Facts | None
    # That the copy has to be on.
    timeline: int


@dataclass
class Drill:
    """One drill: what is known before, and what is found out."""

    settings: Settings
    repository: Repository
    record: dict[str, Any]
    sheet: Sheet = field(default_factory=Sheet)

    @property
    def live(self) -> Database:
        """The live server's database that has the canary."""
        return self.database("postgres")

    def database(self, name: str) -> Database:
        """Return a database of the live server."""
        return Database(self.settings.container, name)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time that something takes to the record, however it ends."""
        began = time.monotonic()
        try:
            yield
        finally:
            spent = self.record["phases"].get(name, 0.0) + time.monotonic() - began
            self.record["phases"][name] = round(spent, 3)

    def seconds(self, *names: str) -> float:
        """Return how long these phases took together."""
        return round(sum(float(self.record["phases"].get(name, 0.0)) for name in names), 3)
