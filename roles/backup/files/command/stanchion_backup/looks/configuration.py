# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configuration, kept where every backup carries it: WAL and data files do not hold it.

A table in the database `postgres`, schema `stanchion`, which no application reaches. Of a secret only the
name is kept: `python runner.py secrets export` saves those.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stanchion_backup.host.database import Database
from stanchion_backup.settings import Settings

# A file of configuration is a few kilobytes; what is larger is something else.
_MOST_BYTES = 256 * 1024

_SAVE = """
CREATE SCHEMA IF NOT EXISTS stanchion;
CREATE TABLE IF NOT EXISTS stanchion.configuration (
    path text PRIMARY KEY,
    saved timestamptz NOT NULL DEFAULT clock_timestamp(),
    content text
);
WITH given AS (SELECT key, value FROM json_each_text({files})),
    gone AS (DELETE FROM stanchion.configuration WHERE path NOT IN (SELECT key FROM given))
INSERT INTO stanchion.configuration AS kept (path, content) SELECT key, value FROM given
ON CONFLICT (path) DO UPDATE SET content = excluded.content, saved = clock_timestamp()
WHERE kept.content IS DISTINCT FROM excluded.content;
"""


def save(settings: Settings) -> None:
    """Write what has changed into the table. QueryError where the server refuses, OSError of a file."""
    text = json.dumps(files(settings)).replace("'", "''")
    Database(settings.container).execute(_SAVE.format(files=f"'{text}'"))


def files(settings: Settings) -> dict[str, str | None]:
    """Return the content of every file of configuration by its path; None of one that is a secret."""
    return dict(_files(settings))


def _files(settings: Settings) -> Iterator[tuple[str, str | None]]:
    for path in (settings.path, Path(settings.cron_file), Path(settings.volume_record)):
        if path.is_file():
            yield str(path), path.read_text(errors="replace")
    config = Path(settings.config)
    for path in [*sorted(Path(settings.postgres_config).iterdir()), *sorted(config.iterdir())]:
        # Beside pgbackrest.conf lie keys; only files that are meant to be read are.
        readable = path.suffix == ".conf" and path.stat().st_size <= _MOST_BYTES if path.is_file() else False
        if path.is_file():
            yield str(path), path.read_text(errors="replace") if readable else None
    secrets = Path(settings.state_dir) / "secrets"
    if secrets.is_dir():
        for path in sorted(secrets.iterdir()):
            yield str(path), None


def state(settings: Settings, kept: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return when it was saved last (Unix seconds) and which files have changed since.

    `kept` is of server.look: path, saved, and the SHA-256 of the content.
    """
    there = {row["path"]: row for row in kept}
    now = {path: hashlib.sha256((text or "").encode()).hexdigest() for path, text in files(settings).items()}
    return {
        "saved": max((row["saved"] for row in there.values()), default=None),
        "files": len(there),
        "differs": sorted(p for p in {*there, *now} if p not in there or there[p]["hash"] != now.get(p)),
    }
