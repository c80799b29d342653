"""What the playbooks take over from the roles, they do for every role that they run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOKS = [*(ROOT / "playbooks").glob("*.yml"), *(ROOT / "playbooks" / "tasks").glob("*.yml")]
PASSED = "stack_preflight_passed"


def tasks(node: Any) -> Iterator[dict[str, Any]]:
    """Yield the tasks of a play or a file, those of blocks in their place."""
    for each in node or []:
        blocks = [each[key] for key in ("tasks", "block", "rescue", "always") if key in each]
        if blocks:
            for inside in blocks:
                yield from tasks(inside)
        else:
            yield each


def roles(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the roles that a playbook runs, each with its entry point; PASSED where it says so."""
    for task in tasks(yaml.safe_load(path.read_text())):
        if PASSED in task.get("ansible.builtin.set_fact", {}):
            yield PASSED, ""
        for action in ("ansible.builtin.import_role", "ansible.builtin.include_role"):
            if action in task:
                given = task[action]
                yield given["name"].rpartition(".")[2], given.get("tasks_from", "main")


SKIPPING = [path for path in PLAYBOOKS if PASSED in path.read_text()]
WITH_ENGINE = [path for path in PLAYBOOKS if ("docker_engine", "main") in roles(path)]


@pytest.mark.parametrize("path", SKIPPING, ids=lambda path: path.name)
def test_a_playbook_that_skips_the_roles_preflights_has_asked_them_all(path: Path) -> None:
    order = list(roles(path))
    before, after = order[: order.index((PASSED, ""))], order[order.index((PASSED, "")) + 1 :]
    skipping = {
        role
        for role, entry in after
        if entry == "main" and f"not ({PASSED}" in (ROOT / "roles" / role / "tasks/main.yml").read_text()
    }
    assert skipping
    assert {role for role, entry in before if entry == "preflight"} >= skipping


@pytest.mark.parametrize("path", WITH_ENGINE, ids=lambda path: path.name)
def test_a_preview_ends_where_there_is_no_engine(path: Path) -> None:
    listed = list(tasks(yaml.safe_load(path.read_text())))
    (engine,) = (
        at
        for at, task in enumerate(listed)
        if task.get("ansible.builtin.import_role") == {"name": "stanchion.stack.docker_engine"}
    )
    end = listed[engine + 2]
    assert end["ansible.builtin.meta"] == "end_host"
    assert end["when"] == "ansible_check_mode and (docker_engine_absent | default(false))"
