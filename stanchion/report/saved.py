"""Reads a result that was written as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stanchion.errors import ConfigurationError
from stanchion.report.model import Result
from stanchion.run.folder import RESULT
from stanchion.run.paths import find_root, state_folder

_VERSION = Result.model_fields["schema_version"].default
_REMEDY = "Name a file that `--format json --output FILE` wrote, or a result.json of a run folder."


def newest() -> Result:
    """Return the result of the newest run that was started from here and has come to one."""
    runs = state_folder(find_root()) / "runs"
    # A run folder's name begins with its time.
    results = sorted(runs.glob(f"*/{RESULT}"))
    if not results:
        raise ConfigurationError(f"No run has left a result in {runs} yet.", "Name one: --from FILE.")
    return read(results[-1])


def read(path: Path) -> Result:
    """Return the result in a file, `-` for stdin.

    Raises:
        ConfigurationError: it can't be read, is no result, or is one of another schema version.
    """
    name = "stdin" if str(path) == "-" else str(path)
    data = _load(path, name)
    if not isinstance(data, dict) or "schema_version" not in data or "headline" not in data:
        raise ConfigurationError(f"{name} is no result of a run.", _REMEDY)
    if data["schema_version"] != _VERSION:
        raise ConfigurationError(
            f"{name} is a result of schema version {data['schema_version']}, and this is version {_VERSION}.",
            "Render it with the version of Stanchion that wrote it, or make the run anew.",
        )
    try:
        return Result.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{name} is no whole result: {place}: {first['msg']}.", _REMEDY) from error


def _load(path: Path, name: str) -> Any:
    try:
        text = sys.stdin.read() if name == "stdin" else path.read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read: {error.strerror}.", _REMEDY) from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{name} is no JSON ({error}).", _REMEDY) from error
