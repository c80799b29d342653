"""Moments as the engine writes them."""

import pytest
from stanchion_host.moments import moment


def test_moments_of_the_engine():
    assert moment("2026-11-30T19:56:04.123456789Z") == pytest.approx(1796068564.123456)
    assert moment("2026-11-30T19:56:04Z") == moment("2026-11-30T19:56:04+00:00") == 1796068564


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "", "yesterday"])
def test_never(text):
    assert moment(text) == 0
