"""The plots as data: every query is whole, and a peak between two points is asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stanchion.history.now import QUERIES
from stanchion.history.plots import PLOTS, Asked, instants, queries

ROOT = Path(__file__).resolve().parents[3]
WEEK = Asked(0.0, 7 * 86400.0)
HOUR = Asked(0.0, 3600.0)
EVERY = {**queries(WEEK), **instants(WEEK), **QUERIES}
METRIC = re.compile(r"\b((?:db|http|stanchion)_\w+)")


@pytest.mark.parametrize("query", EVERY.values())
def test_every_query_is_whole(query: str) -> None:
    assert "$" not in query
    for opening, closing in ("()", "[]", "{}"):
        assert query.count(opening) == query.count(closing)


def test_points_are_at_most_two_hundred_and_no_closer_than_a_minute() -> None:
    assert WEEK.step == pytest.approx(3024.0)
    assert HOUR.step == 60.0


def test_a_peak_between_two_points_is_asked_for() -> None:
    assert queries(WEEK)["pool.0.most"] == "max by (replica) (max_over_time(db_pool_in_use[3024s]))"
    # A window of a minute might hold no sample at all.
    assert "[120s]" in queries(HOUR)["pool.0.most"]


def test_rates_leave_no_time_between_them() -> None:
    for asked in (HOUR, WEEK, Asked(0.0, 90 * 86400.0)):
        query = queries(asked)["requests.0.most"]
        rate, fine = re.search(r"\[(\d+)s\]", query), re.search(r":(\d+)s\]", query)
        assert rate and fine
        assert int(rate[1]) >= max(int(fine[1]), 300)


def test_what_is_asked_of_each_line() -> None:
    asked = queries(WEEK)
    for plot in PLOTS:
        assert {f"{plot.slug}.0.{name}" for name in ("most", "average", "least")} <= set(asked)
        assert f"{plot.slug}.0.last" in instants(WEEK)
    assert "pool.1.average" not in asked, "a limit is drawn, and no more"
    assert "disk.1.ahead" in instants(WEEK)
    assert not any(name.startswith("disk.1.") for name in asked)


def test_the_last_value_is_no_longer_than_two_minutes_old() -> None:
    assert "[120s]" in instants(WEEK)["pool.0.last"]


def test_names_of_plots_are_their_own() -> None:
    assert len({plot.slug for plot in PLOTS}) == len({plot.title for plot in PLOTS}) == len(PLOTS)


def test_metrics_exist() -> None:
    """Those of the backend and of the backups are written in this repository."""
    told = (ROOT / "backend/medication_tracker/metrics.py").read_text()
    told += (ROOT / "roles/backup/files/command/stanchion_backup/looks/metrics.py").read_text()
    for query in EVERY.values():
        for name in METRIC.findall(query):
            base = re.sub(r"_(?:bucket|count)$", "", name)
            if base.startswith(("db_", "http_", "stanchion_backup_", "stanchion_restore_")):
                assert f'"{base}"' in told, name
