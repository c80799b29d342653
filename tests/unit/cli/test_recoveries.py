"""From what a recovery has found and done to its word, its exit code, its sentence, its screen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from samples import screen
from test_validation import FAILED, WELL, finding, report

from stanchion import engine
from stanchion.checks import Outcome
from stanchion.cli import run
from stanchion.recovery.model import Fate, Found, Layer, Risk
from stanchion.report import build, recoveries
from stanchion.report.failure import explain
from stanchion.report.model import Result
from stanchion.run.context import Context
from stanchion.run.events import Event
from stanchion.run.folder import RunFolder
from stanchion.run.recording import Recording

BEGAN = 1764532800.0
CUT = Found(
    cause="network.cut",
    layer=Layer.NETWORK,
    of="demo-db",
    what="is not on demo_app_network",
    because=("dns.alias",),
    explains=("container.health", "pool.attribution"),
    remedy="attach_network",
    risk=Risk.AUTOMATIC,
    does="Connects the container again.",
    cost="nothing",
    commands=("docker network connect --alias db demo_app_network demo-db",),
)
SESSION = replace(
    CUT,
    cause="database.idle_transaction",
    layer=Layer.DATABASE,
    of="report (pid 7, role analyst)",
    remedy="end_session",
    risk=Risk.APPROVE,
    outcome=Fate.REFUSED,
    why="it needs a word: --approve end_session",
)
FULL = replace(
    CUT, cause="volume.full", layer=Layer.VOLUME, of="/data", remedy="", risk=Risk.MANUAL, outcome=Fate.MANUAL
)
FIXED = replace(CUT, outcome=Fate.FIXED, seconds=1.25)


def told(*causes: Found, acted: float | None = None, critical: bool = False) -> dict[str, Any]:
    return {
        "causes": [each.as_dict() for each in causes],
        "todo": [],
        "critical": critical,
        "detected": BEGAN,
        "acted": acted,
        "back": None if critical else BEGAN + 14,
    }


@pytest.fixture
def result_of(tmp_path: Path) -> Any:
    def make(
        *causes: Found,
        plan: bool = False,
        acted: float | None = None,
        critical: bool = False,
        deployed: bool = True,
        more: dict[str, Any] | None = None,
    ) -> Result:
        recording = Recording()
        outcome = Outcome.FAIL if critical else Outcome.PASS
        result = {
            "validation": report(finding(outcome), deployed=deployed),
            "recovery": told(*causes, acted=acted, critical=critical),
        }
        recording.add(Event(kind="ok", at=0, task="Look", role="validation", host="one", result=result))
        (tmp_path / "runs").mkdir(exist_ok=True)
        folder = RunFolder.create(tmp_path, "recover", recoveries._moment(BEGAN))
        context = Context(
            verb="recover",
            root=tmp_path,
            state=tmp_path,
            folder=folder,
            started=recoveries._moment(BEGAN),
            version="0.1.0",
            user="operator",
            controller="desk",
            directory=str(tmp_path),
        )
        request = engine.Request(
            root=tmp_path,
            playbook=tmp_path / "recover.yml",
            inventory=tmp_path / "inventory",
            variables={"recovery_plan_only": plan, "recovery_approve": [], **(more or {})},
        )
        return build.result_of(context, request, recording, None, 20.0)

    return make


@pytest.mark.parametrize(
    "causes,plan,critical,status,code",
    [
        ((), False, False, "safe", 0),
        ((), True, False, "safe", 0),
        ((CUT,), True, True, "planned", 8),
        ((SESSION,), True, False, "planned", 8),
        ((FULL,), True, True, "unsafe", 1),
        ((FULL,), True, False, "planned", 8),
        ((FULL,), False, False, "safe", 0),
        ((FIXED,), False, False, "recovered", 0),
        ((FIXED, FULL), False, True, "unsafe", 1),
        ((SESSION,), False, False, "safe", 0),
        ((SESSION,), False, True, "unsafe", 1),
        ((replace(CUT, outcome=Fate.NOT_NEEDED),), False, False, "safe", 0),
    ],
)
def test_its_word_and_its_exit_code(result_of, causes, plan, critical, status, code):
    result = result_of(*causes, plan=plan, critical=critical)
    assert (result.status, result.exit_code) == (status, code)


def test_its_sentence(result_of):
    assert result_of().headline.startswith("safe: demo on 1 host in 20 s, nothing to do; 1 check: 1 passed")
    line = result_of(FIXED, FULL, SESSION, critical=True).headline
    assert line.startswith(
        "unsafe: demo on 1 host in 20 s, 1 fixed, 1 refused, 1 for a person; 1 check: 1 failed"
    )


def test_a_stack_that_is_not_deployed_is_absent(result_of):
    result = result_of(deployed=False)
    assert (result.status, result.exit_code) == ("absent", 1)
    assert result.headline.startswith("absent: demo is not deployed on 1 host")
    assert result.next_steps == [f"bring it up: {result.next_steps[0].partition(': ')[2]}"]
    assert " deploy" in result.next_steps[0]


def test_its_screen(result_of):
    shown = screen(result_of(FIXED, FULL, SESSION, acted=BEGAN + 2))
    assert "FIXED   network.cut  demo-db" in shown
    assert "shown  dns.alias; explains container.health, pool.attribution" in shown
    assert "remedy attach_network, automatic: Connects the container again. (1.2 s)" in shown
    assert "YOU     volume.full  /data" in shown
    assert "NOT     database.idle_transaction  report (pid 7, role analyst)" in shown
    assert "why    it needs a word: --approve end_session" in shown
    assert "back 14 s after it was detected" in shown
    # What was done is not proposed again; what was not is, with what it comes down to.
    assert shown.count("as     docker network connect") == 1


def test_a_plan_shows_commands_and_costs(result_of):
    shown = screen(result_of(CUT, plan=True, critical=True))
    assert "PLAN    network.cut  demo-db" in shown
    assert "as     docker network connect --alias db demo_app_network demo-db" in shown
    assert "costs  nothing" in shown
    assert "back" not in shown


@pytest.mark.parametrize(
    "causes,plan,steps",
    [
        ((CUT,), True, ["do it: "]),
        ((CUT, SESSION), True, ["do it: ", "do that as well: "]),
        ((FIXED,), False, []),
        ((SESSION,), False, ["do that as well: "]),
    ],
)
def test_what_comes_next(result_of, causes, plan, steps):
    found = result_of(*causes, plan=plan).next_steps
    assert len(found) == len(steps)
    for step, begins in zip(found, steps, strict=True):
        assert step.startswith(begins)
        assert " recover" in step
        assert ("--approve end_session" in step) == ("as well" in step)


def test_a_word_that_was_given_is_given_again(result_of):
    planned = replace(SESSION, outcome=Fate.PLANNED, why="")
    (step,) = result_of(planned, plan=True).next_steps
    assert step.startswith("do it: ")
    assert step.endswith(" --approve end_session")


def test_all_words_that_are_needed_are_one_command(result_of):
    other = replace(
        SESSION, cause="backend.missing", remedy="make_backend", why="it needs a word: --approve make_backend"
    )
    (step,) = result_of(SESSION, other, plan=True).next_steps
    assert step.endswith(" --approve end_session --approve make_backend")


def test_variables_of_the_command_line_go_along(result_of):
    (step,) = result_of(CUT, plan=True, more={"stack_name": "demo 2"}).next_steps
    assert """ -e 'stack_name="demo 2"'""" in step
    assert "recovery_" not in step


def test_moments_are_moments(result_of):
    (recovery,) = result_of(FIXED, acted=BEGAN + 2).recoveries
    assert (recovery.acted - recovery.detected).total_seconds() == 2
    assert (recovery.back - recovery.detected).total_seconds() == 14
    assert result_of(FULL, critical=True).recoveries[0].back is None


def remedy_failed() -> Event:
    return Event(
        kind="failed",
        at=1,
        task="start_database | Start it",
        role="recovery",
        action="ansible.builtin.command",
        host="one",
        result={"msg": "port is taken"},
    )


def looked(critical: bool) -> Event:
    outcome = Outcome.FAIL if critical else Outcome.PASS
    result = {"validation": report(finding(outcome)), "recovery": told(critical=critical)}
    return Event(kind="ok", at=2, task="Look", role="validation", host="one", result=result)


def left() -> Event:
    return Event(
        kind="failed",
        at=3,
        task="recover | Say what is left",
        role="recovery",
        action="ansible.builtin.fail",
        host="one",
        result={"msg": "container.stop: so it is"},
    )


def test_a_remedy_that_failed_is_told_as_that_and_fails_no_run():
    recording = Recording()
    for event in (looked(True), remedy_failed(), looked(False)):
        recording.add(event)
    assert explain(WELL, recording, "") is None
    recording = Recording()
    for event in (looked(True), remedy_failed(), looked(True), left()):
        recording.add(event)
    assert explain(FAILED, recording, "") is None


def test_one_after_which_nobody_looked_is_a_fault():
    recording = Recording()
    for event in (looked(True), remedy_failed()):
        recording.add(event)
    fault = explain(FAILED, recording, "")
    assert fault is not None
    assert "port is taken" in fault.error.what


def test_a_word_for_no_remedy_is_refused_with_the_near_match(capsys):
    assert run(["recover", "--approve", "end_sesion"]) == 2
    assert "there is no remedy end_sesion. Did you mean end_session?" in " ".join(
        capsys.readouterr().err.split()
    )
