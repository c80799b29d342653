"""The module as a whole: every source answers by itself."""

import json

import pytest
import yaml
from ansible_collections.stanchion.stack.plugins.modules import stack_history
from test_prometheus import prometheus  # noqa: F401  (a fixture)

PARAMS = {
    "stack": "s",
    "state_dir": None,
    "begin": 0.0,
    "end": 6000.0,
    "step": 60.0,
    "prometheus": "",
    "queries": {"a": "a"},
    "instants": {"b": "b"},
    "silent": ["DeadMansSwitch"],
    "timeout": 5.0,
}
SOURCES = {"prometheus", "times", "series", "instants", "alerts", "runs", "jobs", "recoveries", "targets"}


@pytest.fixture
def params(tmp_path):
    return {**PARAMS, "state_dir": str(tmp_path)}


def test_documentation_names_every_option_and_source():
    assert set(yaml.safe_load(stack_history.DOCUMENTATION)["options"]) == set(PARAMS)
    returned = yaml.safe_load(stack_history.RETURN)["history"]["contains"]
    assert set(returned) == {"version", "stack", "since", "until", "elapsed", *SOURCES}


def test_without_prometheus_nothing_is_asked_and_records_are_told(params):
    found = stack_history.look(params)
    assert set(found) == SOURCES
    assert found["prometheus"] == {"asked": False}
    assert found["series"]["a"] == found["alerts"] == {"ok": False, "error": "this stack has no Prometheus"}
    assert found["runs"]["ok"] is found["jobs"]["ok"] is True


def test_one_that_does_not_answer_leaves_the_records(params):
    found = stack_history.look({**params, "prometheus": "http://127.0.0.1:1"})
    assert (found["prometheus"]["asked"], found["prometheus"]["ok"]) == (True, False)
    reasons = {found["series"]["a"]["error"], found["instants"]["b"]["error"], found["alerts"]["error"]}
    assert len(reasons) == 1
    assert "does not answer" in reasons.pop()
    assert found["targets"]["ok"] is True


def test_figures_and_alerts(params, prometheus):  # noqa: F811
    selector = 'ALERTS{alertstate="firing",alertname!~"DeadMansSwitch"}'
    prometheus.answers = {
        "prometheus_build_info": [{"metric": {"version": "2.53"}, "value": [0, "1"]}],
        "a": [{"metric": {}, "values": [[0, "4"], [6000, "5"]]}],
        "b": "parse error",
        f"last_over_time({selector}[150s])": [
            {"metric": {"alertname": "X"}, "values": [[5985, "1"], [6000, "1"]]}
        ],
    }
    found = stack_history.look({**params, "prometheus": prometheus.url})
    assert found["prometheus"] == {"asked": True, "url": prometheus.url, "ok": True, "version": "2.53"}
    assert len(found["times"]) == len(found["series"]["a"]["series"][0]["values"]) == 101
    assert "parse error" in found["instants"]["b"]["error"]
    assert found["alerts"]["entries"] == [{"labels": {"alertname": "X"}, "spans": [[5985.0, 6000.0]]}]
    json.dumps(found)


def test_a_record_that_is_no_json_hides_no_other_source(params, tmp_path):
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "settings.json").write_text("{")
    found = stack_history.look(params)
    assert found["targets"]["ok"] is False
    assert found["jobs"]["ok"] is True
