"""Tests of what a scenario left on the test machines, looked at from outside. molecule's verify runs them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

SCENARIO = os.environ.get("MOLECULE_SCENARIO_NAME")
MACHINES = os.environ.get("STANCHION_TEST_NAME") or "stanchion-test"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave the scenario's own file alone; with no such file, pytest ends with 5 and the scenario fails."""
    if collection_path.suffix == ".py" and collection_path.name != f"test_{SCENARIO}.py":
        return True
    return None


def machine(name: str) -> Host:
    """Return the test machine of that name in molecule/inventory.yml."""
    return testinfra.get_host(f"docker://{MACHINES}-{name}")


@pytest.fixture(scope="session")
def host() -> Host:
    """The first test machine: what most scenarios act upon."""
    return machine("host-1")


@pytest.fixture(scope="session")
def other_host() -> Host:
    """The second test machine."""
    return machine("host-2")
