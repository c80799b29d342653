# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The minute that cron gives it: a look now, and at each interval, until the next run begins."""

from __future__ import annotations

import time

from stanchion_host.files import alone

from stanchion_figures import figures, settings
from stanchion_figures.settings import Settings

MINUTE = 60.0
# A look that the last run has not ended is over by then.
_GIVES_WAY_FOR = 5.0
# So soon it notices that the job was taken away.
_STEP = 1.0


def run(read: Settings, once: bool = False) -> int:
    """Write figures until the minute is over, or once; return the exit code.

    Does nothing where another run does it. Raises SettingsError and OSError.
    """
    with alone(read.folder / "figures.lock", _GIVES_WAY_FOR) as mine:
        if not mine:
            return 0
        begun = time.monotonic() - time.time() % MINUTE
        while True:
            figures.take(read)
            following = None if once else due(time.monotonic() - begun, read.interval)
            if following is None or not _wait(begun + following, read):
                return 0
            # A deploy may have written others.
            read = settings.load(read.path)


def due(passed: float, interval: int) -> float | None:
    """Return at which second of the minute the next look begins, `passed` seconds after it began.

    None where that one might not end before the next minute: whose run would find this one at work.
    """
    following = (passed // interval + 1) * interval
    return following if following + figures.LONGEST <= MINUTE else None


def _wait(moment: float, read: Settings) -> bool:
    """Wait until then; return False as soon as the job was taken away, whose end somebody waits for."""
    while read.is_wanted():
        left = moment - time.monotonic()
        if left <= 0:
            return True
        time.sleep(min(left, _STEP))
    return False
