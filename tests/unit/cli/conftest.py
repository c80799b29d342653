"""What several tests of the command line take turns with."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from stanchion.run import inventory


@pytest.fixture(scope="session")
def kept_inventories() -> Callable[..., inventory.Inventory]:
    return cache(inventory.read)


@pytest.fixture
def inventory_read_once(
    kept_inventories: Callable[..., inventory.Inventory], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let tests that need the inventory of the repository share one answer: each costs a start of Ansible."""
    monkeypatch.setattr(inventory, "read", kept_inventories)
