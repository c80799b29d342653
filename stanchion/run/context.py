"""Who runs what, when and from where: told to Ansible, kept in the records, shown at the end."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stanchion.run.folder import RunFolder, kept_runs, prune
from stanchion.run.paths import find_root, state_folder


@dataclass(frozen=True)
class Context:
    """One run's identity and places."""

    verb: str
    root: Path
    state: Path
    folder: RunFolder
    started: datetime
    version: str
    user: str
    controller: str
    directory: str

    @property
    def id(self) -> str:
        """Return the run's name: unique, and sorted by time."""
        return self.folder.path.name

    def identity(self) -> dict[str, Any]:
        """Return what records on both sides say of this run."""
        return {
            "id": self.id,
            "verb": self.verb,
            "version": self.version,
            "user": self.user,
            "controller": self.controller,
            "directory": self.directory,
        }


def begin(verb: str) -> Context:
    """Make the run's folder and say who and where we are."""
    from stanchion import __version__

    root = find_root()
    state = state_folder(root)
    keep = kept_runs()
    started = datetime.now(UTC)
    folder = RunFolder.create(state, verb, started)
    prune(state, keep)
    return Context(
        verb=verb,
        root=root,
        state=state,
        folder=folder,
        started=started,
        version=__version__,
        user=user_name(),
        controller=socket.gethostname(),
        directory=str(Path.cwd()),
    )


def user_name() -> str:
    """Return who is at the keyboard: with sudo, not root."""
    sudo = os.environ.get("SUDO_USER")
    if sudo:
        return sudo
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A uid without a name, as containers have.
        return f"uid {os.getuid()}"
