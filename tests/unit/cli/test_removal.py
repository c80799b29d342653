"""What destroy removes, in which order, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _removal
from ansible_collections.stanchion.stack.plugins.modules import run_record
from samples import STARTED

from stanchion.errors import BY_NAME


class FakeDocker:
    """Answers as the docker command would, and remembers what it was told to do."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.done: list[tuple[str, ...]] = []

    def run(self, command: list[str]) -> tuple[int, str, str]:
        _, kind, verb, *rest = command
        if verb in ("ls", "inspect"):
            return self._read(kind, verb, rest)
        self.done.append((kind, verb, *rest))
        return 0, "", ""

    def _read(self, kind: str, verb: str, rest: list[str]) -> tuple[int, str, str]:
        if verb == "inspect":
            return 0, json.dumps(self.answers.get(f"{kind}s", [])), ""
        asked = rest[-1]
        if asked.startswith("volume="):
            return 0, "\n".join(self.answers.get("users", [])), ""
        if kind == "volume":
            return 0, "\n".join(self.answers.get("volumes", [])), ""
        return 0, "\n".join(item["Name"].lstrip("/") for item in self.answers.get(f"{kind}s", [])), ""

    @property
    def docker(self) -> _removal.Docker:
        return _removal.Docker(self.run, "docker")


def container(name: str, role: str, paused: bool = False) -> dict[str, Any]:
    return {
        "Name": f"/{name}",
        "Config": {"Labels": {"io.stanchion.role": role}},
        "State": {"Paused": paused},
    }


CONTAINERS = [
    container("demo-db", "postgres"),
    container("demo-exporter", "monitoring"),
    container("demo-backend-2", "backend", paused=True),
    container("demo-backend-1", "backend"),
]


def network(*attached: str) -> dict[str, Any]:
    return {"Name": "demo_app_network", "Containers": {name: {"Name": name} for name in attached}}


def test_backends_stop_first_and_the_database_last() -> None:
    fake = FakeDocker(containers=CONTAINERS, networks=[network("demo-db")], volumes=["demo-pgdata"])
    plan = _removal.plan(fake.docker, "demo", data=False)
    _removal.carry_out(fake.docker, plan)
    assert fake.done == [
        ("container", "unpause", "demo-backend-2"),
        ("container", "stop", "demo-backend-1", "demo-backend-2"),
        ("container", "rm", "demo-backend-1", "demo-backend-2"),
        ("container", "stop", "demo-exporter"),
        ("container", "rm", "demo-exporter"),
        ("container", "stop", "demo-db"),
        ("container", "rm", "demo-db"),
        ("network", "rm", "demo_app_network"),
    ]


def test_volumes_go_only_with_the_data() -> None:
    fake = FakeDocker(containers=CONTAINERS, volumes=["demo-pgdata"], users=["demo-db"])
    assert _removal.plan(fake.docker, "demo", data=False).volumes == []
    plan = _removal.plan(fake.docker, "demo", data=True)
    _removal.carry_out(fake.docker, plan)
    assert fake.done[-1] == ("volume", "rm", "demo-pgdata")


def test_nothing_there_is_nothing_to_do() -> None:
    fake = FakeDocker()
    _removal.carry_out(fake.docker, _removal.plan(fake.docker, "demo", data=True))
    assert fake.done == []


@pytest.mark.parametrize(
    "answers",
    [
        {"containers": CONTAINERS, "networks": [network("demo-db", "stranger")]},
        {"containers": CONTAINERS, "volumes": ["demo-pgdata"], "users": ["demo-db", "stranger"]},
    ],
)
def test_what_a_stranger_uses_is_refused_before_anything(answers: dict[str, Any]) -> None:
    fake = FakeDocker(**answers)
    with pytest.raises(_removal.RefusedError, match=r"stranger.*Nothing was removed") as caught:
        _removal.plan(fake.docker, "demo", data=True)
    assert fake.done == []
    assert caught.value.exit in BY_NAME


def test_a_silent_engine() -> None:
    docker = _removal.Docker(lambda _: (1, "", "Cannot connect to the Docker daemon at unix:///x."), "docker")
    with pytest.raises(_removal.RefusedError, match="does not answer") as caught:
        _removal.plan(docker, "demo", data=False)
    assert caught.value.exit == "unreachable"


def test_any_other_failure_says_what_failed() -> None:
    docker = _removal.Docker(lambda _: (1, "", "device is busy\n"), "docker")
    with pytest.raises(_removal.RefusedError, match="docker container ls failed: device is busy") as caught:
        _removal.plan(docker, "demo", data=False)
    assert caught.value.exit is None


@pytest.mark.parametrize("folder", ["/", "/var", "/var/lib", "relative/to/some/where"])
def test_folders_that_cannot_be_one_stacks_own(folder: str) -> None:
    with pytest.raises(_removal.RefusedError, match="is not the folder of one stack"):
        _removal.check_folder(Path(folder))


def test_the_hosts_own_folder_and_links_are_refused(tmp_path: Path) -> None:
    _removal.check_folder(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "lock.json").write_text("{}")
    for folder in (tmp_path, tmp_path / "link"):
        with pytest.raises(_removal.RefusedError, match="Nothing was removed"):
            _removal.check_folder(folder)


def test_a_record_on_the_host(tmp_path: Path) -> None:
    assert run_record.append(tmp_path, {"verb": "deploy"}, STARTED)
    assert run_record.append(tmp_path, {"verb": "destroy"}, STARTED)
    lines = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    assert [line["verb"] for line in lines] == ["deploy", "destroy"]
    assert lines[0]["recorded"] == "2026-11-24T17:40:00+00:00"
    assert (tmp_path / "runs.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_host_without_a_stack_gets_no_record(tmp_path: Path) -> None:
    assert not run_record.append(tmp_path / "none", {"verb": "deploy"}, STARTED)
    assert not (tmp_path / "none").exists()
