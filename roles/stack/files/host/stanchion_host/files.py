# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that are replaced as a whole, and locks: nobody reads half of one, and a crash leaves the old one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_AGAIN_AFTER = 0.1


def replace(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace a file, whose folder is there, by a whole one."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fchmod(handle, mode)
            os.fsync(handle)
        Path(draft).rename(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    # Else a power cut could bring the old one back: of a journal, one that knows less than was done.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def alone(lock: Path, within: float = 0.0) -> Iterator[bool]:
    """Hold a lock while the block runs; give it False where somebody else holds it for `within` seconds more.

    The lock is a file, whose folder is there. It goes with the process: a killed one holds up nobody.
    """
    deadline = time.monotonic() + within
    with lock.open("a") as file:
        while not _locked(file):
            if time.monotonic() >= deadline:
                yield False
                return
            time.sleep(_AGAIN_AFTER)
        yield True


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
