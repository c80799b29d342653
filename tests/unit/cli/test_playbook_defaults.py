"""Playbooks of the command line know the contract where no role tells it: with the roles' own defaults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOKS = [*(ROOT / "playbooks").glob("*.yml"), *(ROOT / "playbooks" / "tasks").glob("*.yml")]
# NAME | default('TEXT') or NAME | default(7), with nothing behind the value.
ROLES = "|".join(sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir()))
LITERAL = re.compile(rf"\b((?:{ROLES})_\w+) \| default\(('[^']*'|\d+)\)")
NOT_OF_ROLES = {"stack_group", "stack_run_finished", "validation_refusal", "recovery_refusal"}


def literals() -> list[tuple[str, str, object]]:
    return [
        (path.name, name, yaml.safe_load(value))
        for path in PLAYBOOKS
        for name, value in LITERAL.findall(path.read_text())
        if name not in NOT_OF_ROLES
    ]


def defaults() -> dict[str, object]:
    found: dict[str, object] = {}
    for path in (ROOT / "roles").glob("*/defaults/main.yml"):
        found |= yaml.safe_load(path.read_text())
    return found


def test_there_are_some() -> None:
    assert {name for _, name, _ in literals()} >= {"stack_name", "stack_backend_replicas"}


@pytest.mark.parametrize(("playbook", "name", "value"), literals())
def test_the_same_default(playbook: str, name: str, value: object) -> None:
    assert defaults()[name] == value, playbook


def test_the_state_folder_is_the_roles_own() -> None:
    assert defaults()["stack_state_dir"] == "/var/lib/stanchion/{{ stack_name }}"
    for name in ("destroy.yml", "tasks/record.yml"):
        assert "'/var/lib/stanchion/' ~" in (ROOT / "playbooks" / name).read_text()


def test_the_command_line_assumes_the_same_name() -> None:
    from stanchion.cli.confirmation import DEFAULT_STACK

    assert defaults()["stack_name"] == DEFAULT_STACK
