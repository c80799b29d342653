"""`report`: which period is meant; and a whole run of it, with a playbook of the test's own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from past_week import history
from test_whole_runs import INVENTORY, PLAY, Project

from stanchion import cli, moments
from stanchion.cli import periods
from stanchion.errors import UsageError

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)

# Stands in for stack_history and stack_validate: it tells what stands in a file, and keeps what was asked.
TELL_MODULE = """
import json
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={"path": {"type": "path"}, "asked": {"type": "dict"}})
told = json.load(open(module.params["path"]))
asked = module.params["asked"] or {}
open(module.params["path"] + ".asked", "w").write(json.dumps(asked))
module.exit_json(**told)
"""
REPORT = """
    - name: What happened
      tell:
        path: "{{ playbook_dir }}/history.json"
        asked: "{{ report_asked }}"
    - name: The checks
      tell:
        path: "{{ playbook_dir }}/validation.json"
"""
VALIDATION = {
    "phase": "runtime",
    "stack": "demo",
    "deployed": True,
    "engine": "running",
    "applicable": 0,
    "seconds": 1.0,
    "findings": [],
    "fail_on": "fail",
    "protection": None,
}


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("now", timedelta()),
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("4w", timedelta(weeks=4)),
        ("2026-11-30 11:00", timedelta(hours=1)),
        ("2026-11-30T11:00:00+02:00", timedelta(hours=3)),
        ("2026-11-29", timedelta(hours=36)),
    ],
)
def test_moments(text: str, ago: timedelta) -> None:
    assert moments.point(text, NOW) == NOW - ago


@pytest.mark.parametrize("text", ["yesterday", "7", "7y", "-7d", "99999999999d", "2026-13-01"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(UsageError, match="is no moment"):
        periods.period(text, "now", NOW)


def test_a_period() -> None:
    asked = periods.period("2d", "1d", NOW)
    assert (asked.since, asked.until) == (NOW.timestamp() - 2 * 86400, NOW.timestamp() - 86400)


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [("1d", "2d", "is no period"), ("1m", "now", "is no period"), ("1d", "2026-12-01", "has not come yet")],
)
def test_what_is_no_period(since: str, until: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        periods.period(since, until, NOW)


def test_junit_is_refused_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["report", "--format", "junit"]) == 2
    assert "cannot be written as junit" in capsys.readouterr().err


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("clone")
    for folder in ("playbooks/library", "inventory/local"):
        (root / folder).mkdir(parents=True)
    (root / "inventory" / "local" / "hosts.yml").write_text(INVENTORY)
    (root / "playbooks" / "report.yml").write_text(PLAY + REPORT)
    (root / "playbooks" / "library" / "tell.py").write_text(TELL_MODULE)
    (root / "playbooks" / "history.json").write_text(json.dumps({"history": history()}))
    (root / "playbooks" / "validation.json").write_text(json.dumps({"validation": VALIDATION}))
    return Project(root)


def test_a_whole_run(project: Project) -> None:
    done = project.run("report", "--since", "2d", "--format", "json")
    assert done.code == 0, done.err
    told = done.result
    assert (told["verb"], told["status"], told["stack"]) == ("report", "safe", "demo")
    assert len(told["hosts"][0]["plots"]) == 15
    asked = json.loads((project.root / "playbooks" / "history.json.asked").read_text())
    assert asked["end"] - asked["begin"] == pytest.approx(2 * 86400, abs=1)
    assert asked["queries"]["pool.0.most"].startswith("max by (replica) (max_over_time(db_pool_in_use[")
    kept = Path(told["run"]["folder"]) / "report.json"
    assert json.loads(kept.read_text()) == told
    assert project.records()[-1]["verb"] == "report"


def test_a_host_that_told_nothing_is_not_green(project: Project) -> None:
    path = project.root / "playbooks" / "history.json"
    told = path.read_text()
    path.write_text("{}")
    try:
        done = project.run("report", "--format", "json")
    finally:
        path.write_text(told)
    assert (done.code, done.result["status"]) == (1, "incomplete"), done.err
    assert done.result["headline"].endswith("could not look: the past of here")
