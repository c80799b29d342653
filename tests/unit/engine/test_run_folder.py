"""The private folder of a run, and how many stay."""

from __future__ import annotations

import json
import os
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stanchion.errors import ConfigurationError
from stanchion.run.folder import RESULT, RunFolder, kept_runs, prune
from stanchion.run.paths import find_root, state_folder

MOMENT = datetime(2026, 11, 24, 17, 40, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return state_folder(tmp_path, {})


def test_the_name_tells_when_and_what(state: Path) -> None:
    folder = RunFolder.create(state, "deploy", MOMENT)
    assert folder.path.parent == state / "runs"
    assert folder.path.name.startswith("20261124T174000Z-deploy-")
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_two_runs_of_one_second_have_two_folders(state: Path) -> None:
    assert RunFolder.create(state, "deploy", MOMENT).path != RunFolder.create(state, "deploy", MOMENT).path


def test_variables_are_private_and_vanish(state: Path) -> None:
    folder = RunFolder.create(state, "deploy", MOMENT)
    with folder.variables_file({"day": MOMENT.date(), "n": 1}) as path:
        assert path is not None
        assert json.loads(path.read_text()) == {"day": "2026-11-24", "n": 1}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


NAMES = [f"2026112{day}T000000Z-deploy-000000" for day in range(5)]


def test_the_newest_stay(state: Path) -> None:
    for name in NAMES:
        (state / "runs" / name).mkdir()
        (state / "runs" / name / RESULT).touch()
    prune(state, 2)
    assert sorted(path.name for path in (state / "runs").iterdir()) == NAMES[-2:]


def test_a_run_without_a_result_may_still_be_under_way(state: Path) -> None:
    for name in NAMES:
        (state / "runs" / name).mkdir()
    yesterday = time.time() - 25 * 3600
    os.utime(state / "runs" / NAMES[1], (yesterday, yesterday))
    prune(state, 2)
    assert sorted(path.name for path in (state / "runs").iterdir()) == [NAMES[0], *NAMES[2:]]


def test_pruning_fewer_than_there_may_be_removes_none(state: Path) -> None:
    RunFolder.create(state, "deploy", MOMENT)
    prune(state, 20)
    assert len(list((state / "runs").iterdir())) == 1


@pytest.mark.parametrize("value", ["0", "-1", "many", ""])
def test_a_senseless_number_of_runs_is_refused(value: str) -> None:
    with pytest.raises(ConfigurationError, match="STANCHION_KEEP_RUNS"):
        kept_runs({"STANCHION_KEEP_RUNS": value})


def test_the_number_of_runs_can_be_set() -> None:
    assert (kept_runs({}), kept_runs({"STANCHION_KEEP_RUNS": "3"})) == (20, 3)


def test_the_state_folder_can_be_named(tmp_path: Path) -> None:
    named = tmp_path / "somewhere" / "else"
    assert state_folder(tmp_path, {"STANCHION_STATE": str(named)}) == named
    assert stat.S_IMODE(named.stat().st_mode) == 0o700


def test_a_state_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="STANCHION_STATE"):
        state_folder(tmp_path, {"STANCHION_STATE": str(tmp_path / "file" / "below")})


def test_the_root_is_beside_the_package_or_above_the_current_folder(tmp_path: Path) -> None:
    clone, elsewhere = tmp_path / "clone", tmp_path / "elsewhere"
    (clone / "playbooks").mkdir(parents=True)
    (clone / "playbooks" / "deploy.yml").write_text("")
    (clone / "deep" / "down").mkdir(parents=True)
    elsewhere.mkdir()
    assert find_root(clone / "stanchion", elsewhere) == clone
    assert find_root(elsewhere / "stanchion", clone / "deep" / "down") == clone
    with pytest.raises(ConfigurationError, match=r"playbooks/deploy\.yml"):
        find_root(elsewhere / "stanchion", elsewhere)
