"""Files that are replaced as a whole, and locks."""

import fcntl
import os
import stat
import threading
import time

import pytest
from stanchion_host import files


def test_a_file_that_cannot_be_replaced_stays_and_leaves_no_draft(tmp_path, monkeypatch):
    path = tmp_path / "whole"
    files.replace(path, "old")

    def full(_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.replace(path, "new")
    assert (path.read_text(), [each.name for each in tmp_path.iterdir()]) == ("old", ["whole"])


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_is_for_whom_it_is_said(tmp_path, mode):
    files.replace(tmp_path / "whole", "text", mode)
    assert stat.S_IMODE((tmp_path / "whole").stat().st_mode) == mode


def test_a_lock_is_held_by_one(tmp_path):
    lock = tmp_path / "lock"
    with files.alone(lock) as mine:
        assert mine
        began = time.monotonic()
        with files.alone(lock, 0.2) as other:
            assert not other
        assert time.monotonic() - began >= 0.2
    with files.alone(lock) as again:
        assert again


def test_a_lock_that_is_given_back_meanwhile_is_taken(tmp_path):
    lock = tmp_path / "lock"
    with lock.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        later = threading.Timer(0.2, lambda: fcntl.flock(other, fcntl.LOCK_UN))
        later.start()
        with files.alone(lock, 10) as mine:
            assert mine
        later.join()


def test_what_fails_under_a_lock_is_told(tmp_path):
    with pytest.raises(ValueError, match="so it is"), files.alone(tmp_path / "lock"):
        raise ValueError("so it is")
