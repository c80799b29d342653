"""`report`: a saved result in another format, and what is none."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from samples import deployed, unsafe

from stanchion import cli

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


def test_without_a_name_it_is_the_newest_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STANCHION_STATE", str(tmp_path))
    assert cli.run(["report"]) == 2
    assert "No run has left a result" in capsys.readouterr().err
    for name, result in (("20260101T-a", deployed()), ("20260102T-b", unsafe()), ("20260103T-c", None)):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        if result is not None:
            (folder / "result.json").write_text(result.model_dump_json())
    assert cli.run(["report"]) == 0
    assert "unsafe: demo" in capsys.readouterr().out


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
