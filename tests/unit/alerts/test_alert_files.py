"""The files of alerts: each names its check, has cases of both kinds, and says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from stanchion.alerts.load import AlertError, load
from stanchion.alerts.names import optional
from stanchion.alerts.rules import Declared, named, rules
from stanchion.checks import catalogue

ROOT = Path(__file__).parents[3]
ALERTS = load(ROOT / "roles/monitoring/files/alerts")
CASES = ROOT / "tests/alerts/cases"
VALUES = {
    **{limit.variable: limit.default for check in catalogue().values() for limit in check.thresholds},
    **yaml.safe_load((ROOT / "roles/backup/defaults/main.yml").read_text()),
    **yaml.safe_load((ROOT / "roles/stack/defaults/main.yml").read_text()),
    **yaml.safe_load((ROOT / "roles/monitoring/defaults/main.yml").read_text()),
}
each_alert = pytest.mark.parametrize("alert", ALERTS, ids=[alert.name for alert in ALERTS])


def filled(**declared):
    return rules(ROOT / "roles/monitoring/files/alerts", Declared(VALUES, **declared))


@each_alert
def test_its_check_exists(alert):
    assert alert.rule.labels.check in catalogue()


@each_alert
def test_it_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(alert):
    case = yaml.safe_load((CASES / f"{alert.name}.yml").read_text())
    expected = [
        sample["value"] for test in case["tests"] for sample in test["promql_expr_test"][0]["exp_samples"]
    ]
    assert set(expected) == ({1} if alert.name == "DeadMansSwitch" else {1, 0})


def test_there_is_no_case_of_an_alert_that_is_gone():
    assert {path.stem for path in CASES.glob("*.yml")} == {alert.name for alert in ALERTS}


@each_alert
def test_a_number_in_it_that_a_check_has_too_is_the_checks(alert):
    """Beside percent, seconds of a day and times of ranges, an expression has no number of its own."""
    expr = re.sub(r"\[\[.*?\]\]|\[[^]]*\]|\"[^\"]*\"", "", alert.rule.expr)
    numbers = set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", expr))
    own = {"DiskFillsSoon": {"50"}, "CronNotRunning": {"60"}, "BackupFiguresOld": {"60"}}
    assert numbers - {"0", "1", "100", "86400"} == own.get(alert.name, set())


def test_every_link_is_a_section_of_the_page():
    page = (ROOT / "docs/alerts.md").read_text()
    headings = {heading.lower() for heading in re.findall(r"^### (\w+)$", page, re.MULTILINE)}
    for name, text in filled(runbooks="https://example.org/").items():
        link = yaml.safe_load(text)["groups"][0]["rules"][0]["annotations"]["runbook"]
        assert link == f"https://example.org/docs/alerts.md#{name.removesuffix('.yml').lower()}"
        assert link.rpartition("#")[2] in headings


def test_thresholds_are_those_of_the_checks():
    text = rules(
        ROOT / "roles/monitoring/files/alerts",
        Declared({**VALUES, "validation_connection_usage_warn_percent": 61}),
    )["ConnectionsNearLimit.yml"]
    assert ">= 61" in text


def test_patience_makes_each_wait_longer():
    def waits(patience):
        made = filled(patience=patience)
        return {n: yaml.safe_load(t)["groups"][0]["rules"][0].get("for", "0s") for n, t in made.items()}

    assert waits(1)["DatabaseDown.yml"] == "60s"
    assert waits(0.05)["DatabaseDown.yml"] == "3s"
    assert waits(2)["RestoreUnfinished.yml"] == "7200s"


def test_what_a_stack_has_no_figures_of_has_no_alert_and_is_not_missed():
    made = filled(absent=["stanchion_backup_", "stanchion_restore_"])
    assert set(filled()) - set(made) >= {"BackupTooOld.yml", "DrillFailed.yml", "RecoveryPointOverTarget.yml"}
    assert "stanchion_backup_" not in made["MetricMissing.yml"]
    assert "stanchion_backup_" in filled()["MetricMissing.yml"]


def test_every_name_that_an_alert_reads_is_missed_where_it_is_gone():
    text = filled()["MetricMissing.yml"]
    names = {name for alert in ALERTS for name in named(alert)}
    missed = {name for name in names if f"absent({name})" in text}
    assert names - missed == {name for name in names if optional(name)}
    assert "pg_up" in missed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("groups: []", "is no alert"),
        ("groups: [", "is no alert"),
        ((ROOT / "roles/monitoring/files/alerts/LockWait.yml").read_text(), "its name is to be Wrong"),
    ],
)
def test_a_file_that_is_no_alert_is_named(tmp_path, text, says):
    (tmp_path / "Wrong.yml").write_text(text)
    with pytest.raises(AlertError, match=says):
        load(tmp_path)


def test_a_threshold_that_nobody_declares_is_named(tmp_path):
    text = (ROOT / "roles/monitoring/files/alerts/LockWait.yml").read_text()
    (tmp_path / "LockWait.yml").write_text(text)
    with pytest.raises(AlertError, match="validation_lock_wait_seconds_warn"):
        rules(tmp_path, Declared({}))
