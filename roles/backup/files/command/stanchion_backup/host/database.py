# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""SQL as the superuser, by psql inside a database's container: the live one's, or a restored copy's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stanchion_backup.errors import BackupError
from stanchion_backup.host.docker import NOT_STARTED, TIMED_OUT, inside


class QueryError(BackupError):
    """The server did not answer, or refused the statement."""


_SWITCH = """
SELECT pg_walfile_name(pg_logical_emit_message(true, 'stanchion', 'the end of a segment'));
SELECT pg_switch_wal() IS NULL;
"""


@dataclass(frozen=True)
class Database:
    """One database of the server in a container."""

    container: str
    name: str = "postgres"
    within: float = 60.0

    def execute(self, script: str, values: Mapping[str, object] | None = None) -> list[str]:
        """Run a script, each statement its own transaction; return the lines that it printed.

        Values stand in it as :'name' (quoted) or :name. QueryError with the server's first line.
        """
        given = [f"--set={name}={value}" for name, value in (values or {}).items()]
        # -q and -w: no chatter, no prompt. Time is bounded by the server too: an orphan ends.
        argv = [
            *("-i", "-e", f"PGOPTIONS=-c statement_timeout={int(self.within * 1000)}"),
            *("-e", "PGAPPNAME=stanchion-backup", "-e", "PGCONNECT_TIMEOUT=5", self.container),
            *("psql", "-XAtqw", "-h", "/run/postgresql", "-U", "postgres", "-d", self.name),
            *("-v", "ON_ERROR_STOP=1", *given, "-f", "-"),
        ]
        done = inside(argv, self.within + 10, script)
        if done.code != 0:
            said = done.out if done.code == NOT_STARTED else done.err
            given_up = "no answer" if done.code == TIMED_OUT else ""
            reason = given_up or _reason(said) or f"psql ended with {done.code}"
            raise QueryError(f"{self.container}, database {self.name}: {reason}")
        return done.out.splitlines()

    def rows(self, query: str, values: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """Return a query's rows as JSON knows them."""
        wrapped = "\n".join(("SELECT to_json(q) FROM (", query.rstrip().rstrip(";"), ") q;"))
        return [json.loads(line) for line in self.execute(wrapped, values)]

    def one(self, query: str, values: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Return the one row that a query has."""
        found = self.rows(query, values)
        if len(found) != 1:
            raise QueryError(f"{self.container}: {len(found)} rows where one was asked for")
        return found[0]

    def switch_wal(self) -> str:
        """End the WAL segment that holds all that is committed now, and return its name.

        A switch where nothing was written since the last one does nothing, and names a segment that is still
        to come: so something is written first, and what is named is where that is.
        """
        return self.execute(_SWITCH)[0]


def _reason(errors: str) -> str:
    lines = [line for line in errors.splitlines() if line.strip()]
    for line in lines:
        for word in ("ERROR: ", "FATAL: ", "error: "):
            if word in line:
                return line.split(word, 1)[1].strip()
    return lines[0].strip() if lines else ""
