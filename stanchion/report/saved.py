"""Reads a result that was written as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stanchion.errors import ConfigurationError
from stanchion.history.model import Period
from stanchion.report.model import Result

_VERSION = Result.model_fields["schema_version"].default
# Both name their verb `report`.
_OF_A_PERIOD = "since"
_REMEDY = (
    "Name a file that `--format json --output FILE` wrote, or a result.json or report.json of a run folder."
)


def read(path: Path) -> Result | Period:
    """Return the result, or the report of a period, in a file, `-` for stdin.

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
        return (Period if _OF_A_PERIOD in data else Result).model_validate(data)
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
