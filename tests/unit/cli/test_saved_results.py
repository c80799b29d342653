"""`report`: a saved result in another format, and what is none."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from past_week import ASKED, history
from samples import deployed, unsafe

from stanchion import cli
from stanchion.history.build import period_of

SAVED = unsafe().model_dump(mode="json")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(SAVED))
    return path


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("text", "unsafe: demo"),
        ("json", "{\n"),
        ("markdown", "### unsafe"),
        ("junit", "<?xml"),
        ("html", "<!doctype html>"),
    ],
)
def test_in_every_format(saved: Path, capsys: pytest.CaptureFixture[str], name: str, begins: str) -> None:
    assert cli.run(["report", "--from", str(saved), "--format", name]) == 0
    assert capsys.readouterr().out.lstrip().startswith(begins)


def test_to_a_file(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.html"
    assert cli.run(["report", "--from", str(saved), "--format", "html", "--output", str(path)]) == 0
    assert capsys.readouterr().out == ""
    assert path.read_text().rstrip().endswith("</html>")


def test_from_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(SAVED)))
    assert cli.run(["report", "--from", "-"]) == 0
    assert "unsafe: demo" in capsys.readouterr().out


def test_a_period_is_rendered_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    path.write_text(
        period_of(deployed(status="safe", verb="report"), ASKED, {"one": history()}).model_dump_json()
    )
    for name, begins in (
        ("text", "safe: "),
        ("json", "{"),
        ("markdown", "### safe"),
        ("html", "<!doctype html>"),
    ):
        assert cli.run(["report", "--from", str(path), "--format", name]) == 0
        assert capsys.readouterr().out.lstrip().startswith(begins)
    assert cli.run(["report", "--from", str(path), "--format", "junit"]) == 2
    assert "cannot be written as junit" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--since=1d", "--until=now", "-i=here", "--limit=one", "-e=a=b"])
def test_what_looks_at_hosts_is_refused_beside_it(
    saved: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert cli.run(["report", "--from", str(saved), option]) == 2
    assert "looks at nothing" in capsys.readouterr().err


def test_a_job_is_not_told_again(
    saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert cli.run(["report", "--from", str(saved)]) == 0
    assert "::error" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no JSON"),
        ("not json", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "is no result of a run"),
        ('{"schema_version": 1, "runs": []}', "is no result of a run"),
        (json.dumps({**SAVED, "schema_version": 2}), "schema version 2, and this is version 1"),
        (json.dumps({**SAVED, "status": "splendid"}), "is no whole result: status"),
        (json.dumps({**SAVED, "extra": 1}), "is no whole result: extra"),
    ],
)
def test_what_is_no_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    assert cli.run(["report", "--from", str(path), "--format", "html"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["report", "--from", str(tmp_path / "none")]) == 2
    assert "cannot be read: No such file" in capsys.readouterr().err
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    assert cli.run(["report", "--from", str(tmp_path / "bytes")]) == 2
    assert "is no JSON" in capsys.readouterr().err


def test_a_result_of_wrong_usage_can_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["deploy", "--chek", "--format", "json"]) == 2
    path = tmp_path / "x.json"
    path.write_text(capsys.readouterr().out)
    assert cli.run(["report", "--from", str(path), "--format", "html"]) == 0
    assert "No such option" in capsys.readouterr().out
