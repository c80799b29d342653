"""Values of Postgres' settings as numbers, whatever unit they are written in."""

from __future__ import annotations

import re

from stanchion.contract.memory import show

_BYTES = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
# pg_settings counts some sizes in blocks: 8kB, 16MB.
_VALUE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_UNIT = re.compile(r"(\d*)([A-Za-z]+)")
_TRUE = frozenset(("on", "true", "yes", "1"))
_FALSE = frozenset(("off", "false", "no", "0"))


def number(text: str, unit: str | None) -> float | None:
    """Return a setting's value in bytes or seconds, None of what is no number; `unit` is that of a bare one.

    Raises:
        ValueError: the value has a unit that Postgres does not know.
    """
    match = _VALUE.fullmatch(unquoted(text))
    if match is None:
        return None
    value = float(match[1])
    if value < 0:  # -1 means "none" or "the default", in any unit
        return value
    return value * _factor(match[2] or unit or "")


def _factor(unit: str) -> float:
    if not unit:
        return 1.0
    match = _UNIT.fullmatch(unit)
    name = match[2] if match else unit
    factor = _BYTES.get(name, _SECONDS.get(name))
    if match is None or factor is None:
        raise ValueError(f"{unit!r} is no unit of Postgres")
    return int(match[1] or 1) * factor


def seconds(text: str) -> float:
    """Return the seconds of a time-out; a bare number is milliseconds, and 0 means that there is none."""
    value = number(text, "ms")
    if value is None:
        raise ValueError(f"{text!r} is no time")
    return max(value, 0.0)


def same(one: str, other: str, unit: str | None) -> bool:
    """Say whether two values mean the same to Postgres; `unit` is that of bare numbers."""
    left, right = unquoted(one), unquoted(other)
    if left.lower() == right.lower():
        return True
    if _truth(left) is not None and _truth(left) == _truth(right):
        return True
    try:
        numbers = number(left, unit), number(right, unit)
        step = _factor(unit) if unit else 0.0
    except ValueError:
        return False
    if numbers[0] is None or numbers[1] is None:
        return False
    # The server rounds to whole units.
    return numbers[0] == numbers[1] or abs(numbers[0] - numbers[1]) < step


def _truth(text: str) -> bool | None:
    value = text.lower()
    return True if value in _TRUE else False if value in _FALSE else None


def unquoted(text: str) -> str:
    """Return a value without the quotes of postgresql.conf."""
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'").replace("\\\\", "\\")
    return text


def shown(text: str, unit: str | None) -> str:
    """Return a setting's value for people: 512MB, 5 min, on."""
    value = number(text, unit) if unit else None
    if value is None or value < 0:
        return text
    match = _UNIT.fullmatch(unit or "")
    return show(int(value)) if match and match[2] in _BYTES else length(value)


def length(value: float) -> str:
    """Return a time for people: 0.4 s, 90 s, 12 min, 3 h, 11 days."""
    for least, unit, name in ((172800, 86400, "days"), (7200, 3600, "h"), (120, 60, "min")):
        if value >= least:
            return f"{value / unit:.0f} {name}"
    return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"
