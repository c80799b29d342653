# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command: verbs for cron, for the role, and for whoever is logged in on the host."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stanchion_backup import backups, watch
from stanchion_backup.drills import choosing, drill
from stanchion_backup.errors import BackupError, BusyError
from stanchion_backup.host import jobs, stopping
from stanchion_backup.host.stopping import Stopped
from stanchion_backup.looks import observe
from stanchion_backup.repository.pgbackrest import TYPES
from stanchion_backup.restores import bare_metal, restoring
from stanchion_backup.settings import Settings, load

# The role waits this long for a scheduled job to end; whoever asks by hand as well.
_WAIT = 600.0


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print the result as JSON")
    # Cron's jobs do not wait for each other and have nobody to print to.
    shared.add_argument(
        "--scheduled", action="store_true", help="as cron: skip when another job runs, print failures only"
    )
    program = argparse.ArgumentParser(prog=Path(sys.argv[0]).name, description=__doc__)
    program.add_argument(
        "--settings", type=Path, default=Path(sys.argv[0]).resolve().parent / "settings.json"
    )
    verbs = program.add_subparsers(dest="verb", required=True)

    def verb(name: str, explains: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, parents=[shared], help=explains)

    take = verb("backup", "take a backup into each repository")
    take.add_argument("--type", choices=TYPES, default="incr")
    expire = verb("expire", "let go what is beyond the retention, also where no backup has room any more")
    verify = verb("verify", "read every file of the repositories against its checksum")
    prove = verb("drill", "restore into a copy beside the database and prove that it is the same")
    prove.add_argument("--target", choices=choosing.KINDS, help="instead of one chosen at random")
    prove.add_argument("--set", metavar="LABEL", help="begin with this backup")
    verb("first-drill", "drill each repository of which nothing has been proved yet")
    looks = verb("observe", "tell everything about the backups, as JSON")
    looks.add_argument(
        "--within", type=float, default=60.0, metavar="SECONDS", help="wait no longer for an answer"
    )
    looks.add_argument(
        "--without-windows", action="store_true", help="leave out windows and copies, which take longest"
    )
    verb("watch", "write a canary row and the metrics; cron does so every minute")
    verb("settle", "open the repositories and check that WAL arrives")
    before = verb("before-replace", "take a backup before the server's image is replaced")
    before.add_argument(
        "--hours", type=float, default=24.0, help="where it fails, an older good one that is enough"
    )
    lost = verb("bare-metal", "restore a lost host's database onto this one, which has none")
    lost.add_argument("--image", required=True, help="of the database's container")
    lost.add_argument("--volume", required=True, help="which is to be the database")
    lost.add_argument("--timeline", type=int, default=0, metavar="N", help="that the lost database was on")
    foreign = verb("before-adoption", "take a backup of a stopped cluster that is not this stack's yet")
    foreign.add_argument("--image", required=True, help="of the database's container")
    verb("first-full", "take a full backup where there is none yet")
    for each in (take, expire, verify, prove, lost):
        each.add_argument("--repo", metavar="repoN", action="append", help="only this repository")
    restoring.add_verbs(verb)
    return program


def main(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit code. Whoever calls it gives the process to it."""
    logging.raiseExceptions = False
    stopping.on_signals()
    given = parser().parse_args(arguments)
    try:
        settings = load(given.settings)
        jobs.log_to_file(settings)
        result = act(settings, given)
    except (BackupError, Stopped) as error:
        if given.scheduled and isinstance(error, BusyError):
            return 0
        if given.json:
            found = error.found if isinstance(error, BackupError) else {}
            print(json.dumps({**found, "error": str(error), "exit": error.exit_code}))
        jobs.say(str(error))
        return error.exit_code
    except OSError as error:
        if given.json:
            print(json.dumps({"error": str(error), "exit": 1}))
        jobs.say(f"{given.verb} failed: {error}")
        return 1
    if given.json or given.verb == "observe":
        print(json.dumps(result))
    elif not given.scheduled:
        print(json.dumps(result, indent=2))
    return 0


def act(settings: Settings, given: argparse.Namespace) -> Any:
    """Do what a verb says; return its result."""
    wait = 0.0 if given.scheduled else _WAIT
    if given.verb in restoring.VERBS:
        return restoring.act(settings, given, wait)
    if "repo" in given:
        return _act_on(settings, given, wait)
    if given.verb == "settle":
        return {**backups.settle(settings, wait), "complete": drill.is_complete(settings)}
    if given.verb == "before-replace":
        return backups.before_replace(settings, given.hours, wait)
    if given.verb == "before-adoption":
        return backups.before_adoption(settings, given.image, wait)
    if given.verb == "first-full":
        return {"done": backups.first_full(settings, wait)}
    if given.verb == "first-drill":
        return drill.first(settings, wait)
    if given.verb == "watch":
        return watch.watch(settings)
    return observe.observe(settings, given.within, not given.without_windows)


def _act_on(settings: Settings, given: argparse.Namespace, wait: float) -> Any:
    """Do what a verb says that takes --repo."""
    repositories = [settings.repository_of(name) for name in given.repo or ()] or settings.repositories
    if given.verb == "backup":
        return backups.take(settings, given.type, repositories, wait)
    if given.verb == "expire":
        return backups.expire(settings, repositories, wait)
    if given.verb == "verify":
        return backups.verify(settings, repositories, wait)
    if given.verb == "drill":
        return drill.drill(settings, repositories, given.target, given.set, wait)
    return bare_metal.restore(
        settings, repositories[0], bare_metal.Wanted(given.image, given.volume, given.timeline), wait
    )
