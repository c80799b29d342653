"""What a host lacks."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.stanchion.stack.plugins.modules.host_tools import missing


def test_only_what_is_not_there_is_named(tmp_path: Path) -> None:
    absent = str(tmp_path / "nothing")
    found = missing(["sh", "no-such-command"], ["json", "no_such_library"], [str(tmp_path), absent])
    assert found == ["no-such-command", "no_such_library", absent]
