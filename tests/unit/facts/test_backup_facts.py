"""The source `backup`: what the command on the host says, and why it says nothing."""

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils import _facts_backup
from ansible_collections.stanchion.stack.plugins.module_utils._facts_sources import UnreadableError


@pytest.fixture
def program(tmp_path):
    def write(script):
        path = tmp_path / "stanchion-s"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return write


def test_what_it_says(program, tmp_path):
    program('echo "{\\"said\\": \\"$*\\"}"')
    facts = _facts_backup.backup_facts("s", 5.0, tmp_path)
    assert facts["installed"]
    assert facts["observed"] == {"said": "observe --without-windows --within 1.5"}


def test_none_installed_is_an_answer(tmp_path):
    facts = _facts_backup.backup_facts("s", 5.0, tmp_path)
    assert facts == {"program": str(tmp_path / "stanchion-s"), "installed": False, "observed": None}


@pytest.mark.parametrize(
    "script,says",
    [
        (
            "echo began >&2; echo 'settings.json cannot be read' >&2; exit 2",
            "2: settings.json cannot be read",
        ),
        ("exit 1", "ended with 1: it said nothing"),
        ("echo no", "printed no JSON"),
        ("exec sleep 10", "did not answer within 0.3 s"),
    ],
)
def test_why_it_says_nothing(program, tmp_path, script, says):
    program(script)
    with pytest.raises(UnreadableError, match=says):
        _facts_backup.backup_facts("s", 0.3, tmp_path)
