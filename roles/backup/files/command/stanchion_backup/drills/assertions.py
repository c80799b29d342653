# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was expected of a copy, and what was seen: each with a name that the runbook explains."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from stanchion_backup.restored.facts import UNREAD, Facts

# A record of a drill stays small; what is longer is in it as its beginning and its hash.
_LONGEST = 400
# Why a fact may stay unread: a table too large to read, a stack without migrations. All else is a failure.
_EXCUSED = ("backup_sentinel_size", "alembic_version")


@dataclass
class Sheet:
    """The assertions of one drill, in the order in which they were made. `ok` None: it could not be asked."""

    entries: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self, name: str, ok: bool | None, expected: Any = None, seen: Any = None, reason: str = ""
    ) -> None:
        """Enter one; of one that is not well, `reason` says it as a person would."""
        self.entries.append(
            {"name": name, "ok": ok, "expected": _short(expected), "seen": _short(seen), "reason": reason}
        )

    def equal(self, name: str, expected: Any, seen: Any, reason: str = "") -> None:
        """Enter that two values are the same."""
        ok = expected == seen
        told = "" if ok else reason or f"{name}: {_short(expected)} was expected, {_short(seen)} seen"
        self.add(name, ok, expected, seen, told)

    def compare(self, before: Facts, after: Facts, copy: Facts) -> None:
        """Enter, for each fact, that the copy has it as the live database had it around the target.

        One that differs before and after has changed meanwhile: nobody knows which is right at the target.
        """
        for name in sorted({*before, *after}):
            was, then = before.get(name), after.get(name)
            if was != then:
                self.add(name, None, seen=copy.get(name), reason="it changed in the live database meanwhile")
            elif isinstance(was, dict) and UNREAD in was:
                reason = str(was[UNREAD])
                ok = None if any(word in reason for word in _EXCUSED) else False
                self.add(name, ok, reason=reason if ok is None else f"{name}: {reason}")
            else:
                self.equal(name, was, copy.get(name), _difference(name, was, copy.get(name)))

    @property
    def failed(self) -> list[str]:
        """Return the reasons of those that are not well."""
        return [str(each["reason"] or each["name"]) for each in self.entries if each["ok"] is False]

    @property
    def proved(self) -> bool:
        """Say whether something was asked and all of it is well."""
        return any(each["ok"] for each in self.entries) and not self.failed


def _difference(name: str, expected: Any, seen: Any) -> str:
    if isinstance(seen, dict) and UNREAD in seen:
        return f"{name}: it could not be read in the copy: {seen[UNREAD]}"
    if isinstance(expected, dict) and isinstance(seen, dict):
        parts = [
            f"{key} {_short(expected.get(key))} is {_short(seen.get(key))} in the copy"
            for key in sorted({*expected, *seen})
            if expected.get(key) != seen.get(key)
        ]
        return f"{name}: {'; '.join(parts[:5])}"
    return f"{name}: {_short(expected)} is {_short(seen)} in the copy"


def _short(value: Any) -> Any:
    text = json.dumps(value, sort_keys=True)
    if len(text) <= _LONGEST:
        return value
    return f"{text[:_LONGEST]}… (sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]})"
