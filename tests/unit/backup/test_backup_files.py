"""Files that are replaced as a whole."""

import pytest
from stanchion_backup.host import files


def test_a_file_that_cannot_be_replaced_stays_and_leaves_no_draft(tmp_path, monkeypatch):
    path = tmp_path / "whole"
    files.replace(path, "old")

    def full(_):
        raise OSError("No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.replace(path, "new")
    assert (path.read_text(), [each.name for each in tmp_path.iterdir()]) == ("old", ["whole"])
