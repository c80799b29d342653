# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restarts a container of the stack that is dead for longer than its recovery could take."""

from __future__ import annotations

import argparse
import json
import sys
import syslog
from collections.abc import Sequence
from pathlib import Path

from stanchion_watch import settings, watch


def main(arguments: Sequence[str]) -> int:
    """Look once, and act where that is due; return the exit code."""
    program = argparse.ArgumentParser(prog="watch", description=__doc__)
    program.add_argument(
        "--settings", type=Path, default=Path(sys.argv[0]).resolve().parent / "settings.json"
    )
    program.add_argument("--look", action="store_true", help="tell what is judged how, and do nothing")
    given = program.parse_args(arguments)
    try:
        read = settings.load(given.settings)
        if given.look:
            print(json.dumps(watch.look(read), indent=2))
            return 0
        return watch.watch(read)
    except (settings.SettingsError, OSError) as error:
        # A full disk lets it remember nothing: neither since when something is dead, nor that this was said.
        syslog.syslog(syslog.LOG_ERR, f"stanchion watch: {error}")
        print(error, file=sys.stderr)
        return 1
