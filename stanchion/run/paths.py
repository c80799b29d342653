"""Where things are: the root with the playbooks, and the state folder with runs and records."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from stanchion.errors import ConfigurationError

STATE_VARIABLE = "STANCHION_STATE"
DEFAULT_INVENTORY = "inventory/local"


def find_root(package: Path | None = None, cwd: Path | None = None) -> Path:
    """Return the folder with playbooks/: the package's own clone, else one at or above the current folder."""
    here = (package or Path(__file__).parents[1]).resolve()
    current = (cwd or Path.cwd()).resolve()
    for candidate in (here.parent, current, *current.parents):
        if (candidate / "playbooks" / "deploy.yml").is_file():
            return candidate
    raise ConfigurationError(
        f"No playbooks/deploy.yml beside the package ({here.parent}), in {current}, or above it.",
        "Run this from a clone of the repository, or from the installed collection's folder.",
    )


def program_name() -> str:
    """Return how people call us, for lines that they can paste."""
    if Path(sys.argv[0]).name == "stanchion":
        return "stanchion"
    # Under make the virtual environment is on PATH for that command alone.
    return ".venv/bin/python runner.py" if os.environ.get("MAKELEVEL") else "python runner.py"


def state_folder(root: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the private folder of runs and records, made when it is missing."""
    named = environment.get(STATE_VARIABLE)
    folder = Path(named).expanduser().absolute() if named else root / ".stanchion"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "runs").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The state folder {folder} cannot be used: {error.strerror}.",
            f"Name another one in the environment variable {STATE_VARIABLE}.",
        ) from error
    if not os.access(folder / "runs", os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"The state folder {folder} is not writable for this user.",
            f"Name another one in the environment variable {STATE_VARIABLE}.",
        )
    return folder
