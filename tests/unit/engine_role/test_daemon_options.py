"""What differs in daemon.json, what is kept, and whether a restart is due."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest
from ansible_collections.stanchion.stack.plugins.modules import daemon_options


def test_only_wanted_keys_count() -> None:
    current = {"live-restore": False, "dns": ["192.0.2.1"]}
    assert daemon_options.differing(current, {"live-restore": True}) == ["live-restore"]
    assert daemon_options.differing(current, {"live-restore": False}) == []
    assert daemon_options.differing({}, {"icc": None}) == ["icc"]


def test_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert daemon_options.read(tmp_path / "daemon.json") == {}


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_broken_file_is_named_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "daemon.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=str(path)):
        daemon_options.read(path)
    assert path.read_text() == text


def test_a_new_file_can_be_read_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "docker" / "daemon.json"
    daemon_options.write(path, {"icc": False})
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.chmod(0o600)
    daemon_options.write(path, {"icc": True})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert daemon_options.read(path) == {"icc": True}
    assert [entry.name for entry in path.parent.iterdir()] == ["daemon.json"]


def test_the_start_of_a_process_is_read_from_proc(tmp_path: Path) -> None:
    pid_file = tmp_path / "docker.pid"
    pid_file.write_text(f"{os.getpid()}\n")
    started = daemon_options.started_at(pid_file)
    assert started is not None
    assert time.time() - 3600 < started <= time.time() + 1


def test_a_file_newer_than_the_engine_is_due(tmp_path: Path) -> None:
    pid_file, path = tmp_path / "docker.pid", tmp_path / "daemon.json"
    pid_file.write_text(str(os.getpid()))
    path.write_text("{}")
    assert daemon_options.is_newer(path, pid_file)
    os.utime(path, (0, 0))
    assert not daemon_options.is_newer(path, pid_file)


def test_without_an_engine_nothing_is_due(tmp_path: Path) -> None:
    path = tmp_path / "daemon.json"
    path.write_text("{}")
    assert not daemon_options.is_newer(path, tmp_path / "docker.pid")
