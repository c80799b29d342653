# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a copy is whole: its pages, its indexes, every row of it, and for the stack's own software."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stanchion_backup.drills.course import PURPOSE, Drill
from stanchion_backup.errors import BackupError
from stanchion_backup.restored import beside, facts
from stanchion_backup.restored.scratch import AMCHECK, Scratch

_VERIFIER = "SELECT rolpassword AS verifier FROM pg_authid WHERE rolname = :'user'"


def checksums(one: Drill, copy: Scratch, live: Mapping[str, Any]) -> None:
    """Stop the copy and enter that no page of it has a wrong checksum."""
    copy.stop()
    if live["checksums"] != "on":
        one.sheet.add("page checksums", None, reason="this cluster was made without data checksums")
        return
    damage = copy.bad_pages()
    reason = f"pg_checksums: {damage}" if damage else ""
    one.sheet.add("page checksums", not damage, "no bad page", damage or "no bad page", reason)


def _tool(one: Drill, copy: Scratch, name: str, *argv: str) -> None:
    """Run a client program beside the copy's server, and enter that it ended well."""
    said = copy.client(*argv)
    reason = f"{argv[0]}: {said}" if said else ""
    one.sheet.add(name, not said, "nothing found", said or "nothing found", reason)


def amcheck(one: Drill, copy: Scratch) -> None:
    """Enter that tables and indexes agree; only a copy may be asked, as it locks writers out."""
    _tool(one, copy, "amcheck", "pg_amcheck", *AMCHECK)


def dump(one: Drill, copy: Scratch) -> None:
    """Enter that every row of every database can be read."""
    for name in copy.databases():
        _tool(one, copy, f"dump of {name}", "pg_dump", f"--dbname={name}", "--file=/dev/null")


def backend(one: Drill, copy: Scratch, network: str, name: str) -> None:
    """Ask the stack's own software whether it can read what was restored."""
    settings = one.settings
    like = beside.running(settings)
    if not settings.read_path:
        one.sheet.add("backend", None, reason="backup_read_path is empty")
    elif like is None:
        one.sheet.add("backend", None, reason="no backend of the stack runs on this host")
    else:
        try:
            # The password may have been changed since the target: the backend has today's.
            verifier = one.live.one(_VERIFIER, {"user": settings.user})["verifier"]
            user = settings.user.replace('"', '""')
            copy.database("postgres").execute(
                f'ALTER ROLE "{user}" PASSWORD {facts.quoted(verifier) if verifier else "NULL"}'
            )
            beside.start(settings, like, name, network, PURPOSE)
            size = beside.answer(settings, like, name)
            one.sheet.add("backend", True, f"200 to GET {settings.read_path}", f"200, {size} bytes")
        except BackupError as error:
            one.sheet.add("backend", False, f"200 to GET {settings.read_path}", str(error), str(error))
