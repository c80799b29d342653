"""Where text goes: colour, width and movement as the terminal and the environment want them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

# A log is read in wide windows, and a folded table is hard to search.
_LOG_WIDTH = 140


def is_live(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether a line may move: on a terminal that can, watched by a person."""
    return stream.isatty() and environment.get("TERM") != "dumb" and not environment.get("CI")


def console(stream: TextIO | None = None) -> Console:
    """Return the console; rich itself heeds NO_COLOR, FORCE_COLOR and TERM."""
    from rich.console import Console

    target = stream or sys.stdout
    return Console(
        file=target,
        width=None if target.isatty() else _LOG_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )
