# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What may go wrong, as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class BackupError(Exception):
    """It was not done, or not done well; the text says what, where, and what to do."""

    exit_code = 1
    # What was found until then: who asks for JSON gets it beside the error.
    found: Mapping[str, Any] = {}


class RefusedError(BackupError):
    """It was not begun: what was asked for cannot be done here and now. Nothing was changed."""

    exit_code = 2


class BusyError(BackupError):
    """Another job of this stack runs; this one is skipped."""

    exit_code = 75
