"""From what the checks found to the result: its word, its exit code, its sentence, its screen."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from samples import SERVING, screen

from stanchion import engine
from stanchion.checks import Finding, Outcome, Phase, Report, Severity
from stanchion.checks.model import Evidence, Level
from stanchion.cli import recorded_facts, run, session
from stanchion.errors import ConfigurationError
from stanchion.exit_codes import ExitCode
from stanchion.report import build
from stanchion.report.failure import explain
from stanchion.report.model import Result
from stanchion.report.view import hosts_of
from stanchion.run.context import Context
from stanchion.run.events import Event
from stanchion.run.folder import RunFolder
from stanchion.run.recording import Recording

RECORDED = Path(__file__).parents[1] / "checks" / "recorded" / "healthy.json"
FAILED = engine.Outcome(return_code=2, stopped=None)
WELL = engine.Outcome(return_code=0, stopped=None)


def finding(outcome: Outcome, slug: str = "container.stop", critical: bool = True, **more: Any) -> Finding:
    severity = Severity.CRITICAL if critical else Severity.WARNING
    return Finding(slug, outcome, severity, more.get("summary", "so it is"), more.get("evidence", ()))


def report(*findings: Finding, phase: Phase = Phase.RUNTIME, **more: Any) -> dict[str, Any]:
    values = {"stack": "demo", "engine": "running", "deployed": True, "seconds": 0.4} | more
    return Report(phase=phase, applicable=len(findings), findings=findings, **values).as_dict()


def refused(host: str = "one") -> Event:
    message = "On one, 1 check of 2 did not pass. Nothing was changed.\ncontainer.stop: so it is. Deploy."
    return Event(
        kind="failed",
        at=0,
        task="Refuse what is not safe",
        role="validation",
        action="ansible.builtin.fail",
        host=host,
        result={"msg": message},
    )


@pytest.fixture
def result_of(tmp_path: Path) -> Any:
    def make(
        *validations: tuple[str, dict[str, Any]],
        verb: str = "validate",
        fail_on: str | None = "fail",
        **more: Any,
    ) -> Result:
        recording = Recording(
            validations=list(validations), hosts={host for host, _ in validations}, stack="demo", **more
        )
        context = Context(
            verb=verb,
            root=tmp_path,
            state=tmp_path,
            folder=RunFolder(tmp_path / "run"),
            started=datetime.now(UTC),
            version="1",
            user="me",
            controller="here",
            directory="/",
        )
        request = engine.Request(
            root=tmp_path,
            playbook=tmp_path / "x.yml",
            inventory=tmp_path / "i",
            variables={"validation_fail_on": fail_on},
        )
        outcome = FAILED if recording.failures or recording.unreachable else WELL
        fault = explain(outcome, recording, "") or build.silent_engine_of_checks(recording)
        return build.result_of(context, request, recording, fault, 1.5)

    return make


def test_all_passed_is_safe(result_of: Any) -> None:
    result = result_of(
        ("one", report(finding(Outcome.PASS), finding(Outcome.SKIP, "container.memory_limit")))
    )
    assert (result.status, result.exit_code) == ("safe", 0)
    assert result.headline == "safe: demo on 1 host in 1.5 s; 2 checks: 1 skipped, 1 passed"


@pytest.mark.parametrize(
    ("outcome", "critical", "fail_on", "status"),
    [
        (Outcome.FAIL, True, "fail", "unsafe"),
        (Outcome.ERROR, True, "fail", "unsafe"),
        (Outcome.ERROR, False, "fail", "safe"),
        (Outcome.WARN, False, "fail", "safe"),
        (Outcome.ERROR, False, "warn", "unsafe"),
        (Outcome.WARN, True, "warn", "unsafe"),
        (Outcome.SKIP, True, "warn", "safe"),
    ],
)
def test_what_is_unsafe(result_of: Any, outcome: Outcome, critical: bool, fail_on: str, status: str) -> None:
    result = result_of(("one", report(finding(outcome, critical=critical))), fail_on=fail_on)
    assert (result.status, result.exit_code) == (status, 0 if status == "safe" else 1)


def test_a_refusal_after_the_fact_is_a_finding_not_a_failure(result_of: Any) -> None:
    result = result_of(("one", report(finding(Outcome.FAIL))), failures=[refused()])
    assert (result.status, result.error, result.exit_code) == ("unsafe", None, 1)


def test_a_restore_that_no_check_was_asked_of_is_done(result_of: Any) -> None:
    assert result_of(verb="restore").status == "done"


def test_a_restore_that_the_checks_refuse_is_done_and_not_safe(result_of: Any) -> None:
    after = report(finding(Outcome.FAIL), finding(Outcome.WARN, "volume.mount"), phase=Phase.DEPLOY)
    result = result_of(("one", after), verb="restore", failures=[refused()])
    assert (result.status, result.error, result.exit_code) == ("unsafe", None, ExitCode.CHECK_FAILED)
    assert result.headline.startswith("done, unsafe: demo on 1 host in 1.5 s; 2 checks: 1 failed")
    seen = screen(result)
    assert "container.stop" in seen
    assert "checks    deploy on one: 2 checks" in seen


def test_the_inventory_may_say_that_a_warning_ends_it(result_of: Any) -> None:
    after = {**report(finding(Outcome.WARN, critical=False), phase=Phase.DEPLOY), "fail_on": "warn"}
    result = result_of(("one", after), verb="restore", fail_on=None, failures=[refused()])
    assert (result.status, result.exit_code, result.fail_on) == ("unsafe", ExitCode.CHECK_FAILED, "warn")


@pytest.mark.parametrize(("one", "status"), [("fail", "safe"), ("warn", "unsafe")])
def test_what_ended_ansible_on_one_host_counts_whatever_the_other_says(
    result_of: Any, one: str, status: str
) -> None:
    warned = report(finding(Outcome.WARN, critical=False))
    said = [("one", {**warned, "fail_on": one}), ("two", {**warned, "fail_on": "fail"})]
    assert result_of(*said, fail_on=None).status == status


@pytest.mark.parametrize("given", [None, "fail", "warn"])
def test_validate_overrules_the_inventory_only_where_it_is_told_to(
    given: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: dict[str, Any] = {}

    def opened(_verb: str, _options: Any, own: dict[str, Any]) -> None:
        handed.update(own)
        raise ConfigurationError("far enough", "")

    monkeypatch.setattr(session, "open_session", opened)
    assert run(["validate", *(["--fail-on", given] if given else [])]) == 2
    assert handed.get("validation_fail_on") == given


def test_a_refusal_before_a_deploy_ends_it(result_of: Any) -> None:
    before = report(finding(Outcome.FAIL), phase=Phase.PREFLIGHT)
    result = result_of(("one", before), verb="deploy", failures=[refused()])
    assert (result.status, result.exit_code) == ("failed", ExitCode.CHECK_FAILED)
    assert result.error.kind == "CheckFailed"
    assert result.error.what == "On one, 1 check of 2 did not pass. Nothing was changed."
    assert "container.stop" in screen(result)


def test_the_other_hosts_are_told_when_one_is_unreachable(result_of: Any) -> None:
    gone = Event(kind="unreachable", at=0, host="two", result={"msg": "No route to host"})
    result = result_of(("one", report(finding(Outcome.FAIL))), failures=[refused()], unreachable=[gone])
    assert result.exit_code == ExitCode.UNREACHABLE
    assert result.error.hosts == ["two"]
    assert [(v.host, v.counts["fail"]) for v in result.validations] == [("one", 1)]


def test_a_stack_that_is_not_there_is_absent(result_of: Any) -> None:
    result = result_of(("one", report(deployed=False)), failures=[refused()])
    assert (result.status, result.exit_code) == ("absent", 1)
    assert result.headline == "absent: demo is not deployed on 1 host in 1.5 s"


def test_one_host_without_the_stack_is_not_safe(result_of: Any) -> None:
    result = result_of(("one", report(finding(Outcome.PASS))), ("two", report(deployed=False)))
    assert result.status == "unsafe"


def test_an_engine_that_does_not_answer_keeps_its_findings(result_of: Any) -> None:
    unread = finding(Outcome.ERROR, summary="containers could not be read: no answer")
    result = result_of(("one", report(unread, engine="unreachable")), failures=[refused()])
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "on one it is unreachable" in result.error.what
    assert "1 critical check could not look" in screen(result)


def test_a_deploy_that_is_not_safe_says_so(result_of: Any) -> None:
    checks = ("one", report(finding(Outcome.FAIL), phase=Phase.DEPLOY))
    before = ("one", report(finding(Outcome.PASS), phase=Phase.PREFLIGHT))
    result = result_of(before, checks, verb="deploy", failures=[refused()], looks={"one": SERVING})
    assert (result.status, result.exit_code) == ("unsafe", ExitCode.CHECK_FAILED)
    unsafe = "deployed, unsafe: demo serves, and is not safe on 1 host in 1.5 s, 0 changes"
    assert result.headline == f"{unsafe}; 1 check: 1 failed"
    assert [v.phase for v in result.validations] == ["preflight", "deploy"]


def test_the_screen_is_worst_first_with_evidence_and_remedy(result_of: Any) -> None:
    evidence = tuple(Evidence(f"thing {n}", Level.BAD, "demo-db") for n in range(7))
    result = result_of(
        (
            "one",
            report(
                finding(Outcome.FAIL, evidence=evidence),
                finding(Outcome.WARN, "container.memory_limit", critical=False),
                finding(Outcome.PASS),
            ),
        )
    )
    shown = screen(result)
    assert shown.index("FAIL") < shown.index("WARN")
    assert "demo-db: thing 4" in shown
    assert "thing 5" not in shown
    assert "and 2 more" in shown
    assert "stop_grace_period" in shown, "the remedy"
    assert "PASS" not in shown


def test_what_could_not_be_read_for_one_reason_is_told_once(result_of: Any) -> None:
    unread = [finding(Outcome.ERROR, slug) for slug in ("container.stop", "container.memory_limit")]
    shown = screen(result_of(("one", report(*unread))))
    assert shown.count("so it is") == 1
    assert "2 critical checks could not look" in shown


def test_one_cause_of_several_sources_is_told_once(result_of: Any) -> None:
    cause = "the engine did not answer within 4.5 s"
    unread = [
        finding(Outcome.ERROR, "container.stop", summary=f"containers could not be read: {cause}"),
        finding(
            Outcome.ERROR,
            "container.memory_limit",
            critical=False,
            summary=f"inside could not be read: the containers could not be looked at: {cause}",
        ),
    ]
    result = result_of(("one", report(*unread)), failures=[refused()])
    shown = screen(result)
    assert shown.count(cause) == 1
    assert "2 checks could not look, 1 of them critical" in shown
    (card,) = hosts_of(result.validations)[0].of("error")
    assert card.reason == cause


def test_passed_ones_are_listed_where_that_is_asked_for_and_no_line_ends_in_blanks(result_of: Any) -> None:
    evidence = (Evidence("word " * 60, Level.BAD, "demo-db"),)
    result = result_of(
        ("one", report(finding(Outcome.FAIL, evidence=evidence), finding(Outcome.PASS, "container.init")))
    )
    shown = screen(result, every=True)
    assert "PASS  container.init" in shown
    assert [line for line in shown.splitlines() if line != line.rstrip()] == []


def test_kept_facts_are_asked_again() -> None:
    result = recorded_facts.validate(RECORDED, "runtime", ["container"], "fail")
    assert result.status == "safe"
    assert result.validations[0].host == "healthy"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"facts": 1, "declared": {}, "thresholds": {}}',
        '{"facts": [], "declared": {"stack": {"name": "demo"}}, "thresholds": {}}',
        '{"facts": {"schema_version": 2}, "declared": {"stack": {"name": "demo"}}, "thresholds": {}}',
        "\xff",
    ],
)
def test_what_holds_no_facts_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "facts.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(ConfigurationError, match="holds no facts of a run"):
        recorded_facts.validate(path, "runtime", [], "fail")


def test_kept_facts_of_a_host_without_the_stack_are_not_safe(tmp_path: Path) -> None:
    kept = json.loads(RECORDED.read_text())
    kept["facts"]["containers"]["entries"] = []
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(kept))
    result = recorded_facts.validate(path, "runtime", [], "fail")
    assert (result.status, result.exit_code) == ("absent", 1)
    assert result.headline.endswith("; it is not deployed")


def test_facts_of_another_version_are_refused(tmp_path: Path) -> None:
    kept = json.loads(RECORDED.read_text())
    kept["facts"]["schema_version"] = 1
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(kept))
    with pytest.raises(ConfigurationError, match="version 1, and these checks read 2"):
        recorded_facts.validate(path, "runtime", [], "fail")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "contaner"], "Did you mean container"),
        (["--only", "zzz"], "`python runner.py checks` lists them"),
    ],
)
def test_names_that_are_no_checks_are_refused_at_once(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", *arguments]) == 2
    assert says in capsys.readouterr().err
