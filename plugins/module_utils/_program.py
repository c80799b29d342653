# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A program that cron runs on a host: its files in one archive, compiled, and what is written beside it."""

from __future__ import annotations

import importlib.util
import io
import py_compile
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

# Scheduled jobs outlive virtual environments: the system's own interpreter first.
INTERPRETERS = ("/usr/bin/python3", "/usr/local/bin/python3", sys.executable)


@dataclass(frozen=True)
class Wanted:
    """One file as it is to be; `shown` files may stand in a diff."""

    path: Path
    content: bytes
    owner: int
    mode: int
    shown: bool = False


def with_bytecode(archive: bytes, place: Path) -> bytes:
    """Return the archive with each file compiled beside its source; what is in its place if that is the same.

    Python never keeps what it compiles out of an archive: each start, once a minute, would compile it all.
    Another Python passes over bytecode that is not its own and reads the sources.
    """
    sources = members(archive)
    try:
        there = place.read_bytes()
        kept = members(there)
    except (FileNotFoundError, zipfile.BadZipFile):
        kept = {}
    magic = importlib.util.MAGIC_NUMBER
    compiled = {name for name, content in kept.items() if name.endswith(".pyc") and content.startswith(magic)}
    if compiled == {f"{name}c" for name in sources} and sources.items() <= kept.items():
        return there
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as both, tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "source.py"), Path(folder, "made.pyc")
        for name, content in sources.items():
            source.write_bytes(content)
            unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(source), str(made), f"{place}/{name}", True, invalidation_mode=unchecked)
            both.writestr(zipfile.ZipInfo(name), content)
            both.writestr(zipfile.ZipInfo(f"{name}c"), made.read_bytes())
    return buffer.getvalue()


def members(archive: bytes) -> dict[str, bytes]:
    """Return the files of a zip archive by their names."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def differs(file: Wanted) -> bool:
    try:
        seen = file.path.stat()
        return (
            file.path.read_bytes() != file.content
            or seen.st_uid != file.owner
            or seen.st_mode & 0o7777 != file.mode
        )
    except FileNotFoundError:
        return True


def interpreter() -> str:
    """Return the Python that runs it."""
    return next(path for path in INTERPRETERS if Path(path).exists())
