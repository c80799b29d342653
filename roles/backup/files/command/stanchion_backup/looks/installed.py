# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether what the role has put on the host is still as it was: the schedule, who runs it, the engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stanchion_backup.errors import BackupError
from stanchion_backup.looks import metrics
from stanchion_backup.repository import pgbackrest
from stanchion_backup.settings import Settings

_DAEMONS = ("cron", "crond")
# Who starts cron at boot: links of systemd where it runs the host, otherwise those of the runlevels.
_SYSTEMD = Path("/run/systemd/system")
_UNITS = ("cron.service", "crond.service", "cronie.service")
_OTHER_TABLES = ("/etc/crontab", "/etc/cron.d", "/var/spool/cron")


def installed(settings: Settings, within: float) -> dict[str, Any]:
    """Return what stands on the host; times are Unix seconds.

    `cron_since` is when the schedule became what it is, `metrics_written` when the metrics were written last.
    """
    return {
        **_cron(settings),
        "cron_running": cron_runs(),
        "metrics_written": _written(settings.folder / "metrics" / metrics.FILE),
        **_tool(settings, within),
    }


def scheduled_since(settings: Settings) -> float | None:
    """Return when the schedule became what it is; None where there is none."""
    return _written(Path(settings.cron_file)) if settings.cron_file else None


def _written(path: Path) -> float | None:
    return path.stat().st_mtime if path.exists() else None


def _tool(settings: Settings, within: float) -> dict[str, Any]:
    try:
        version, error = pgbackrest.version(settings, within), ""
    except BackupError as reason:
        version, error = "", str(reason)
    return {"tool": version, "tool_error": error, "configured": pgbackrest.configured(settings)}


def _cron(settings: Settings) -> dict[str, Any]:
    path = Path(settings.cron_file)
    facts: dict[str, Any] = {"cron_path": settings.cron_file, "cron_others": list(_others(settings))}
    try:
        content, seen = path.read_text(), path.stat()
    except FileNotFoundError:
        return {**facts, "cron_file": "missing", "cron_since": None}
    facts["cron_since"] = seen.st_mtime
    # Cron passes over a file that others may write, or that is not root's.
    if seen.st_uid != 0 or seen.st_mode & 0o022:
        return {
            **facts,
            "cron_file": "differs",
            "cron_difference": f"it belongs to user {seen.st_uid} with the mode {seen.st_mode & 0o7777:04o}, "
            "so cron does not read it",
        }
    if content.rstrip("\n") == settings.cron_text.rstrip("\n"):
        return {**facts, "cron_file": "exact"}
    return {**facts, "cron_file": "differs", "cron_difference": _difference(content, settings.cron_text)}


def _difference(found: str, wanted: str) -> str:
    there, asked = found.splitlines(), wanted.splitlines()
    lost = [line for line in asked if line not in there]
    added = [line for line in there if line not in asked]
    if lost:
        return f"missing: {lost[0]}"
    return f"added: {added[0]}" if added else "its lines stand in another order"


def _others(settings: Settings) -> Iterator[str]:
    """Return other tables of cron that start this command too."""
    program = f"stanchion-{settings.stack} "
    for top in _OTHER_TABLES:
        found = [Path(top)] if Path(top).is_file() else sorted(Path(top).rglob("*"))
        for path in found:
            if path.is_file() and str(path) != settings.cron_file and _starts(path, program):
                yield str(path)


def _starts(path: Path, program: str) -> bool:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return False
    return any(program in line for line in lines if not line.lstrip().startswith("#"))


def in_force(settings: Settings) -> bool:
    """Return whether the schedule stands as written, and a cron reads it, now and after the next boot."""
    written = bool(settings.cron_file) and _cron(settings)["cron_file"] == "exact"
    return written and cron_runs() and starts_at_boot()


def starts_at_boot(etc: Path = Path("/etc"), systemd: Path = _SYSTEMD) -> bool:
    """Return whether cron is known to start with the host; False where another init would know."""
    if systemd.is_dir():
        return any(any(etc.glob(f"systemd/system/*.wants/{unit}")) for unit in _UNITS)
    return any(any(etc.glob(f"rc[2-5].d/S[0-9][0-9]{name}")) for name in _DAEMONS)


def cron_runs(proc: Path = Path("/proc")) -> bool:
    """Return whether a cron of this host is alive; one in a container is not this host's.

    By its command line: cron forks for each job, and the child, which calls itself CRON there (`comm` says
    cron of both), lives as long as its job, with or without the daemon. The dead have no command line.
    """
    ours = _namespace(proc / "self")
    for folder in proc.glob("[0-9]*"):
        try:
            program = (folder / "cmdline").read_bytes().split(b"\0")[0]
        except OSError:
            continue
        if Path(os.fsdecode(program)).name in _DAEMONS and _namespace(folder) == ours:
            return True
    return False


def _namespace(folder: Path) -> str:
    try:
        return str((folder / "ns" / "pid").readlink())
    except OSError:
        return ""
