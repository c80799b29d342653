"""Sessions of the database, named for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def who(row: Mapping[str, Any]) -> str:
    """Return whose session it is: `backend-1 (pid 66, role medication_tracker)`."""
    return f"{row['application'] or 'a session without a name'} (pid {row['pid']}, role {row['role']})"


def doing(row: Mapping[str, Any]) -> str:
    """Return what the session does, by the first word of its statement."""
    state, command = row["state"] or "of unknown state", row["command"] or ""
    if state == "active":
        return f"running {command}" if command else "active"
    return f"{state}, last {command}" if command else str(state)
