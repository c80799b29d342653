"""Values as people read them, with their unit."""

from __future__ import annotations

from stanchion.history.plots import Unit
from stanchion.report.backups_taken import size
from stanchion.report.headline import duration

NOTHING = "\N{EN DASH}"
_KIBI = 1024.0
# Below, halves of a second count.
_SHORT = 10.0


def shown(value: float | None, unit: str) -> str:
    """Return a value with its unit; a dash where there is none."""
    if value is None:
        return NOTHING
    if unit == "B":
        return size(value).replace(".0 ", " ")
    if unit == "s":
        return seconds(value)
    if unit == "%":
        return f"{number(value)} %"
    return f"{number(value)}{unit}" if unit == "/s" else f"{number(value)} {unit}".strip()


def number(value: float) -> str:
    """Return a number with three digits that count."""
    if value == 0 or abs(value) >= 100 or value == round(value):
        return f"{value:,.0f}".replace(",", "\N{THIN SPACE}")
    if abs(value) < 0.001:
        return f"{value:.1g}"
    return f"{value:.2g}" if abs(value) < 0.1 else f"{value:.3g}"


def seconds(value: float) -> str:
    """Return a span; short ones in milliseconds."""
    if 0 < abs(value) < 1:
        return f"{number(value * 1000)} ms"
    if abs(value) < _SHORT:
        return f"{number(value)} s"
    # Of a whole hour the minutes are no news.
    return duration(value).removesuffix(" 0 s").removesuffix(" 0 min").removesuffix(" 0 h")


def ticks(least: float, most: float, unit: Unit, count: int = 4) -> list[float]:
    """Return round values from below the least to above the most, for an axis."""
    span = most - least or abs(most) or 1.0
    step = next(each for each in _steps(unit) if each * count >= span)
    first = least // step
    found: list[float] = []
    while not found or found[-1] < most:
        found.append((first + len(found)) * step)
    return found


def _steps(unit: Unit) -> list[float]:
    if unit == "B":
        return [
            _KIBI**power * factor for power in range(6) for factor in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
        ]
    decimal = [factor * 10.0**power for power in range(-6, 12) for factor in (1, 2, 2.5, 5)]
    if unit == "":
        # Of things there are whole numbers.
        return [each for each in decimal if each == round(each)]
    if unit == "s":
        minutes = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
        return [each for each in decimal if each < 60] + [
            *map(float, minutes),
            *(86400.0 * n for n in decimal if n > 1),
        ]
    return decimal
