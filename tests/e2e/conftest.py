"""The machines of machines.py, and the order of the files."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Have the fixtures of machines.py, once, whichever folders are run together."""
    config.pluginmanager.import_plugin("machines")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those last that take time by the clock: fewer others run beside them. Then the one that takes the
    stack down, which nobody has to bring back."""
    last = ("test_faults.py", "test_pool.py", "test_compose.py")
    items.sort(key=lambda item: last.index(item.path.name) if item.path.name in last else -1)
