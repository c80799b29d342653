"""Clocks and time zones."""

import pytest

from stanchion.checks import Outcome


def test_nobody_keeps_the_clock(kept):
    kept.facts["clock"]["synchronised"] = False
    finding = kept.ask("clock.synchronised")
    assert finding.outcome is Outcome.WARN
    assert "no time service" in finding.summary


@pytest.mark.parametrize("offset,outcome", [(0.05, "pass"), (-0.06, "warn"), (0.06, "warn")])
def test_a_clock_that_is_off(kept, offset, outcome):
    kept.facts["clock"]["offset"] = offset
    assert kept.ask("clock.synchronised").outcome == outcome


@pytest.mark.parametrize(
    "offset,uncertainty,says",
    [
        (2.5, 0.6, None),
        (2.7, 0.6, "at least 2.1 s ahead of"),
        (-9.0, 0.5, "at least 8.5 s behind"),
        (5.0, 6.0, None),
    ],
)
def test_two_clocks_that_differ(kept, offset, uncertainty, says):
    kept.facts["controller_clock"].update(offset=offset, uncertainty=uncertainty)
    finding = kept.ask("clock.difference")
    assert finding.outcome is (Outcome.WARN if says else Outcome.PASS)
    assert not says or says in finding.summary


@pytest.mark.parametrize(
    "step,says",
    [(-58, None), (50, None), (-172800, "is 2 d behind the host's"), (3600, "ahead of the host's")],
)
def test_a_database_with_a_clock_of_its_own(kept, step, says):
    kept.rows("server")[0]["clock"] += step
    finding = kept.ask("clock.database")
    assert finding.outcome is (Outcome.FAIL if says else Outcome.PASS)
    assert not says or says in finding.summary


@pytest.mark.parametrize(
    "zone,log,outcome",
    [
        ("UTC", "UTC", "pass"),
        ("Etc/UTC", "UTC", "pass"),
        ("Europe/Berlin", "Europe/Berlin", "pass"),
        ("UTC", "Europe/Berlin", "warn"),
    ],
)
def test_zones(kept, zone, log, outcome):
    kept.setting("TimeZone")["setting"] = zone
    kept.setting("log_timezone")["setting"] = log
    assert kept.ask("clock.timezone").outcome == outcome
