# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What lies on the host: secret files (never their content) and the records that roles keep."""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import stat
import time
from collections.abc import Iterable
from pathlib import Path

from ansible_collections.stanchion.stack.plugins.module_utils import _lock, _removal, _secret_text
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError

BASE = Path("/var/lib/stanchion")
PROC = Path("/proc")
# What a database may sort by, in Debian's package list.
_LIBRARY = re.compile(r"^Package: (libc6|libicu\d+)$.*?^Version: (\S+)$", re.MULTILINE | re.DOTALL)


def file_facts(paths: list[str]) -> dict:
    """Return existence, mode, owner and size of each path; a missing file is a fact, not an error."""
    return {"entries": {path: _file(Path(path)) for path in paths}}


def _file(path: Path) -> dict:
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return {"exists": False, "parent": _parent(path.parent)}
    return {
        "exists": True,
        "kind": _kind(status.st_mode),
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
        "owner": _user(status.st_uid),
        "group": _group(status.st_gid),
        "size": status.st_size,
        "modified": status.st_mtime,
        "content": _content(path) if stat.S_ISREG(status.st_mode) else None,
        "parent": _parent(path.parent),
    }


def _content(path: Path) -> str:
    """Say whether it could be a secret, without telling it."""
    with path.open("rb") as file:
        return _secret_text.kind(file.read(_secret_text.MOST_BYTES + 1))


def _parent(path: Path) -> dict:
    """Tell whether only root gets into the folder: then the modes within matter to nobody else."""
    try:
        status = path.stat()
    except OSError:
        return {"path": str(path), "exists": False, "mode": None, "uid": None, "root_only": False}
    mode = stat.S_IMODE(status.st_mode)
    return {
        "path": str(path),
        "exists": True,
        "mode": f"{mode:04o}",
        "uid": status.st_uid,
        "root_only": status.st_uid == 0 and mode & 0o077 == 0,
    }


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "other"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def volume_record(state_dir: str) -> dict:
    """Return which volume is the stack's active one, as the role postgres recorded it."""
    path = Path(state_dir) / "postgres" / "volume.json"
    return {"path": str(path), "exists": path.exists(), "record": _record(path)}


def recorded_volume(state_dir: str) -> str | None:
    """Return the name of the stack's active volume, which may have been made by hand and carry no label."""
    facts = volume_record(state_dir)
    if facts["record"] is None:
        return None
    volume = facts["record"].get("volume") if isinstance(facts["record"], dict) else None
    if not isinstance(volume, str) or not volume:
        raise UnreadableError(f"{facts['path']} names no volume")
    return volume


def image_records(folder: Path = BASE / "images") -> dict:
    """Return the resolved packages of each image, as the role container_image recorded them."""
    items = {path.stem: _record(path) for path in sorted(folder.glob("*.json"))}
    return {"path": str(folder), "entries": items}


def library_facts(containers: Iterable[dict], proc: Path = PROC) -> dict:
    """Return, by running container of the database, the versions of the libraries that it may sort by."""
    return {
        "entries": {
            item["name"]: _libraries(proc / str(item["pid"]) / "root/var/lib/dpkg/status")
            for item in containers
            if item["pid"] and item["role"] == "postgres"
        }
    }


def _libraries(status: Path) -> dict:
    """Return versions by package; nothing where the image was not made of Debian's packages."""
    text = status.read_text(errors="replace") if status.exists() else ""
    return {found[1]: found[2] for found in (_LIBRARY.search(part) for part in text.split("\n\n")) if found}


def repository_facts(place: str, stack: str) -> dict:
    """Tell of the folder of a backup repository on this host, and whether it holds backups of the stack."""
    path = Path(place)
    held = [folder for folder in (path / "archive" / stack, path / "backup" / stack) if folder.is_dir()]
    return {
        "path": place,
        "exists": path.is_dir(),
        "parent_exists": path.parent.is_dir(),
        "held": any(any(folder.iterdir()) for folder in held),
        "foreign": _removal.foreign(path),
    }


def _record(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UnreadableError(f"{path} is not JSON: {error}") from error


def lock_facts() -> dict:
    """Return who holds the host's deploy lock, and whether the lease still runs."""
    return _lock.look(_lock.DIRECTORY, _lock.Host.this(), time.time())


def recovery_facts(folder: str) -> dict:
    """Return what was done lately to recover, by the watch job and by runs: the last lines of its record."""
    path = Path(folder) / "recovery" / "recovery.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return {"records": [json.loads(line) for line in lines[-200:]]}


def folder_facts(folder: str) -> dict:
    """Return every file below a folder of secrets as `file_facts` does; no folder, no file."""
    found = sorted(str(path) for path in Path(folder).rglob("*") if not path.is_dir())
    return {"folder": folder, **file_facts(found)}


def data_folder(mountpoint: str | None) -> dict:
    """Tell of a volume's folder: who owns it, its mode, which Postgres wrote it, and its file system."""
    if not mountpoint:
        return {"readable": False, "error": "its driver keeps it elsewhere"}
    path = Path(mountpoint)
    try:
        status = path.stat()
        version = path / "PG_VERSION"
        usage = os.statvfs(path)
        return {
            "readable": True,
            "error": None,
            "uid": status.st_uid,
            "gid": status.st_gid,
            "mode": f"{stat.S_IMODE(status.st_mode):04o}",
            "device": status.st_dev,
            "pg_version": version.read_text().strip() if version.exists() else None,
            "empty": next(path.iterdir(), None) is None,
            "total": usage.f_blocks * usage.f_frsize,
            "free": usage.f_bavail * usage.f_frsize,
            "inodes_total": usage.f_files,
            "inodes_free": usage.f_favail,
            "file_system_read_only": bool(usage.f_flag & os.ST_RDONLY),
        }
    except OSError as error:
        return {"readable": False, "error": str(error)}
