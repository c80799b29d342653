"""One result, many readers."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from samples import BACKEND, DATABASE, SICK, Terminal, deployed, failed, host, run, screen

from stanchion.exit_codes import ExitCode
from stanchion.report import github, headline, history, schema
from stanchion.report.headline import duration
from stanchion.report.model import Result
from stanchion.report.output import write
from stanchion.report.terminal import is_live
from stanchion.run.recording import Recording

ROOT = Path(__file__).resolve().parents[3]


def test_the_closing_screen() -> None:
    lines = screen(deployed()).splitlines()
    assert lines[0] == "deployed: demo is healthy on 1 host in 41 s, 2 changes"
    table = next(line for line in lines if "demo-backend-1" in line)
    assert table.split() == [
        "one",
        "demo-backend-1",
        "backend:abc",
        "healthy",
        "127.0.0.1:5000",
        "75",
        "s",
        "0",
    ]
    assert "data      volume demo-pgdata on one: active, system 7439, timeline 1" in lines
    assert "images    postgres:abc (3 days old)" in lines
    assert "changed   postgres: Create the volume; Start the container" in lines
    assert "took      postgres 20 s" in lines
    assert lines[-1] == "next      use it: curl -s http://127.0.0.1:5000/health"


def test_a_failed_run_says_what_where_and_what_to_do() -> None:
    seen = screen(failed())
    assert seen.splitlines()[0] == "deploy failed on one, in backend after 9.0 s"
    for part in (
        "The new version did not become healthy.",
        "  boom: cannot import app",
        "where     one · role backend · Wait until the candidate is healthy · roles/backend/tasks/",
        "do        The earlier state serves on.",
        "log       /state/runs/x/log",
    ):
        assert part in seen


def test_a_dry_run_never_says_deployed() -> None:
    dry = {"status": "planned", "headline": "planned: 2 changes to demo on 1 host", "run": run(check=True)}
    seen = screen(deployed(**dry))
    assert "deployed" not in seen
    assert "would     postgres: Create the volume; Start the container" in seen


def test_status_names_what_is_missing_unreadable_and_locked() -> None:
    sick = host(
        DATABASE, SICK, missing=["1 backend replica"], unreadable=["volumes: no answer"], lock="operator@desk"
    )
    seen = screen(deployed(verb="status", status="degraded", exit_code=1, hosts=[sick], changes=[]))
    assert "missing   1 backend replica on one" in seen
    assert "unread    one: volumes: no answer" in seen
    assert "locked    one: by operator@desk" in seen
    assert "unhealthy" in seen


def test_names_in_brackets_are_no_markup() -> None:
    assert "[bold]x[/bold]" in screen(deployed(warnings=["[bold]x[/bold]"]))


@pytest.mark.parametrize(("variable", "coloured"), [("NO_COLOR", False), ("FORCE_COLOR", True)])
def test_colour_is_the_readers_choice(monkeypatch: pytest.MonkeyPatch, variable: str, coloured: bool) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert ("\x1b[" in screen(deployed())) is coloured


def test_where_lines_may_move() -> None:
    assert is_live(Terminal(), {"TERM": "xterm"})
    assert not is_live(Terminal(), {"TERM": "dumb"})
    assert not is_live(Terminal(), {"TERM": "xterm", "CI": "true"})
    assert not is_live(io.StringIO(), {"TERM": "xterm"})


def test_json_is_the_model_and_can_be_read_again(capsys: pytest.CaptureFixture[str]) -> None:
    write(failed(), "json", None)
    assert Result.model_validate_json(capsys.readouterr().out) == failed()


def test_output_goes_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(deployed(), "json", tmp_path / "x.json")
    out, err = capsys.readouterr()
    assert (out, str(tmp_path / "x.json") in err) == ("", True)
    assert json.loads((tmp_path / "x.json").read_text())["status"] == "deployed"


def test_committed_schemas_are_those_of_the_models() -> None:
    committed = {path.name: path.read_text() for path in (ROOT / "schemas").glob("*.json")}
    assert committed == schema.schemas(), "write them anew: python -m stanchion.report.schema"


def test_the_documented_exit_codes_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    rows = [f"| {code.value} | {code.meaning} |" for code in ExitCode]
    assert "\n".join(["| code | meaning |", "| --- | --- |", *rows]) in page
    assert len({code.value for code in ExitCode}) == len(ExitCode)


def test_workflow_commands() -> None:
    (line,) = github.workflow_commands(failed())
    assert line == (
        "::error file=roles/backend/tasks/roll_out.yml,line=12::"
        "The new version did not become healthy. The earlier state serves on."
    )
    assert github.workflow_commands(deployed()) == []


def test_the_worst_nine_and_how_many_more() -> None:
    sick = deployed(exit_code=1, hosts=[host(*[SICK] * 12)])
    lines = github.workflow_commands(sick)
    assert len(lines) == 10
    assert lines[-1] == "::error::and 3 more in the summary"


def test_line_breaks_stay_in_one_command() -> None:
    error = failed().error
    assert error is not None
    (line,) = github.workflow_commands(failed(error=error.model_copy(update={"what": "100 %\nmore"})))
    assert "100 %25%0Amore" in line


def test_nothing_is_told_outside_of_github(tmp_path: Path) -> None:
    stream = io.StringIO()
    github.tell(failed(), stream, {})
    assert stream.getvalue() == ""
    github.tell(
        failed(), stream, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    )
    assert stream.getvalue().startswith("::error")
    assert "### deploy failed" in (tmp_path / "summary").read_text()


def test_a_summary_stays_below_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    long = deployed(hosts=[host(*[BACKEND] * 20000)])
    for _ in range(2):
        github.tell(long, io.StringIO(), {"GITHUB_STEP_SUMMARY": str(path)})
    assert path.stat().st_size < 1024 * 1024
    assert path.read_text().endswith("\n")


def test_history_is_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    record = run().model_dump(mode="json", exclude={"folder", "log"})
    record |= {"status": "deployed", "exit_code": 0, "changes": 2, "tasks": 40}
    history.write([record], "text", None)
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split()[:6] == ["2026-11-24", "17:40:00", "deploy", "deployed", "0", "2"]
    assert "operator@desk" in row
    history.write([record], "json", None)
    assert json.loads(capsys.readouterr().out)["runs"][0]["tasks"] == 40


def test_history_without_runs(capsys: pytest.CaptureFixture[str]) -> None:
    history.write([], "text", None)
    assert capsys.readouterr().out == "no runs yet\n"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (41.2, "41 s"),
        (119, "119 s"),
        (130, "2 min 10 s"),
        (7300, "2 h 1 min"),
        (200000, "2 d 7 h"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_verb_without_a_sentence_of_its_own_has_one() -> None:
    line = headline.of("tend", "done", [], Recording(stack="demo"), [], 1.5)
    assert line == "tend done: demo on 0 hosts in 1.5 s"
