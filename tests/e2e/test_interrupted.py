"""First deploys that are killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from stack import CALM, Host, Stack

pytestmark = pytest.mark.long


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
            **CALM,
            "stack_app_subnet": "172.30.232.0/24",
            "stack_edge_subnet": "172.30.233.0/24",
            "backend_publish_port": 5100,
        },
    )


def test_killed_at_one_task_after_another_then_run_again(fresh: Stack) -> None:
    """Each rerun resumes, the last one converges. A kill of one that takes over is in test_adopted_stack."""
    for task in KILLED_AT:
        fresh.kill_at_task(task)
    fresh.deploy()
    assert fresh.deploy("--no-validate").result["changed"] == 0
    fresh.add_medication("after the kills")
