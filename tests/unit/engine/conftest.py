"""Gives the tests of a module one throw-away project."""

from __future__ import annotations

import pytest
from throwaway import INVENTORY, Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("project")
    (root / "inventory").mkdir()
    (root / "inventory" / "hosts.yml").write_text(INVENTORY)
    return Project(root)
