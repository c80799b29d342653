"""Hands the sudo password to Ansible through a named pipe: never a file, argv or the environment."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_READER_WAIT_SECONDS = 60.0


@contextlib.contextmanager
def password_pipe(folder: Path, password: str | None) -> Iterator[Path | None]:
    """Give the path for --become-password-file; whoever opens it first reads the password, once."""
    if password is None:
        yield None
        return
    path = folder / "become"
    os.mkfifo(path, 0o600)
    given_up = threading.Event()
    writer = threading.Thread(target=_write, args=(path, password, given_up), daemon=True)
    writer.start()
    try:
        yield path
    finally:
        given_up.set()
        writer.join()
        path.unlink(missing_ok=True)


def _write(path: Path, password: str, given_up: threading.Event) -> None:
    ends = time.monotonic() + _READER_WAIT_SECONDS
    while not given_up.is_set() and time.monotonic() < ends:
        try:
            # A plain open would wait for ever for a reader that died before it opened the pipe.
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                return
            given_up.wait(0.02)
            continue
        with os.fdopen(descriptor, "w") as pipe:
            pipe.write(password + "\n")
        return
