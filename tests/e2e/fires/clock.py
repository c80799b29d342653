"""Clocks: only the zone is the stack's own; the clock itself is the whole machine's."""

from __future__ import annotations

from fires.fire import Fire

FIRES = [
    # Broken by the batch's line of setting.file.
    Fire("clock.timezone", "configuration", None, "TimeZone is Europe/Berlin, and log_timezone is UTC"),
]
