"""Where the controller lacks the package, one line says what to install."""

import importlib

import pytest
from ansible.errors import AnsibleError
from ansible_collections.stanchion.stack.plugins.plugin_utils import _package


def test_a_part_of_the_package():
    assert _package.part("lock").identity


@pytest.mark.parametrize("missing", ["stanchion", "yaml"])
def test_missing_package(monkeypatch, missing):
    def absent(name):
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(AnsibleError) as caught:
        _package.part("lock")
    assert f"needs the Python package {missing!r}" in str(caught.value)
    assert "make venv" in str(caught.value)
    assert "\n" not in str(caught.value)
