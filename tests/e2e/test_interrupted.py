"""First deploys that are killed."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from stack import Host, Stack

from stanchion.run.processes import below, wait_until_gone


def kill_at_task(stack: Stack, task: str) -> None:
    """Start a deploy and SIGKILL all of it once the named task has begun.

    Raises:
        AssertionError: the deploy ended before the task began.
    """
    run = stack.start("deploy")
    state = stack.folder.parent / "state"
    try:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            latest = max(state.glob("runs/*/artifacts/*/stdout"), key=os.path.getmtime, default=None)
            if latest and f"TASK [{task}" in latest.read_text(errors="replace"):
                return
            if run.poll() is not None:
                raise AssertionError(f"the deploy ended before {task}: {run.communicate()}")
            time.sleep(0.05)
        raise AssertionError(f"{task} did not begin")
    finally:
        started = below(run.pid)
        # One that has ended has said why.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        # Ansible is told, and takes a moment to end: until then the lock is rightly its own.
        assert wait_until_gone(started, time.monotonic() + 30)


KILLED_AT = [
    "stanchion.stack.postgres : volume | Make a new cluster",
    "stanchion.stack.postgres : server | Make or replace the database container",
    "stanchion.stack.backend : create | Wait",
]


@pytest.fixture(scope="module")
def fresh(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A second stack beside the first, not deployed yet."""
    root: Path = tmp_path_factory.mktemp("interrupted")
    folder = root / "killed"
    folder.mkdir()
    return Stack(
        host,
        folder,
        "killed",
        {
            "stack_app_subnet": "172.30.232.0/24",
            "stack_edge_subnet": "172.30.233.0/24",
            "backend_health_interval": "20s",
            "backend_publish_port": 5100,
            "postgres_health_interval": "20s",
        },
    )


@pytest.mark.parametrize(
    "tasks",
    [
        pytest.param(KILLED_AT[1:2], id="at one task"),
        pytest.param(KILLED_AT, id="at several tasks", marks=pytest.mark.faults),
    ],
)
def test_killed_then_run_again(fresh: Stack, tasks: list[str]) -> None:
    """A first deploy killed at one task after another; each rerun resumes, the last one converges."""
    for task in tasks:
        kill_at_task(fresh, task)
    fresh.deploy()
    again = fresh.deploy("--no-validate").result
    assert again["changed"] == 0
    # The checks at the end are left out, and that is said; those before it stay.
    assert [validation["phase"] for validation in again["validations"]] == ["preflight"]
    assert "not validated" in again["headline"]
    fresh.add_medication("after the kills")
    backups_outlive_the_data(fresh)


def backups_outlive_the_data(stack: Stack) -> None:
    """Backups stay without the data; no new database begins over them until they are named too."""
    name = stack.name
    opens = f"/var/lib/stanchion/{name}/secrets/backup_passphrase"
    passphrase = stack.host.run("cat", opens)
    gone = stack.runner("destroy", "--no-input", "--delete-data", name)
    assert gone.code == 0, gone.text
    for word in (f"The backups of {name} stay: {name}-backup", opens, f"--delete-backups {name}"):
        assert word in gone.text
    volumes = stack.host.run("docker", "volume", "ls", "-q", "--filter", f"label=io.stanchion.stack={name}")
    assert volumes.split() == [f"{name}-backup"]
    assert stack.host.run("cat", opens) == passphrase
    for path in (f"/etc/cron.d/stanchion-{name}", f"/usr/local/sbin/stanchion-{name}"):
        stack.host.run("test", "!", "-e", path)

    anew = stack.runner("deploy")
    assert anew.code == 2, anew.text
    for word in (
        "holds backups of this stack",
        "--restore-from",
        "stack_backup_repository",
        "nothing was changed",
    ):
        assert word in anew.text
    assert stack.host.containers(name) == {}

    alone = stack.runner("destroy", "--no-input", "--delete-backups", name)
    assert alone.code == 2
    assert "goes with --delete-data" in alone.text
    all_of_it = stack.runner("destroy", "--no-input", "--delete-data", name, "--delete-backups", name)
    assert all_of_it.code == 0, all_of_it.text
    assert (
        stack.host.run("docker", "volume", "ls", "-q", "--filter", f"label=io.stanchion.stack={name}") == ""
    )
    stack.host.run("test", "!", "-e", f"/var/lib/stanchion/{name}")
