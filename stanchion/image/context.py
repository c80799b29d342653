"""The build context: which files it has, its digest, and the one tar that is sent to the host."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from stanchion.image.ignore import Ignore

# One time for all files, so that every clone gives the same tar. Not 1970: zip archives know no such year.
EPOCH = 946684800


def context_entries(context: Path, dockerfile: str) -> Iterator[tuple[str, Path]]:
    """Yield (name, path) in a fixed order: what .dockerignore leaves; itself and the Dockerfile always."""
    rules = context / ".dockerignore"
    ignore = Ignore(rules.read_text(encoding="utf-8-sig").splitlines() if rules.is_file() else [])
    always = {dockerfile, ".dockerignore"}
    pending, found = [context], []
    while pending:
        for path in pending.pop().iterdir():
            name = path.relative_to(context).as_posix()
            ignored = ignore.matches(name)
            folder = path.is_dir() and not path.is_symlink()
            if folder and not (ignored and ignore.is_final and not _inside(always, name)):
                pending.append(path)
            if (not ignored or name in always) and (folder or path.is_file() or path.is_symlink()):
                found.append((name, path))
    yield from sorted(found)


def _inside(names: Iterable[str], folder: str) -> bool:
    return any(PurePosixPath(folder) in PurePosixPath(name).parents for name in names)


def context_digest(context: Path, dockerfile: str) -> str:
    """Hash names, kinds, contents and the executable bit; owners, times and other modes differ by clone."""
    total = hashlib.sha256()
    for name, path in context_entries(context, dockerfile):
        if path.is_symlink():
            entry = f"link {name} {path.readlink()}"
        elif path.is_dir():
            entry = f"folder {name}"
        else:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            entry = f"file {name} {_mode(path):o} {content}"
        total.update(entry.encode() + b"\0")
    return total.hexdigest()


def write_context(context: Path, dockerfile: str, target: Path) -> None:
    """Write the context as a tar whose bytes depend on nothing but what context_digest covers."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT, dereference=False) as tar:
        for name, path in context_entries(context, dockerfile):
            info = tarfile.TarInfo(name)
            info.mtime, info.mode = EPOCH, _mode(path)
            if path.is_symlink():
                info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
                tar.addfile(info)
            elif path.is_dir():
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                info.size = path.stat().st_size
                with path.open("rb") as stream:
                    tar.addfile(info, stream)


def _mode(path: Path) -> int:
    if path.is_symlink():
        return 0o777
    return 0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644
