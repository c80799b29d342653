"""Values as people read them, and the round ones of an axis."""

from __future__ import annotations

import pytest

from stanchion.history.measures import NOTHING, shown, ticks
from stanchion.history.plots import Unit


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (None, "", NOTHING),
        (0.0, "%", "0 %"),
        (3.14159, "", "3.14"),
        (12345.0, "", "12\N{THIN SPACE}345"),
        (0.00634, "/s", "0.0063/s"),
        (0.00001, "/s", "1e-05/s"),
        (0.0128, "s", "12.8 ms"),
        (2.0, "s", "2 s"),
        (120.0, "s", "2 min"),
        (487.0, "s", "8 min 7 s"),
        (7 * 86400.0, "s", "7 d"),
        (0.0, "s", "0 s"),
        (512.0 * 1024**2, "B", "512 MB"),
        (1.6 * 1024**3, "B", "1.6 GB"),
        (2.0, "CPU", "2 CPU"),
    ],
)
def test_words(value: float | None, unit: str, words: str) -> None:
    assert shown(value, unit) == words


@pytest.mark.parametrize(
    ("most", "unit", "found"),
    [
        (15.0, "", [0, 5, 10, 15]),
        (1.0, "", [0, 1]),
        (0.5, "/s", [0, 0.2, 0.4, 0.6]),
        (100.0, "%", [0, 25, 50, 75, 100]),
        (900.0, "s", [0, 300, 600, 900]),
        (600.0 * 1024**2, "B", [each * 1024**2 for each in (0, 256, 512, 768)]),
        (0.0, "", [0]),
    ],
)
def test_ticks_are_round_and_reach_over_the_most(most: float, unit: Unit, found: list[float]) -> None:
    assert ticks(0.0, most, unit) == pytest.approx(found)


@pytest.mark.parametrize("unit", ["", "/s", "s", "%", "B"])
@pytest.mark.parametrize("most", [1e-5, 0.3, 7.0, 99.9, 12345.0, 3e9])
def test_there_are_few_of_them(unit: Unit, most: float) -> None:
    found = ticks(0.0, most, unit)
    assert found[0] <= 0.0 and found[-1] >= most
    assert len(found) <= 6
