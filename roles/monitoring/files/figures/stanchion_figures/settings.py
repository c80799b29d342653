# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the role `monitoring` has written for the figures: settings.json beside them. No secret is in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path

SHORTEST, LONGEST = 1, 60


class SettingsError(Exception):
    """The role has not written them, or another version of it has."""


@dataclass(frozen=True)
class Settings:
    """One stack's figures. Paths are the host's."""

    stack: str
    state_dir: str
    # The role of each container, by its name.
    containers: dict[str, str]
    # Where each disk is, by what it is called: a volume's name, an absolute path, or empty for the engine's
    # own folder.
    disks: dict[str, str]
    # URLs that are asked from the host.
    endpoints: tuple[str, ...]
    # Names of the containers that the watch restarts.
    watched: tuple[str, ...]
    # Seconds from one look to the next, 1 to 60.
    interval: int = 15
    # Cron's table, by which this is run; empty for who runs it by hand.
    cron_file: str = ""
    path: Path = field(default=Path(), compare=False)

    @property
    def folder(self) -> Path:
        """Return the folder of what is remembered."""
        return Path(self.state_dir) / "monitoring"

    @property
    def figures(self) -> Path:
        """Return the file that node_exporter reads."""
        return self.folder / "metrics" / "stanchion_figures.prom"

    @property
    def recovery(self) -> Path:
        """Return the folder of the record of recoveries."""
        return Path(self.state_dir) / "recovery"

    def is_wanted(self) -> bool:
        """Say whether the stack still has this run: whoever takes the job away takes its table first."""
        return not self.cron_file or Path(self.cron_file).exists()


def load(path: Path) -> Settings:
    """Read the settings; SettingsError where they can't be read."""
    try:
        raw = json.loads(path.read_text())
        raw = {**raw, **{name: tuple(raw[name]) for name in ("endpoints", "watched")}}
        known = {each.name for each in fields(Settings)} - {"path"}
        found = Settings(**{name: value for name, value in raw.items() if name in known}, path=path)
        if not SHORTEST <= found.interval <= LONGEST:
            raise ValueError(f"the interval is {found.interval} s, not {SHORTEST} to {LONGEST}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path} can't be read ({error}). Deploy the stack: the role monitoring writes it."
        ) from error
    return found
