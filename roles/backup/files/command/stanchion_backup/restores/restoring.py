# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The verbs of a restore: restore, plan, windows."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stanchion_backup.errors import RefusedError
from stanchion_backup.repository.target import FORMS
from stanchion_backup.restores import copies, planning, replacing
from stanchion_backup.settings import Settings

VERBS = ("restore", "plan", "windows")


def add_verbs(verb: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """Add them to the command line."""
    verb("windows", "list the moments that can be restored, by repository and timeline")
    plan = verb("plan", "tell what a restore would do, and do nothing")
    restore = verb("restore", "restore into a copy beside the database, or in its place")
    for each in (plan, restore):
        each.add_argument("--to", metavar="TARGET", default="", help=FORMS)
        each.add_argument("--from", dest="source", metavar="repoN", default="", help="from this repository")
        each.add_argument("--timeline", type=int, default=0, metavar="N", help="along this timeline")
        each.add_argument("--set", dest="label", default="", metavar="LABEL", help="begin with this backup")
    restore.add_argument("--deep", action="store_true", help="read every page, row and B-tree of the copy")
    restore.add_argument("--drop", metavar="NAME", default="", help="remove a restored copy and its volume")
    restore.add_argument(
        "--drop-volume", metavar="VOLUME", default="", help="remove a volume that was replaced"
    )
    restore.add_argument("--replace", metavar="STACK_NAME", default="", help="in the live database's place")
    restore.add_argument(
        "--resume", action="store_true", help="go on with a replacement that was interrupted"
    )
    restore.add_argument("--rollback", action="store_true", help="return from it to the old volume")
    restore.add_argument(
        "--discard-writes", metavar="VOLUME", default="", help="lose what was written to it since"
    )
    # Told by the playbook: the backend is let in; the roles are done.
    restore.add_argument("--opened", action="store_true", help=argparse.SUPPRESS)
    restore.add_argument("--close", action="store_true", help=argparse.SUPPRESS)
    restore.add_argument("--image", default="", help="the database's image, where its container is gone")


def act(settings: Settings, given: argparse.Namespace, wait: float) -> dict[str, Any]:
    """Do what one of these verbs says; return its result."""
    if given.verb == "windows":
        return {"windows": planning.every_window(settings)}
    request = planning.Request(given.to, given.source, given.timeline, given.label)
    if given.verb == "plan":
        return planning.plan(settings, request, ahead=True).as_dict()
    if given.image:
        settings = replace(settings, image=given.image)
    if given.drop:
        return copies.drop(settings, given.drop, wait)
    if given.drop_volume:
        return replacing.drop_volume(settings, given.drop_volume, wait)
    if given.resume:
        return replacing.resume(settings, wait)
    if given.rollback:
        return replacing.rollback(settings, given.discard_writes, wait)
    if given.opened:
        return replacing.opened(settings)
    if given.close:
        return replacing.close(settings, wait)
    if not given.to:
        raise RefusedError(f"Say with --to what is to be restored: {FORMS}.")
    if given.replace:
        return replacing.replace(settings, request, given.replace, given.deep, wait)
    return copies.restore(settings, request, given.deep, wait)
