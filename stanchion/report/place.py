"""The place where a result goes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from stanchion.errors import ConfigurationError


@contextlib.contextmanager
def to_place(path: Path | None) -> Iterator[TextIO]:
    """Give the file, or stdout where none is named."""
    if path is None:
        yield sys.stdout
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--output {path} cannot be written: {error.strerror}.") from error
    with file:
        yield file
    print(f"The result is in {path}.", file=sys.stderr)
