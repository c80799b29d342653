# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two rows in the live database with a moment and a name between them, for a recovery to end at."""

from __future__ import annotations

from dataclasses import dataclass

from stanchion_backup.errors import BackupError
from stanchion_backup.host.database import Database
from stanchion_backup.repository import pgbackrest
from stanchion_backup.repository.pgbackrest import Contents
from stanchion_backup.restored import canary
from stanchion_backup.settings import Settings

# Rows that a drill has written are not the canary writer's.
MARK = "drill"
# A segment that was switched is pushed at once; this is for one that has to wait for others, in seconds.
_PUSH = 60

# Each statement is a transaction of its own: in the one that writes b, the segment would be switched before
# b's commit is in it.
_A = r"\set mark :a"
_BETWEEN = f"""
SELECT pg_create_restore_point(:'name') IS NULL;
SELECT pg_sleep(0.01) IS NULL;
{canary.NOW};
SELECT pg_sleep(0.01) IS NULL;
\\set mark :b
"""
# The last byte that is on disk, as b's commit has returned: a position on the border of two segments would
# count to the next one.
_AFTER = """
SELECT pg_walfile_name(pg_current_wal_flush_lsn() - 1::numeric);
SELECT pg_switch_wal() IS NULL;
"""
_ARCHIVER = """
SELECT coalesce(last_failed_wal, '') AS wal, coalesce(last_failed_time::text, '') AS t,
    coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) AS failing
FROM pg_stat_archiver
"""


@dataclass(frozen=True)
class Markers:
    """`a` is committed before moment `t` and restore point `name`, `b` after them and in WAL `segment`."""

    a: canary.Row
    name: str
    t: str
    b: canary.Row
    segment: str


def place(live: Database, run: str) -> Markers:
    """Write a, name the point, read the clock, write b; each is committed before the next."""
    name = f"stanchion_{run}"
    given = {
        "name": name,
        "a": f"{MARK}-{run}-a",
        "b": f"{MARK}-{run}-b",
        "facts": "",
        "days": canary.KEPT_DAYS,
    }
    script = "\n".join((_A, canary.WRITE, _BETWEEN, canary.WRITE, _AFTER))
    a, t, b, segment = (line for line in live.execute(script, given) if line != "f")
    return Markers(canary.row(a), name, t, canary.row(b), segment)


def arrive(settings: Settings, held: Contents, live: Database, markers: Markers) -> None:
    """Wait until the repository has the segment of b; BackupError when it does not come."""
    repository = settings.repository_of(str(held.key))
    limit = settings.archive_timeout + _PUSH
    if pgbackrest.wait_for(settings, [held], markers.segment, limit):
        archiver = live.one(_ARCHIVER)
        failing = (
            f" The server's last try that failed was {archiver['wal']} at {archiver['t']}."
            if archiver["failing"]
            else ""
        )
        raise BackupError(
            f"WAL segment {markers.segment} did not arrive in {repository} within "
            f"{limit} s.{failing} What is written now can't be restored: mend the archive."
        )
