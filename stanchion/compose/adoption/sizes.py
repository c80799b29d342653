"""Sizes and numbers as the roles' variables have them."""

from __future__ import annotations

from stanchion.contract.memory import GB, KB, MB


def memory(size: int) -> str:
    """Return bytes in the largest unit of which they are a whole number."""
    for unit, letter in ((GB, "g"), (MB, "m"), (KB, "k")):
        if size % unit == 0:
            return f"{size // unit}{letter}"
    return str(size)


def cpus(number: float) -> float | int:
    """Return a number of processors, a whole one without a point."""
    return int(number) if number == int(number) else number
