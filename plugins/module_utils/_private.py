# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Folders and files that are nobody's business but root's, written as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def make_folder(path: Path) -> None:
    """Make the folder and every missing one above it for root only; what is there already stays as it is."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def close_folder(path: Path, check_mode: bool = False) -> bool:
    """Make the folder, or take it from whoever else owns it or gets into it; return whether it had to be.

    For a folder that is known to be ours. `make_folder` changes none that is there: it may be anybody's.
    """
    try:
        seen = path.stat()
        if seen.st_uid == os.geteuid() and not seen.st_mode & 0o077:
            return False
    except FileNotFoundError:
        pass
    if not check_mode:
        make_folder(path)
        os.chown(path, os.geteuid(), os.getegid())
        path.chmod(0o700)
    return True


def own_folder(path: Path, owner: int, mode: int, check_mode: bool) -> bool:
    """Make a folder of one user's, below one that is there; return whether it had to be made or changed."""
    try:
        seen = path.stat()
        if (seen.st_uid, seen.st_gid, seen.st_mode & 0o7777) == (owner, owner, mode):
            return False
    except FileNotFoundError:
        pass
    if not check_mode:
        path.mkdir(exist_ok=True)
        os.chown(path, owner, owner)
        path.chmod(mode)
    return True


def write_file(path: Path, content: bytes, owner: tuple[int, int] = (-1, -1), mode: int = 0o600) -> None:
    """Replace the file: nobody sees half of it or a more open one, and a crash loses neither old nor new.

    Without an owner it is the writer's, who is root on a host.
    """
    make_folder(path.parent)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchown(handle, *owner)
            os.fchmod(handle, mode)
            file.write(content)
            file.flush()
            os.fsync(handle)
        Path(draft).rename(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
