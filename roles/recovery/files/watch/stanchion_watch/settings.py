# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the role `recovery` has written for the watch: settings.json beside it. No secret is in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path

DATABASE, BACKEND = "database", "backend"
# What restarts containers, by what they are: the names that the record has.
RESTART = {DATABASE: "restart_database", BACKEND: "restart_backend"}
START = {DATABASE: "start_database", BACKEND: "start_backend"}
# The engine has tried to start it and failed at once: it recovers from nothing.
_START_AFTER = 60


class SettingsError(Exception):
    """The role has not written them, or another version of it has."""


@dataclass(frozen=True)
class Settings:
    """One stack's watch. Paths are the host's; times are seconds."""

    stack: str
    state_dir: str
    # Names of the containers.
    database: str
    backends: tuple[str, ...]
    # Of a backend: where it listens in its container, and what it is asked.
    port: int
    liveness_path: str
    database_patience: int
    backend_patience: int
    # Whether there is a `failure_script`.
    on_failure: bool = False
    path: Path = field(default=Path(), compare=False)

    @property
    def folder(self) -> Path:
        """Return the folder of the watch and of the record."""
        return Path(self.state_dir) / "recovery"

    @property
    def failure_script(self) -> Path:
        """Return the shell script that is told what failed; for root only, it may hold a token."""
        return self.folder / "on_failure"

    @property
    def socket(self) -> str:
        """Return the database's socket for operators."""
        return f"{self.state_dir}/postgres/socket/.s.PGSQL.5432"

    def names(self) -> dict[str, str]:
        """Return what every watched container is, the database first."""
        return {self.database: DATABASE, **dict.fromkeys(self.backends, BACKEND)}

    def patience(self, remedy: str) -> float:
        """Return the seconds that something has to be dead before the first remedy of this name."""
        of_role = self.database_patience if remedy.endswith(DATABASE) else self.backend_patience
        return of_role if remedy in RESTART.values() else min(of_role, _START_AFTER)


def load(path: Path) -> Settings:
    """Read the settings; SettingsError where they can't be read."""
    try:
        raw = json.loads(path.read_text())
        raw["backends"] = tuple(raw["backends"])
        known = {each.name for each in fields(Settings)} - {"path"}
        return Settings(**{name: value for name, value in raw.items() if name in known}, path=path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path} can't be read ({error}). Deploy the stack: the role recovery writes it."
        ) from error
