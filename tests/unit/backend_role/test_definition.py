"""What a replica is made of, as the role's variables say it: a change that matters makes another hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROOT = Path(__file__).resolve().parents[3]
FILES = ("stack/defaults", "backend/defaults", "backend/vars")
MADE = {
    "role_path": str(ROOT / "roles/backend"),
    "container_image_refs": {"medication-tracker/backend": {"ref": "backend:1", "id": "sha256:1"}},
    "__backend_state": {"fingerprint": "f", "start_interval": True, "containers": []},
}


def trusted(value: Any) -> Any:
    """Return the value as Ansible reads it from a role's file: templates may be resolved."""
    if isinstance(value, dict):
        return {key: trusted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [trusted(each) for each in value]
    return trust_as_template(value) if isinstance(value, str) else value


def value(expression: str, **declared: Any) -> Any:
    """Resolve an expression with the role's defaults, its variables, and what is declared."""
    variables: dict[str, Any] = {}
    for name in FILES:
        variables |= trusted(yaml.safe_load((ROOT / "roles" / name / "main.yml").read_text()))
    templar = Templar(DataLoader(), variables={**variables, **MADE, **declared})
    return templar.template(trust_as_template("{{ " + expression + " }}"))


def label(**declared: Any) -> str:
    config: str = value("__backend_wanted.config", **declared)
    return config


@pytest.mark.parametrize(
    "declared",
    [
        {"backend_command": ["serve", "--fast"]},
        {"backend_environment": {"SHOP": "1"}},
        {"backend_memory": "256m"},
        {"backend_companions": [{"name": "worker", "health_command": ["alive"]}]},
    ],
)
def test_what_is_declared_otherwise_is_another_definition(declared: dict[str, Any]) -> None:
    assert label(**declared) != label()


def test_a_stack_without_a_command_keeps_the_hash_that_it_had() -> None:
    """A new version of the role rolls no replica out that would be made of the same."""
    before = "[__backend_definition, backend_companions] | to_json(sort_keys=true) | hash('sha256')"
    assert label() == value(before)


@pytest.mark.parametrize(
    ("companion", "command", "test"),
    [
        ({}, ["serve"], ["CMD", "/app/healthcheck", "/health"]),
        ({"name": "worker", "health_command": ["alive"], "command": ["work"]}, ["work"], ["CMD", "alive"]),
        ({"name": "worker", "health_command": ["alive"]}, ["serve"], ["CMD", "alive"]),
    ],
)
def test_a_companion_has_its_own_command_and_probe(
    companion: dict[str, Any], command: list[str], test: list[str]
) -> None:
    made = value(
        "__backend_container",
        backend_command=["serve"],
        backend_companions=[companion] if companion else [],
        __backend_replica=companion.get("name", 1),
    )
    assert (made["command"], made["healthcheck"]["test"]) == (command, test)
    # Seen early by every one of them.
    assert made["healthcheck"]["start_interval"] == "1s"


def containers() -> list[dict[str, Any]]:
    """Return the tasks that make or remove a container, each of which has what all have in common."""

    def flat(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        inside = [task.get(key, []) for task in tasks for key in ("block", "rescue", "always")]
        return [*tasks, *(each for one in inside for each in flat(one))]

    files = [yaml.safe_load(path.read_text()) for path in (ROOT / "roles/backend/tasks").glob("*.yml")]
    return [task for tasks in files for task in flat(tasks) if "community.docker.docker_container" in task]


def test_no_task_shows_the_password_in_the_environment() -> None:
    hides = "{{ backend_password_mode == 'environment' }}"
    shown = [task for task in containers() if task.get("no_log") != hides]
    assert [task["name"] for task in shown] == ["check_endpoints | Start the check"]
    (check,) = (task["community.docker.docker_container"] for task in shown)
    assert check["env"] == {}
    # In an image of somebody else's, nothing of ours is mounted either.
    assert check["mounts"] == []


@pytest.mark.parametrize(("named", "pull"), [("", "never"), ("busybox:1", "missing")])
def test_an_image_that_asks_other_services_is_fetched(named: str, pull: str) -> None:
    (check,) = (task for task in containers() if "check_endpoints" in task["name"])
    said = check["community.docker.docker_container"]["pull"].strip("{} ")
    assert value(said, backend_endpoint_image=named) == pull


@pytest.mark.parametrize(("workers", "size", "overflow"), [(1, 2, 2), (2, 5, 10), (64, 1, 0), (64, 20, 20)])
def test_the_limit_of_processes_has_room_for_the_application(workers: int, size: int, overflow: int) -> None:
    """The reference application needs as many as backend/README.md says."""
    threads = 4 * (size + overflow) + 8
    limit = value(
        "backend_pids_limit",
        stack_backend_workers=workers,
        stack_db_pool_size=size,
        stack_db_max_overflow=overflow,
    )
    assert limit >= workers * (threads + 1) + 5


def test_without_a_command_the_images_own_probe_is_asked_at_the_declared_intervals() -> None:
    """Docker takes what is empty from the image; community.docker would send nothing without this word."""
    probe = value("__backend_container.healthcheck", backend_health_command=[], backend_health_interval="7s")
    assert (probe["test"], probe["interval"], probe["test_cli_compatible"]) == (None, "7s", True)
    assert "test_cli_compatible" not in value("__backend_container.healthcheck")
