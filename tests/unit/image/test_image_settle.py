"""Settling on an image: what is recorded, and old tags that do not go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stanchion.stack.plugins.modules import image_settle

RECORD = {"name": "stanchion/postgres", "tag": "new", "tags": ["new", "old"]}


class EndedError(Exception):
    """What exit_json and fail_json become here."""


class FakeModule:
    """A module on a host whose engine refuses to remove some images."""

    def __init__(self, directory: Path, prune: list[str], stubborn: list[str]) -> None:
        self.params = {
            "ref": "stanchion/postgres:new",
            "record": RECORD,
            "prune": prune,
            "directory": str(directory),
        }
        self.stubborn = stubborn
        self.warnings: list[str] = []

    def run_command(self, command: list[str], **_: Any) -> tuple[int, str, str]:
        if command[-1] in self.stubborn:
            return 1, "", "conflict: unable to remove, container 3f is using it\n"
        return 0, "sha256:1\n", ""

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def exit_json(self, **result: Any) -> None:
        raise EndedError(result)

    def fail_json(self, **result: Any) -> None:
        raise AssertionError(result)


def settle(monkeypatch: pytest.MonkeyPatch, module: FakeModule) -> dict[str, Any]:
    monkeypatch.setattr(image_settle, "AnsibleModule", lambda **_: module)
    with pytest.raises(EndedError) as ended:
        image_settle.main()
    return ended.value.args[0]


def recorded(directory: Path) -> dict[str, Any]:
    return json.loads((directory / "stanchion_postgres.json").read_text())


def test_old_tags_go_and_the_record_stays_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = FakeModule(tmp_path, ["stanchion/postgres:older"], [])
    result = settle(monkeypatch, module)
    assert (result["changed"], result["pruned"]) == (True, ["stanchion/postgres:older"])
    assert (result["id"], module.warnings) == ("sha256:1", [])
    assert recorded(tmp_path) == RECORD


def test_a_tag_that_does_not_go_is_a_warning_and_stays_in_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prune = ["stanchion/postgres:older", "stanchion/postgres:oldest"]
    module = FakeModule(tmp_path, prune, prune[:1])
    result = settle(monkeypatch, module)
    assert result["pruned"] == prune[1:]
    (warning,) = module.warnings
    assert "stanchion/postgres:older could not be removed and stays" in warning
    assert "container 3f is using it" in warning
    assert recorded(tmp_path)["tags"] == ["new", "old", "older"]


def test_nothing_to_remove_is_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not settle(monkeypatch, FakeModule(tmp_path, [], []))["changed"]
