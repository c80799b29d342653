"""What is kept of past runs, and the estimate it gives."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from samples import STARTED

from stanchion.report import history
from stanchion.run import records


def record(**more: object) -> dict[str, object]:
    return {"verb": "deploy", "inventory": "a", "check": False, "exit_code": 0, "tasks": 10} | more


def test_records_are_private_and_in_order(tmp_path: Path) -> None:
    records.append(tmp_path, record(tasks=1))
    records.append(tmp_path, record(tasks=2))
    assert [line["tasks"] for line in records.read(tmp_path)] == [1, 2]
    assert stat.S_IMODE((tmp_path / records.NAME).stat().st_mode) == 0o600


def test_a_cut_line_hurts_no_other(tmp_path: Path) -> None:
    records.append(tmp_path, record())
    with (tmp_path / records.NAME).open("a") as file:
        file.write('{"verb": "dep\n5\n')
    records.append(tmp_path, record())
    assert len(records.read(tmp_path)) == 2


def test_a_run_of_another_version_hides_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    kept = {
        **record(changes=0, id="20261124T174000Z-deploy-abc123", version="0.1.0", status="deployed"),
        "user": "me",
        "controller": "desk",
        "directory": "/",
        "limit": None,
        "seconds": 1.0,
        "started": STARTED.isoformat(),
    }
    history.write([kept, {**kept, "novel": 1}, {"verb": "deploy"}], "json", None)
    out, err = capsys.readouterr()
    assert len(json.loads(out)["runs"]) == 1
    assert err == "2 runs of another version left out.\n"


def test_the_estimate_is_the_last_good_run_of_the_same_kind(tmp_path: Path) -> None:
    for line in (
        record(tasks=10),
        record(tasks=20),
        record(tasks=3, exit_code=5),
        record(tasks=4, check=True),
        record(tasks=5, inventory="b"),
        record(tasks=6, verb="status"),
    ):
        records.append(tmp_path, line)
    assert records.expected_tasks(tmp_path, "deploy", "a", False) == 20
    assert records.expected_tasks(tmp_path, "destroy", "a", False) is None


def test_no_records(tmp_path: Path) -> None:
    assert records.read(tmp_path / "none") == []
