"""The place where a result goes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from stanchion.errors import ConfigurationError, UsageError


def check(path: Path | None) -> None:
    """Refuse before a run what could not be written after it: by then everything may have been changed."""
    if path is None:
        return
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"--output {path}: there is no such folder.")
    if path.is_dir():
        raise UsageError(f"--output {path}: that is a folder.")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"--output {path} cannot be written.")


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
