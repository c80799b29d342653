# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What people give as the end of a restore: latest, a time, lsn:, xid:, name:, backup:."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone

from stanchion_backup.errors import RefusedError

FORMS = "latest, a time with its zone (2026-11-25 12:00:00+00), lsn:…, xid:…, name:… or backup:LABEL"
# "Z", "+01" and "+0100" are usual; the oldest Python here reads "+01:00" only.
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?(Z|[+-]\d\d(?::?\d\d)?)?")
_LSN = re.compile(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}")
# Postgres cuts a restore point's name at 63 bytes.
_NAME = re.compile(r"\S.{0,62}")
# Ids below 3 are Postgres' own.
_FIRST_XID = 3


@dataclass(frozen=True)
class Asked:
    """A target as it was asked for; `epoch` (Unix seconds) is a time's, `value` is as recovery takes it."""

    kind: str
    value: str = ""
    epoch: float = 0.0

    def __str__(self) -> str:
        return self.kind if self.kind == "latest" else f"{self.kind} {self.value}"


def parse(text: str) -> Asked:
    """Read what stands behind --to; RefusedError with what is wrong with it."""
    kind, colon, value = text.partition(":")
    if text == "latest":
        return Asked("latest")
    if colon and kind in ("lsn", "xid", "name", "backup"):
        return _named(kind, value)
    found = _TIME.fullmatch(text)
    if found is None:
        raise RefusedError(f"--to {text}: this is none of {FORMS}. Nothing was done.")
    day, clock, zone = found.groups()
    if zone is None:
        raise RefusedError(
            f"--to {text}: the time has no zone, and an hour off is the wrong data. Add one: "
            f"{day} {clock}+00 for UTC. Nothing was done."
        )
    return _time(text, day, clock, zone)


def _time(text: str, day: str, clock: str, zone: str) -> Asked:
    hours = clock if clock.count(":") == 2 else f"{clock}:00"
    whole, _, fraction = hours.partition(".")
    offset = "+00:00" if zone == "Z" else f"{zone[:3]}:{zone[3:].replace(':', '') or '00'}"
    try:
        moment = datetime.fromisoformat(f"{day}T{whole}.{fraction:0<6}{offset}").astimezone(timezone.utc)
    except ValueError as error:
        raise RefusedError(f"--to {text}: {error}. Nothing was done.") from error
    return Asked("time", moment.strftime("%Y-%m-%d %H:%M:%S.%f+00"), moment.timestamp())


def _named(kind: str, value: str) -> Asked:
    if kind == "lsn" and not _LSN.fullmatch(value):
        raise RefusedError(
            f"--to lsn:{value}: an LSN is two hexadecimal numbers, 0/5000028. Nothing was done."
        )
    if kind == "xid" and not (value.isascii() and value.isdigit() and int(value) >= _FIRST_XID):
        raise RefusedError(f"--to xid:{value}: a transaction id is a number from 3 on. Nothing was done.")
    if kind == "name" and not _NAME.fullmatch(value):
        raise RefusedError(
            f"--to name:{value}: a restore point's name has 1 to 63 characters. Nothing was done."
        )
    return Asked(kind, value.upper() if kind == "lsn" else value)


def position(lsn: str) -> int:
    """Return an LSN as the number of a byte in the WAL."""
    high, _, low = lsn.partition("/")
    return int(high, 16) << 32 | int(low, 16)
