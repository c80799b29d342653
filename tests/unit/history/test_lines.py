"""From the module's answer to plots: legends, numbers, limits, gaps, and why there is nothing."""

from __future__ import annotations

from typing import Any

import pytest
from past_week import history

from stanchion.history.lines import plots_of
from stanchion.history.model import Plot


@pytest.fixture
def told() -> dict[str, Any]:
    return history()


def plot(told: dict[str, Any], slug: str) -> Plot:
    return next(each for each in plots_of(told) if each.slug == slug)


def test_every_plot_of_a_whole_week_has_data(told: dict[str, Any]) -> None:
    for each in plots_of(told):
        assert each.series and not each.words, each.slug
        assert each.state == "read"


def test_lines_and_limits_of_the_pool(told: dict[str, Any]) -> None:
    found = plot(told, "pool")
    assert [(each.name, each.kind) for each in found.series] == [
        ("backend-1", "line"),
        ("backend-2", "line"),
        ("capacity of backend-1", "limit"),
        ("capacity of backend-2", "limit"),
    ]
    numbers = found.series[0].numbers
    assert numbers is not None
    assert (numbers.most, numbers.last) == (15.0, 6.0)
    assert found.series[2].numbers is None


def test_numbers_are_of_their_own_queries(told: dict[str, Any]) -> None:
    """The average of the peaks would be no average."""
    series = [{"labels": {"of": "x"}, "values": [None] * len(told["times"])}]
    for name, value in (("most", 9.0), ("average", 3.0), ("least", 1.0)):
        values = [*[value] * (len(told["times"]) - 1), None]
        told["series"][f"wal.0.{name}"] = {"ok": True, "series": [{**series[0], "values": values}]}
    told["instants"]["wal.0.last"] = {"ok": True, "series": [{"labels": {"of": "x"}, "value": 10.0}]}
    (line,) = plot(told, "wal").series
    assert line.numbers is not None
    assert line.numbers.model_dump() == {"last": 10.0, "least": 1.0, "average": 3.0, "most": 10.0}
    assert line.points[-1][1] is None, "a gap stays one"


def test_what_is_gone_has_no_last_value(told: dict[str, Any]) -> None:
    told["instants"]["wal.0.last"] = {"ok": True, "series": []}
    (line,) = plot(told, "wal").series
    assert line.numbers is not None
    assert line.numbers.last is None


def test_a_container_is_named_without_its_stack_and_with_its_limit(told: dict[str, Any]) -> None:
    names = [each.name for each in plot(told, "memory").series]
    assert names == [
        "backend-1 (of 512 MB)",
        "backend-2 (of 512 MB)",
        "db (of 1 GB)",
        "prometheus (of 384 MB)",
        "its limit",
    ]


def test_the_targets_are_limits(told: dict[str, Any]) -> None:
    limits = {
        each.slug: [series.points[0][1] for series in each.series if series.kind == "limit"]
        for each in plots_of(told)
    }
    assert (limits["exposure"], limits["rpo"], limits["rto"]) == ([120.0], [120.0], [900.0])
    told["targets"] = {"ok": False, "error": "closed"}
    assert not [each for each in plot(told, "exposure").series if each.kind == "limit"]


def test_the_disk_is_foretold_from_its_last_value(told: dict[str, Any]) -> None:
    series = {each.name: each for each in plot(told, "disk").series if each.kind == "ahead"}
    (begin, now), (end, then) = series["data"].points
    assert begin == told["times"][-1]
    assert end - begin == 86400.0
    assert now == pytest.approx(64.7, abs=0.3)
    assert then == 64.6


def test_a_disk_that_will_be_full_is_not_below_nothing(told: dict[str, Any]) -> None:
    told["instants"]["disk.1.ahead"]["series"][0]["value"] = -40.0
    series = [each for each in plot(told, "disk").series if each.kind == "ahead"]
    assert 0.0 in [each.points[1][1] for each in series]


def test_nothing_measured_says_which_metric(told: dict[str, Any]) -> None:
    for name in told["series"]:
        if name.startswith("pool.0"):
            told["series"][name] = {"ok": True, "series": []}
    found = plot(told, "pool")
    assert found.series == [], "a limit alone is no figure of what happened"
    assert found.state == "read"
    assert found.words == "Prometheus has no value of db_pool_in_use in this period."


def test_a_query_that_failed_is_no_empty_plot(told: dict[str, Any]) -> None:
    told["series"]["wal.0.most"] = {"ok": False, "error": "http://x answers 422: too many samples"}
    found = plot(told, "wal")
    assert (found.state, found.series) == ("unread", [])
    assert found.words == "Could not look: http://x answers 422: too many samples."
    assert plot(told, "pool").state == "read"


def test_a_stack_without_prometheus_is_told_so(told: dict[str, Any]) -> None:
    told["prometheus"] = {"asked": False}
    for kind in ("series", "instants"):
        told[kind] = {name: {"ok": False, "error": "none"} for name in told[kind]}
    found = {each.slug: each for each in plots_of(told)}
    assert found["pool"].state == "off"
    assert "no Prometheus" in found["pool"].words
    assert found["backups"].series, "the host's records need none"


def test_records_that_cannot_be_read(told: dict[str, Any]) -> None:
    told["jobs"] = {"ok": False, "error": "no answer within 15 s"}
    for slug in ("backups", "rto", "rpo"):
        assert plot(told, slug).state == "unread"
        assert plot(told, slug).words == "Could not look: no answer within 15 s."


def test_backups_are_one_line_for_each_type(told: dict[str, Any]) -> None:
    found = plot(told, "backups")
    assert found.dots
    assert [each.name for each in found.series] == ["diff in repo1", "full in repo1", "incr in repo1"]


def test_a_drill_that_failed_is_no_time_to_recover(told: dict[str, Any]) -> None:
    line = plot(told, "rto").series[0]
    assert [value for _, value in line.points] == [62.0, 66.1, 64.0, 71.5]
