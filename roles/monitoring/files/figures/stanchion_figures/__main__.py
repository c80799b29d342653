# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes figures of a stack's containers, disks and published addresses, for node_exporter to read."""

from __future__ import annotations

import argparse
import sys
import syslog
from collections.abc import Sequence
from pathlib import Path

from stanchion_figures import minute, settings


def main(arguments: Sequence[str]) -> int:
    """Write figures until the minute is over; return the exit code."""
    program = argparse.ArgumentParser(prog="figures", description=__doc__)
    program.add_argument(
        "--settings", type=Path, default=Path(sys.argv[0]).resolve().parent / "settings.json"
    )
    program.add_argument("--once", action="store_true", help="write them once, and end")
    given = program.parse_args(arguments)
    try:
        return minute.run(settings.load(given.settings), given.once)
    except (settings.SettingsError, OSError) as error:
        # Prometheus tells that the figures are old; this is for whoever looks why.
        syslog.syslog(syslog.LOG_ERR, f"stanchion figures: {error}")
        print(error, file=sys.stderr)
        return 1
