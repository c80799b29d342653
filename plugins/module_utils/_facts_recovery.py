# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the host's watch is as it was installed and runs, and what was restarted of late."""

from __future__ import annotations

import json
import time
from pathlib import Path

from ansible_collections.stanchion.stack.plugins.module_utils import _removal
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError

CRON = Path("/etc/cron.d")
_DAY = 86400.0


def recovery_facts(stack: str, state_dir: str, cron: Path = CRON) -> dict:
    """Read the files of the role recovery; what is not there is an answer."""
    folder = Path(state_dir) / "recovery"
    return {"watch": _watch(stack, folder, cron), "records": _records(folder / "recovery.jsonl")}


def _watch(stack: str, folder: Path, cron: Path) -> dict:
    settings, state = json_object(folder / "settings.json"), json_object(folder / "watch.json") or {}
    table = _removal.watch_table(stack, cron)
    return {
        "installed": settings is not None,
        "cron_path": str(table),
        **table_facts(table, (settings or {}).get("cron_text", "")),
        "ran": state.get("at"),
        "trouble": state.get("trouble", ""),
        "dead": sorted(state.get("dead", {})),
    }


def table_facts(path: Path, wanted: str) -> dict:
    """Compare a table of cron with what was written: `cron_file` is exact, differs or missing."""
    try:
        text, seen = path.read_text(), path.stat()
    except FileNotFoundError:
        return {"cron_file": "missing", "cron_since": None, "cron_difference": ""}
    found = {"cron_since": seen.st_mtime, "cron_difference": ""}
    # Cron passes over a file that others may write, or that is not root's.
    if seen.st_uid != 0 or seen.st_mode & 0o022:
        whose = f"it belongs to user {seen.st_uid} with the mode {seen.st_mode & 0o7777:04o}"
        return {**found, "cron_file": "differs", "cron_difference": f"{whose}, so cron does not read it"}
    if text.rstrip("\n") == wanted.rstrip("\n"):
        return {**found, "cron_file": "exact"}
    there, asked = text.splitlines(), wanted.splitlines()
    lost = [f"missing: {line}" for line in asked if line not in there]
    added = [f"added: {line}" for line in there if line not in asked]
    difference = next(iter(lost + added), "its lines stand in another order")
    return {**found, "cron_file": "differs", "cron_difference": difference}


def _records(path: Path) -> list[dict]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    since, found = time.time() - _DAY, []
    for line in lines:
        try:
            read = json.loads(line)
            # One that lacks any of it is no use that could be counted.
            if float(read["at"]) > since and all(read[name] for name in ("remedy", "of", "outcome")):
                found.append(read)
        except (ValueError, KeyError, TypeError):
            # A crash may have cut one short.
            continue
    return found


def json_object(path: Path) -> dict | None:
    """Return the object in a file, None where there is no such file."""
    try:
        read = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UnreadableError(f"{path} can't be read: {error}") from error
    if not isinstance(read, dict):
        raise UnreadableError(f"{path} holds no object")
    return read
