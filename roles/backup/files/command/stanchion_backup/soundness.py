# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a copy is whole: its pages, its indexes, every row of it, and for the stack's own software."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stanchion_backup import beside, docker, facts, pgbackrest
from stanchion_backup.course import PURPOSE, Drill
from stanchion_backup.errors import BackupError
from stanchion_backup.scratch import Scratch

_AMCHECK = ("--heapallindexed", "--parent-check", "--install-missing")
_VERIFIER = "SELECT rolpassword AS verifier FROM pg_authid WHERE rolname = :'user'"


def checksums(one: Drill, copy: Scratch, live: Mapping[str, Any]) -> None:
    """Stop the copy and enter that no page of it has a wrong checksum."""
    copy.stop()
    if live["checksums"] != "on":
        one.sheet.add("page checksums", None, reason="this cluster was made without data checksums")
        return
    done = copy.command("pg_checksums", "--check", f"--pgdata={pgbackrest.DATA}")
    wrong = [line for line in done.text.splitlines() if "failed" in line or "error" in line]
    reason = "" if done.code == 0 else f"pg_checksums: {'; '.join(wrong[:3]) or done.text[-300:]}"
    one.sheet.add("page checksums", done.code == 0, "no bad page", _count(done.out, "Bad checksums"), reason)


def _count(text: str, name: str) -> str:
    return next((line.strip() for line in text.splitlines() if name in line), "")


def _tool(one: Drill, copy: Scratch, name: str, *argv: str) -> None:
    """Run a client program beside the copy's server, and enter that it ended well."""
    done = docker.run(
        [
            "docker",
            "exec",
            copy.container,
            *docker.LOW,
            *argv,
            "--host=/run/postgresql",
            "--username=postgres",
        ],
        within=None,
    )
    said = "; ".join(line.strip() for line in done.text.splitlines()[:3])
    well = done.code == 0
    one.sheet.add(
        name, well, "nothing found", "nothing found" if well else said, "" if well else f"{argv[0]}: {said}"
    )


def amcheck(one: Drill, copy: Scratch) -> None:
    """Enter that tables and indexes agree; only a copy may be asked, as it locks writers out."""
    _tool(one, copy, "amcheck", "pg_amcheck", "--all", *_AMCHECK)


def dump(one: Drill, copy: Scratch) -> None:
    """Enter that every row of every database can be read."""
    listed = copy.database("postgres").rows("SELECT datname AS name FROM pg_database WHERE datallowconn")
    for name in sorted(str(each["name"]) for each in listed):
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
