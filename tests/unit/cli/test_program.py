"""The program as a whole: help, wrong usage, start-up, completion."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from stanchion import cli
from stanchion.cli import session
from stanchion.cli.command import Options
from stanchion.errors import StanchionError
from stanchion.report.model import Result
from stanchion.run.verbs import VERBS as RUNNING
from stanchion.variables import OPTION_VARIABLES

ROOT = Path(__file__).resolve().parents[3]
VERBS = sorted(cli.program.commands)
HEAVY = ("ansible_runner", "pydantic", "rich", "yaml", "ansible")


def helped(capsys: pytest.CaptureFixture[str], *verb: str) -> str:
    assert cli.run([*verb, "--help"]) == 0
    return capsys.readouterr().out


def commands(command: click.Command, words: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield a command and every one below it, with the words that name it."""
    yield words, command
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from commands(below, f"{words} {name}".strip())


@pytest.mark.parametrize("words", [words for words, _ in commands(cli.program)])
def test_help_begins_with_two_examples(capsys: pytest.CaptureFixture[str], words: str) -> None:
    lines = helped(capsys, *words.split()).splitlines()
    assert lines[0] == "Examples:"
    assert all(line.startswith("  ") and f" {words}" in line.strip() for line in lines[1:3])
    assert lines[3] == ""
    assert lines[4].startswith("Usage: ")


def test_every_playbook_is_of_a_verb_whose_end_can_be_judged() -> None:
    """images.yml alone has none: a deploy runs what it runs."""
    playbooks = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    assert playbooks - {"images"} == set(RUNNING)
    assert set(RUNNING) <= set(VERBS)


def test_what_sets_a_variable_is_an_option() -> None:
    options = {
        (words.partition(" ")[0], option)
        for words, command in commands(cli.program)
        for parameter in command.params
        for option in parameter.opts
    }
    assert set(OPTION_VARIABLES.values()) <= options


@pytest.mark.parametrize("verb", VERBS)
def test_examples_are_command_lines_that_are_understood(verb: str) -> None:
    command = cli.program.commands[verb]
    for example in command.examples:
        words = shlex.split(example.removeprefix('eval "$(').removesuffix(')"').split(" | ")[0])
        start = words.index(verb)
        assert words[:start] in (["python", "runner.py"], ["stanchion"])
        command.make_context(verb, words[start + 1 :])
    assert (ROOT / "runner.py").is_file()
    assert (ROOT / "inventory" / "local").is_dir()


@pytest.mark.parametrize(
    ("words", "command"), [each for each in commands(cli.program) if not isinstance(each[1], click.Group)]
)
def test_its_page_tells_of_each_verb_and_option(words: str, command: click.Command) -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    assert f"| `{words}" in page
    options = [option.opts for option in command.params if isinstance(option, click.Option)]
    assert [names for names in options if not any(re.search(f"[`[ ]{name}\\b", page) for name in names)] == []


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["deploy", "--help"], ["history", "--help"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        "from stanchion import cli\n"
        f"cli.run({arguments!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("verb", ["checks", "explain"])
def test_the_catalogue_imports_only_what_prints_it(verb: str) -> None:
    arguments = [verb, "container.stop"][: 1 + (verb == "explain")]
    heavy = ["ansible_runner", "pydantic", "ansible"]
    script = (
        "import sys\n"
        "from stanchion import cli\n"
        f"code = cli.run({arguments!r})\n"
        f"print(code, [name for name in {heavy!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "0 []"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("stanchion 0.")


def test_runner_py_is_the_program() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "runner.py"), "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout[:11]) == (0, "stanchion 0")


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (["depoly"], "deploy"),
        (["explain", "container.stp"], "container.stop"),
        (["explain", "container"], "container.stop"),
        (["checks", "--subject", "contaner"], "container"),
        (["validate", "--only", "container.stp"], "container.stop"),
        (["status", "--format", "junit"], "status cannot be written as junit: there are text and json"),
        (["history", "--format", "html"], "history cannot be written as html"),
        (["checks", "--format", "junit"], "checks cannot be written as junit"),
        (["deploy", "--chek"], "--check"),
        (["status", "--format", "jsn"], "json"),
        (["deploy", "-i", "inventory/locl"], "inventory/local"),
    ],
)
def test_near_matches(capsys: pytest.CaptureFixture[str], arguments: list[str], near: str) -> None:
    assert cli.run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert near in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["destroy", "--no-input", "--delete-data", ""],
        ["destroy", "--yes", "--delete-data", "medication-tracker", "--delete-backups", ""],
        ["destroy", "--yes", "--limit", " "],
        ["deploy", "-i", ""],
        ["deploy", "--restore-from", "repo1", "--old-host-is-fenced", ""],
        ["restore", "--to", ""],
        ["restore", "--to", "latest", "--replace", ""],
        ["restore", "--to", "latest", "--set", ""],
        ["restore", "--to", "latest", "--from", ""],
        ["restore", "--drop", ""],
        ["restore", "--drop-volume", ""],
        ["restore", "--rollback", "--discard-writes", ""],
        ["backup", "--repo", ""],
        ["drill", "--repo", ""],
        ["drill", "--set", ""],
    ],
)
def test_a_shells_variable_that_is_not_set_names_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.setattr(session, "perform", lambda _opened: pytest.fail("a run was begun"))
    assert cli.run(arguments) == 2
    assert "it is empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["depoly", "--format", "json"],
        ["deploy", "--format=json", "--chek"],
        ["deploy", "--format", "json", "--timeout", "soon"],
        ["status", "--format", "json", "-i", "nowhere"],
        ["deploy", "--format", "json", "-e", "db_password=x"],
        ["deploy", "--format", "json", "--output", "/no/such/folder/x"],
        ["destroy", "--format", "json", "--no-input"],
        ["deploy", "--format", "json", "--no-input", "--ask-become-pass"],
        ["deploy", "extra", "--format", "json"],
        ["explain", "no.such", "--format", "json"],
        ["report", "--from", "no/such/file", "--format", "json"],
    ],
)
def test_wrong_usage_is_one_json_object(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert cli.run(arguments) == 2
    result = Result.model_validate_json(capsys.readouterr().out)
    assert (result.schema_version, result.status, result.exit_code) == (1, "failed", 2)
    assert result.error is not None
    assert result.error.what


@pytest.mark.parametrize(
    ("output", "writable", "reason"),
    [
        ("", (), "that is a folder"),
        ("kept", (), "is a directory"),
        ("kept/result.json", (), "cannot be written"),
        ("old.json", ("kept",), "cannot be written"),
        ("none/result.json", ("kept",), "there is no such folder"),
    ],
)
def test_where_the_result_could_not_go_is_said_before_the_run(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    output: str,
    writable: tuple[str, ...],
    reason: str,
) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "old.json").touch()
    monkeypatch.chdir(tmp_path)
    # Root may write anywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK or path.name in writable)
    monkeypatch.setattr(session, "begin", lambda _verb: pytest.fail("a run was begun"))
    inventory = str(ROOT / "inventory" / "local")
    assert cli.run(["deploy", "-i", inventory, "--output", output]) == 2
    assert reason in capsys.readouterr().err


def test_no_verb_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 2
    assert "Usage: " in capsys.readouterr().err


def test_an_unexpected_error_goes_to_a_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STANCHION_STATE", str(tmp_path))

    def explode(*_: object, **__: object) -> int:
        raise RuntimeError("boom")

    monkeypatch.setattr(cli.program.commands["status"], "callback", explode)
    assert cli.run(["status"]) == 70
    err = capsys.readouterr().err
    (log,) = tmp_path.glob("crash-*.log")
    assert str(log) in err
    assert "Traceback" not in err
    assert "RuntimeError: boom" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_a_python_without_the_packages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def miss(*_: object, **__: object) -> int:
        raise ModuleNotFoundError("No module named 'ansible_runner'", name="ansible_runner")

    monkeypatch.setattr(cli.program.commands["status"], "callback", miss)
    assert cli.run(["status"]) == 2
    assert "make venv" in capsys.readouterr().err


def test_ctrl_c_before_a_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.program.commands["status"], "callback", interrupt)
    assert cli.run(["status"]) == 130
    assert "Interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert cli.run(["completion", shell]) == 0
    assert "_STANCHION_COMPLETE" in capsys.readouterr().out


def test_verbs_and_options_are_completed() -> None:
    from click.shell_completion import ShellComplete

    complete = ShellComplete(cli.program, {}, "stanchion", "_STANCHION_COMPLETE")
    assert [item.value for item in complete.get_completions([], "de")] == ["deploy", "destroy"]
    assert [item.value for item in complete.get_completions(["deploy"], "--che")] == ["--check"]
    assert [item.value for item in complete.get_completions(["explain"], "container.sto")] == [
        "container.stop"
    ]
    assert "container.stop" in [
        item.value for item in complete.get_completions(["validate", "--only"], "cont")
    ]
    assert "container" in [item.value for item in complete.get_completions(["checks", "--subject"], "co")]


def test_every_verb_that_runs_ansible_takes_the_shared_options() -> None:
    shared = {name for name in Options.__dataclass_fields__ if name not in ("check", "diff")}
    for verb in ("deploy", "status", "destroy"):
        assert shared <= {parameter.name for parameter in cli.program.commands[verb].params}


def test_every_error_has_an_exit_code_and_a_remedy() -> None:
    def below(kind: type[StanchionError]) -> list[type[StanchionError]]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]

    kinds = below(StanchionError)
    assert len(kinds) > 10
    for kind in kinds[1:]:
        assert kind.exit_code != 0
        assert kind.remedy.endswith(".")
        if "__init__" not in vars(kind):
            assert str(kind("What happened.")) == f"What happened. {kind.remedy}"
