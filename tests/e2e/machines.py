"""A Docker host in a container for the whole session, and stacks on it.

A plugin, which each folder's conftest.py registers: tests of both folders share one machine and stack.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from stack import CALM, ROOT, Host, Run, Stack

# Two runs on one machine take different names.
MACHINE = os.environ.get("STANCHION_TEST_NAME", "stanchion-test") + "-e2e"
# Monitoring costs each deploy seconds.
MONITORED = bool(os.environ.get("STANCHION_TEST_MONITORED"))
# When cron begins its backups: half a day from now. One that begins while a test damages a page copies the
# page, and rightly goes on saying so.
HOUR = (time.gmtime().tm_hour + 12) % 24
SCHEDULE = {
    "full": f"15 {HOUR} * * 0",
    "diff": f"15 {HOUR} * * 1-6",
    "incr": f"45 {HOUR} * * *",
    "verify": f"25 {HOUR} * * 0",
    "drill": f"35 {HOUR} * * 0",
}


def playbook(name: str, machine: str = MACHINE) -> None:
    """Run a playbook of this folder on this machine; an error shows its last lines."""
    done = subprocess.run(
        ["ansible-playbook", f"tests/e2e/{name}", "-e", f"machine={machine}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A Docker host with nothing on it but the base image."""
    playbook("create.yml")
    yield Host(MACHINE)
    if not os.environ.get("STANCHION_TEST_KEEP"):
        playbook("destroy.yml")


@pytest.fixture(scope="session")
def another_host() -> Iterator[Host]:
    """A second one, for what happens when the first is lost."""
    machine = MACHINE.removesuffix("-e2e") + "-another-e2e"
    playbook("create.yml", machine)
    yield Host(machine)
    playbook("destroy.yml", machine)


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference application as a build context of its own, which tests may change."""
    folder = tmp_path_factory.mktemp("context") / "backend"
    shutil.copytree(
        ROOT / "backend", folder, ignore=shutil.ignore_patterns("__pycache__", "tests", "testkit")
    )
    return folder


@pytest.fixture(scope="session")
def first_stack(host: Host, context: Path, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack of most tests: debug routes on, small pools, short waits."""
    root = tmp_path_factory.mktemp("e2e")
    folder = root / "medication-tracker"
    folder.mkdir()
    return Stack(
        host,
        folder,
        "medication-tracker",
        {
            "backend_context": str(context),
            "backend_environment": {"ENABLE_DEBUG_ROUTES": "1"},
            "backend_pool_timeout": 3,
            **CALM,
            "backend_healthy_timeout": 30,
            "backup_schedule": SCHEDULE,
            "stack_db_pool_size": 2,
            "stack_db_max_overflow": 3,
            **({"stack_monitoring": True} if MONITORED else {}),
        },
    )


@pytest.fixture(scope="session")
def first_deploy(first_stack: Stack) -> Run:
    """The deploy to a host that had nothing."""
    return first_stack.deploy()


@pytest.fixture
def stack(first_stack: Stack, first_deploy: Run) -> Stack:
    """The stack, deployed; brought back where an earlier test has left it changed."""
    first_stack.bring_back()
    return first_stack
