"""The report as a whole: its word, its exit code, its first sentence, and what it admits not to know."""

from __future__ import annotations

import io
import json
from typing import Any
from xml.etree import ElementTree

import pytest
from past_week import ASKED, history

from stanchion.history import build
from stanchion.history.model import Period
from stanchion.report import period_output, pictures
from stanchion.report.model import Result, Validation


def validation(**more: Any) -> Validation:
    known = {"host": "one", "phase": "runtime", "deployed": True, "applicable": 1, "seconds": 1.0}
    return Validation(**{**known, "counts": {"pass": 1}, "findings": [], **more})


def result(**more: Any) -> Result:
    known = {
        "verb": "report",
        "status": "safe",
        "exit_code": 0,
        "headline": "h",
        "stack": "medication-tracker",
    }
    return Result(**{**known, "validations": [validation()], **more})


def period(told: dict[str, Any] | None = None, **more: Any) -> Period:
    return build.period_of(result(**more), ASKED, {"one": told or history()})


def written(found: Period, output_format: str, capsys: pytest.CaptureFixture[str]) -> str:
    period_output.write(found, output_format, None)
    return capsys.readouterr().out


def blind() -> dict[str, Any]:
    told = history()
    reason = {"ok": False, "error": "http://127.0.0.1:9090 does not answer: refused"}
    told["prometheus"] = {"asked": True, "url": "http://127.0.0.1:9090", **reason}
    told["alerts"] = reason
    for kind in ("series", "instants"):
        told[kind] = dict.fromkeys(told[kind], reason)
    return told


def test_a_safe_week() -> None:
    found = period()
    assert (found.status, found.exit_code) == ("safe", 0)
    assert found.headline == (
        "safe: medication-tracker is safe (1 check: 1 passed); in 7 d: 7 alerts and 4 deploys"
    )


def test_the_checks_decide() -> None:
    assert (period(status="unsafe", exit_code=1).status, period(status="unsafe", exit_code=1).exit_code) == (
        "unsafe",
        1,
    )
    assert period(status="absent", exit_code=1).headline == "absent: medication-tracker is not deployed"


def test_what_could_not_be_looked_at_is_never_green() -> None:
    found = period(blind())
    assert (found.status, found.exit_code) == ("incomplete", 1)
    assert found.headline.endswith("; in 7 d: 4 deploys; could not look: figures, alerts")


def test_a_single_query_that_failed_is_not_green_either() -> None:
    told = history()
    told["series"]["wal.0.most"] = {"ok": False, "error": "too many samples"}
    found = period(told)
    assert found.status == "incomplete"
    assert found.headline.endswith("could not look: WAL on the data's disk")


def test_a_stack_without_monitoring_is_complete() -> None:
    told = blind()
    told["prometheus"] = {"asked": False}
    found = period(told)
    assert (found.status, found.exit_code) == ("safe", 0)
    assert {each.state for each in found.hosts[0].sources} == {"off", "read"}
    alerts = found.hosts[0].figures[0]
    assert (alerts.value, alerts.note) == ("–", "not measured")  # noqa: RUF001


def test_a_run_that_failed_keeps_its_error() -> None:
    found = build.period_of(result(status="failed", exit_code=3, headline="report failed"), ASKED, {})
    assert (found.status, found.exit_code, found.headline, found.hosts) == ("failed", 3, "report failed", [])


def test_the_few_numbers() -> None:
    figures = {each.label: each for each in period().hosts[0].figures}
    assert (figures["Pool peak"].value, figures["Pool peak"].tone) == ("15 of 15", "bad")
    assert figures["Connections peak"].value == "34 of 100"
    assert figures["Alerts"].note.startswith("3 critical, 1 firing now")
    assert (figures["Backups"].value, figures["Backups"].note) == ("35", "1 failed")
    assert figures["Restores proved"].note == "1 failed, slowest 72 s"


def test_numbers_of_what_could_not_be_looked_at() -> None:
    figures = {each.label: each for each in period(blind()).hosts[0].figures}
    assert (figures["Alerts"].value, figures["Alerts"].note) == ("?", "could not look")
    assert figures["Errors"].value == "?"


def test_records_that_are_not_whole_are_warned_of() -> None:
    told = history()
    told["jobs"].update(unread=1, reach={"incr": ASKED.since + 86400})
    told["runs"]["unread"] = 2
    assert period(told).warnings == [
        "2 records of deploys cannot be read, and are left out.",
        "1 record of backups and drills cannot be read, and is left out.",
        "Records of incr go back to 2026-11-24 08:00 UTC only: older ones were let go.",
    ]


def test_json_can_be_read_again() -> None:
    found = period()
    assert Period.model_validate_json(found.model_dump_json()) == found


def test_html_has_every_picture_and_nothing_that_is_fetched_or_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = written(period(), "html", capsys)
    assert page.count("<svg") == 2 * 15
    assert "<script" not in page
    assert "http-equiv" in page
    for fetched in ("googleapis", "@import", "url(", "<img", '<link rel="stylesheet'):
        assert fetched not in page
    assert "pygal" not in page


@pytest.mark.parametrize("output_format", ["html", "markdown", "text"])
def test_every_format_says_why_there_is_no_picture(
    output_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = " ".join(written(period(blind()), output_format, capsys).split())
    assert "does not answer: refused" in text
    assert "incomplete" in text


def test_words_of_others_break_out_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "</svg><script>alert(1)</script>"
    told = history()
    for answer in (*told["series"].values(), *told["instants"].values()):
        for series in answer["series"]:
            series["labels"] = dict.fromkeys(series["labels"], hostile)
    told["jobs"]["entries"][0]["error"] = hostile
    found = period(told)
    assert "<script" not in written(found, "html", capsys)
    assert "<script" not in written(found, "markdown", capsys)


def test_a_terminal_shows_each_line_small(capsys: pytest.CaptureFixture[str]) -> None:
    text = written(period(), "text", capsys)
    line = next(line for line in text.splitlines() if line.startswith("Connection pool"))
    assert "█" in line and " 15 " in line


def test_a_terminal_tells_one_cause_once(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(written(period(blind()), "text", capsys).split())
    assert text.count("does not answer: refused") == 3, "of figures, of alerts, and of all plots together"


def test_markdown_holds_the_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    text = written(period(), "markdown", capsys)
    assert "| Connection pool | backend-1 | 0 | 3.97 | 15 | 6 | 15 |" in text
    assert "| PoolTimeouts | backend-1 | resolved |" in text


def test_a_picture_has_its_lines_one_limit_and_a_name() -> None:
    plot = period().hosts[0].plots[0]
    root = ElementTree.fromstring(pictures.picture(plot, ASKED.since, ASKED.until, pictures.WIDE))
    classes = [node.get("class", "") for node in root.iter() if "series" in node.get("class", "").split()]
    assert {"series line line-0", "series line line-1", "series limit"} <= set(classes)
    drawn = [node for node in root.iter() if node.tag.endswith("path") and node.get("class") is not None]
    assert drawn
    assert root.get("aria-label", "").startswith("Connection pool: backend-1")
    limits = [node for node in root.iter() if node.get("class") == "series limit" and list(node)]
    assert len(limits) == 1, "limits that are the same all along are one line"


def test_a_replica_that_was_away_leaves_a_gap() -> None:
    found = json.loads(period().model_dump_json())
    plot = next(each for each in period().hosts[0].plots if each.slug == "requests")
    assert None in [value for _, value in plot.series[1].points]
    root = ElementTree.fromstring(pictures.picture(plot, ASKED.since, ASKED.until, pictures.NARROW))
    second = [n for n in root.iter() if n.get("class") == "series line line-1" and list(n)]
    paths = [node for each in second for node in each.iter() if node.tag.endswith("path")]
    assert len(paths) == 2
    assert found["verb"] == "report"


def test_a_point_alone_is_seen() -> None:
    plot = period().hosts[0].plots[0]
    line = plot.series[0].model_copy(update={"points": [(1.0, None), (2.0, 5.0), (3.0, None)]})
    alone = plot.model_copy(update={"series": [line]})
    assert '<path d="M' in pictures.picture(alone, 1.0, 3.0, pictures.WIDE).partition('class="series line')[2]


@pytest.mark.parametrize(
    ("seconds", "first"), [(3600, "08:00"), (86400, "12:00"), (7 * 86400, "Tue 24"), (60 * 86400, "3 Dec")]
)
def test_moments_are_round(seconds: int, first: str) -> None:
    span = (ASKED.since, ASKED.since + seconds)
    found = pictures.moments(*span, 7)
    assert 2 <= len(found) <= 8
    assert pictures.moment_of(span)(found[0]) == first


def test_a_period_on_two_hosts_names_them(capsys: pytest.CaptureFixture[str]) -> None:
    found = build.period_of(result(), ASKED, {"one": history(), "two": history()})
    for output_format in ("html", "markdown", "text"):
        assert "two" in written(found, output_format, capsys)


def test_written_to_a_stream() -> None:
    from stanchion.report import period_html

    stream = io.StringIO()
    period_html.render(period(validations=[validation(host="alone")]), stream)
    assert "What happened here could not be asked" in stream.getvalue()
