"""compose check on the command line: files, exit codes, words."""

import json

import pytest

from stanchion.cli import run

GOOD = "services:\n  web: {image: 'a@sha256:0', restart: always}\n"
BAD = "services:\n  web: {image: a}\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(capsys, *arguments):
    code = run(["compose", "check", *arguments])
    return code, capsys.readouterr()


def test_safe_and_unsafe(here, capsys):
    (here / "compose.yml").write_text(GOOD)
    code, said = check(capsys, "compose.yml", "--only", "image.pinned")
    assert (code, said.out.splitlines()[0]) == (0, "safe: compose.yml; 1 check: 1 passed")
    (here / "compose.yml").write_text(BAD)
    code, said = check(capsys, "compose.yml", "--only", "image.pinned")
    assert code == 1
    assert "compose.yml:2: web: a has no tag, which means latest" in said.out


def test_a_warning_counts_where_that_is_asked_for(here, capsys):
    (here / "compose.yml").write_text(GOOD)
    only = ("--only", "container.memory_limit")
    assert check(capsys, "compose.yml", *only)[0] == 0
    assert check(capsys, "compose.yml", *only, "--fail-on", "warn")[0] == 1


def test_json(here, capsys):
    (here / "compose.yml").write_text(BAD)
    code, said = check(capsys, "compose.yml", "--format", "json")
    result = json.loads(said.out)
    assert (result["verb"], result["status"], result["exit_code"], code) == ("compose", "unsafe", 1, 1)
    (validation,) = result["validations"]
    assert (validation["host"], validation["phase"]) == ("compose.yml", "file")
    assert validation["applicable"] == len(validation["findings"])


@pytest.mark.parametrize("form,begins", [("markdown", "#"), ("junit", "<?xml"), ("html", "<!doctype html>")])
def test_the_other_formats(here, capsys, form, begins):
    (here / "compose.yml").write_text(BAD)
    code, said = check(capsys, "compose.yml", "--format", form)
    assert code == 1
    assert said.out.lower().startswith(begins)
    assert "compose.yml" in said.out


def test_several_files(here, capsys):
    (here / "a.yml").write_text(BAD)
    (here / "b.yml").write_text("services:\n  web: {image: 'b@sha256:0'}\n")
    only = ("--only", "image.pinned")
    assert check(capsys, "-f", "a.yml", "-f", "b.yml", *only)[0] == 0
    code, said = check(capsys, "a.yml", "b.yml", *only)
    assert (code, said.out.splitlines()[0]) == (0, "safe: a.yml + b.yml; 1 check: 1 passed")


def test_the_files_that_compose_takes_by_itself(here, capsys):
    (here / "docker-compose.yml").write_text(BAD)
    (here / "docker-compose.override.yml").write_text("services:\n  web: {image: 'b@sha256:0'}\n")
    code, said = check(capsys, "--only", "image.pinned")
    assert code == 0
    assert said.out.startswith("safe: docker-compose.yml + docker-compose.override.yml;")


def test_env_files_and_profiles(here, capsys):
    (here / "prod.env").write_text("IMAGE=a@sha256:0\n")
    (here / "compose.yml").write_text(
        "services:\n  web: {image: $IMAGE}\n  debug: {image: b, profiles: [debug]}\n"
    )
    only = ("compose.yml", "--env-file", "prod.env", "--only", "image.pinned")
    assert check(capsys, *only)[0] == 0
    assert check(capsys, *only, "--profile", "debug")[0] == 1


@pytest.mark.parametrize(
    "text,says",
    [
        ("services:\n  web: [a\n", "compose.yml:3:1: this is no YAML"),
        ("kind: Pod\n", "compose.yml: this is no compose file: its keys are kind."),
        ("services:\n  web: {image: '${A:?set it}'}\n", "compose.yml:2: the variable A has no value"),
        ("services:\n  web: {image: a, mem_limit: much}\n", "compose.yml:2: 'much' is no size"),
    ],
)
def test_refused(here, capsys, text, says):
    (here / "compose.yml").write_text(text)
    code, said = check(capsys, "compose.yml")
    assert code == 2
    assert said.err.startswith("compose: ")
    assert says in said.err
    code, said = check(capsys, "compose.yml", "--format", "json")
    assert json.loads(said.out)["error"]["kind"] == "File"


def test_wrong_usage(here, capsys):
    code, said = check(capsys)
    assert code == 2
    assert "No file is named, and none of compose.yaml" in said.err
    (here / "compose.yml").write_text(GOOD)
    code, said = check(capsys, "compose.yml", "--only", "image.pined")
    assert code == 2
    assert "Did you mean image.pinned" in said.err
    (here / "Dockerfile.web").write_text("FROM a:1\n")
    code, said = check(capsys, "Dockerfile.web", "--only", "image.pinned")
    assert code == 2
    assert "image.pinned: nothing of it is asked of a Dockerfile" in said.err
    assert check(capsys, "none.yml")[0] == 2
    assert check(capsys, "Dockerfile")[0] == 2


def test_a_compose_file_is_yaml(capsys):
    assert run(["compose", "render", "--format", "json"]) == 2
    assert "render cannot be written as json: there are yaml" in capsys.readouterr().out
