"""What promtool says of the alerts: each is a rule, fires where it should, and stays quiet where it
should."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from stanchion.alerts.load import load
from stanchion.alerts.rules import Declared, rules
from stanchion.checks import catalogue

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "roles/monitoring/files/alerts"
CASES = Path(__file__).with_name("cases")
DEFAULTS = {
    name: value
    for role in ("backup", "monitoring", "stack")
    for name, value in yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text()).items()
}
NAMES = [alert.name for alert in load(ALERTS)]


def values():
    """Return thresholds and targets as they are by default."""
    limits = {limit.variable: limit.default for check in catalogue().values() for limit in check.thresholds}
    return {**limits, **DEFAULTS}


@pytest.fixture(scope="session")
def image():
    return os.environ["STANCHION_TEST_MONITORING_IMAGE"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with the rules as a deploy writes them, beside their cases."""
    made = tmp_path_factory.mktemp("alerts")
    made.chmod(0o755)
    for kind in ("rules", "cases"):
        (made / kind).mkdir(mode=0o755)
    for name, text in rules(ALERTS, Declared(values())).items():
        (made / "rules" / name).write_text(text)
    for case in CASES.glob("*.yml"):
        (made / "cases" / case.name).write_text(case.read_text())
    return made


def promtool(image, folder, *arguments):
    argv = ["docker", "run", "--rm", "--network", "none", "--volume", f"{folder}:/alerts:ro"]
    argv += ["--workdir", "/alerts/cases", image, "promtool", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)


def test_each_alert_is_a_rule(image, folder):
    done = promtool(image, folder, "check", "rules", "--lint=all", "--lint-fatal", *of("rules", folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS: 1 rules found") == len(NAMES)


def test_each_alert_fires_and_stays_quiet(image, folder):
    done = promtool(image, folder, "test", "rules", *of("cases", folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("SUCCESS") == len(NAMES)


def test_a_case_that_is_wrong_is_told(image, folder):
    """The tests above would not pass whatever happens."""
    case = yaml.safe_load((folder / "cases/DatabaseDown.yml").read_text())
    case["tests"][0]["input_series"][0]["values"] = "1x10"
    (folder / "cases/DatabaseDown.yml").write_text(yaml.safe_dump(case))
    done = promtool(image, folder, "test", "rules", "DatabaseDown.yml")
    assert done.returncode != 0
    assert "FAILED" in done.stdout + done.stderr


def of(kind, folder):
    return sorted(f"../{kind}/{path.name}" for path in (folder / kind).iterdir())
