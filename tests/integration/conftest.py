"""Tests of what a scenario left on the test machines, looked at from outside. molecule's verify runs them."""

from __future__ import annotations

import os

import pytest
import testinfra
from testinfra.host import Host

SCENARIO = os.environ.get("MOLECULE_SCENARIO_NAME")
MACHINES = os.environ.get("STANCHION_TEST_NAME") or "stanchion-test"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the scenario's own file alone; if nothing is left, pytest ends with 5 and the scenario fails."""
    own = [item for item in items if item.path.name == f"test_{SCENARIO}.py"]
    config.hook.pytest_deselected(items=[item for item in items if item not in own])
    items[:] = own


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
