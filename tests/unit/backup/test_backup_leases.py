"""A run that waits for a backup, a drill or a restore holds the host's lock for as long as that may take."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml
from stanchion_backup.restored import scratch

ROOT = Path(__file__).resolve().parents[3]
LOCK, COMMAND = "stanchion.stack.deploy_lock", "stanchion.stack.backup_command"
LONG = "{{ stack_backup_lease }}"
# What the host's command is asked for where hours may pass, by the file that asks.
WAITS = {
    "roles/backup/tasks/bare_metal.yml": ["Restore the database from {{ stack_restore_from }}"],
    "roles/backup/tasks/first.yml": ["Take the first full backup", "Prove that it can be restored"],
    "roles/backup/tasks/repository.yml": ["Open the repositories and see that WAL arrives"],
    "roles/postgres/tasks/adopt.yml": ["Take a backup before anything is changed"],
    "roles/postgres/tasks/backup.yml": ["Take a backup before the image is replaced"],
    "playbooks/tasks/restore.yml": [
        "Restore, and stop the old database",
        "End it, and back the new timeline up",
    ],
}


def tasks_of(path: Path) -> list[dict[str, Any]]:
    """Return the tasks of a file in their order."""

    def flat(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            each
            for task in tasks
            for each in (flat(task["block"] + task.get("always", [])) if "block" in task else [task])
        ]

    return flat(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("path", WAITS)
def test_the_lock_is_renewed_for_long_before_each_long_wait(path):
    tasks = tasks_of(ROOT / path)
    long = [
        task["name"].partition(" | ")[2]
        for before, task in itertools.pairwise(tasks)
        if COMMAND in task and before.get(LOCK) == {"state": "renewed", "lease_seconds": LONG}
    ]
    assert long == WAITS[path]


def test_nothing_long_is_asked_for_elsewhere():
    """Beside the verbs of a run that has no lock, and a word to the journal of a restore."""
    asked = {
        (str(path.relative_to(ROOT)), task["name"].partition(" | ")[2])
        for path in [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/tasks/*.yml")]
        for task in tasks_of(path)
        if COMMAND in task
    }
    known = {(path, name) for path, names in WAITS.items() for name in names}
    assert asked - known == {("playbooks/tasks/restore.yml", "Remember that the application is let in")}


def test_the_lock_is_renewed_between_that_backup_and_the_new_container():
    tasks = tasks_of(ROOT / "roles/postgres/tasks/backup.yml")
    assert COMMAND in tasks[-2]
    assert tasks[-1][LOCK]["state"] == "renewed"


def test_the_lease_outlasts_a_recovery():
    declared = yaml.safe_load((ROOT / "roles/stack/defaults/main.yml").read_text())
    assert declared["stack_backup_lease"] > scratch.RECOVERED_WITHIN
    for role in ("stack", "postgres", "backup"):
        spec = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())
        options = spec["argument_specs"]["main"]["options"]
        assert options["stack_backup_lease"]["default"] == declared["stack_backup_lease"]
