"""restore and backups: what is refused before anything starts, and what people read at the end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from samples import DATABASE, deployed, host, screen

from stanchion import cli
from stanchion.cli import session
from stanchion.cli.restore import Asked
from stanchion.engine import Request
from stanchion.report import next_steps
from stanchion.report.model import Backups, VolumeRecord
from stanchion.run.recording import Recording

ROOT = Path(__file__).resolve().parents[3]
NOTHING: dict[str, Any] = {
    "to": None,
    "source": None,
    "timeline": None,
    "label": None,
    "deep": False,
    "replace": None,
    "resume": False,
    "rollback": False,
    "discard_writes": None,
    "drop": None,
    "drop_volume": None,
}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "nothing was asked for"),
        (["--to", "latest", "--resume"], "--to and --resume do not go together"),
        (["--drop", "a", "--drop-volume", "b"], "do not go together"),
        (["--resume", "--timeline", "2"], "go with --to only"),
        (["--rollback", "--replace", "demo"], "go with --to only"),
        (["--to", "latest", "--discard-writes", "x"], "goes with --rollback only"),
        (["--to", "latest", "--timeline", "0"], "timeline"),
    ],
)
def test_what_does_not_go_together(
    capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    assert cli.run(["restore", *arguments]) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.usefixtures("inventory_read_once")
def test_another_stacks_name_is_refused_before_anything(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["restore", "--to", "latest", "--replace", "medication-trucker", "--no-input"]) == 2
    assert "medication-tracker" in capsys.readouterr().err


@pytest.mark.usefixtures("inventory_read_once")
def test_what_the_checks_see_after_a_replacement_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened = []
    monkeypatch.setenv("STANCHION_STATE", str(tmp_path))
    monkeypatch.setattr(session, "perform", opened.append)
    monkeypatch.setattr(session, "finish", lambda _result, _options: 0)
    words = ["--to", "latest", "--replace", "medication-tracker", "--no-input"]
    assert cli.run(["restore", "-i", str(ROOT / "inventory" / "local"), *words]) == 0
    folder = Path(opened[0].request.variables["validation_facts_dir"])
    assert folder.is_relative_to(tmp_path)


def test_the_hosts_command_gets_each_value_as_one_word() -> None:
    asked = Asked(**{**NOTHING, "to": "2026-11-25 12:00:00+00", "timeline": 2, "deep": True})
    assert asked.arguments() == ["restore", "--to=2026-11-25 12:00:00+00", "--timeline=2", "--deep"]
    assert not asked.replaces
    assert Asked(**{**NOTHING, "rollback": True}).replaces


def test_the_list_tells_sets_with_their_proof_windows_and_what_may_be_dropped() -> None:
    now = time.time()
    each = {"type": "full", "stopped": now - 60, "size": 31_442_166, "stored": 3_776_944, "timeline": 1}
    facts = {
        "repositories": [
            {
                "key": 1,
                "where": "demo-backup",
                "message": "",
                "sets": [
                    {**each, "label": "A", "error": False},
                    {**each, "label": "B", "error": False},
                    {**each, "label": "C", "error": True},
                    {**each, "label": "D", "error": False},
                ],
            },
            {"key": 2, "where": "sftp://there", "message": "no answer", "sets": []},
        ],
        "windows": [
            {"repo": "repo1", "timeline": 1, "live": True, "from": 1795629178, "to": 1795629481, "note": ""},
            {
                "repo": "repo1",
                "timeline": 2,
                "live": False,
                "from": 0,
                "to": 1,
                "note": "WAL segment X is missing",
            },
            {"repo": "repo2", "error": "no answer either"},
        ],
        "drills": {"coverage": {"repo1": {"proved": 1, "kept": 3, "labels": ["A"]}}},
        "copies": [
            {"name": "demo-restore-1", "kind": "copy", "created": 1795629178},
            {"name": "demo-pgdata", "kind": "replaced", "created": 1795629178},
        ],
        "restore": {"says": "A restore is not finished."},
        "abandoned": {"repo1": ["A", "D"]},
    }
    seen = screen(
        deployed(verb="backups", hosts=[], backups=[Backups(host="one", verb="observe", result=facts)])
    )
    rows = {line.split()[1]: line for line in seen.splitlines() if line.startswith("repo1")}
    assert rows["A"].rstrip().endswith("proved")
    assert rows["B"].rstrip().endswith("not proved yet")
    assert rows["C"].rstrip().endswith("damaged pages")
    assert rows["D"].rstrip().endswith("on a timeline that was left")
    assert "30.0 MB" in rows["A"], "in the same units as `backup` and `drill`"
    assert "2026-11-25 17:52:58+00" in rows["1"]
    assert "--timeline 2, WAL segment X is missing" in rows["2"]
    for told in (
        "repo2 (sftp://there): no answer",
        "repo2: no answer either",
        "restore --drop demo-restore-1",
        "restore --drop-volume demo-pgdata",
        "A restore is not finished.",
    ):
        assert told in seen


def test_a_copy_is_told_with_how_to_look_into_it_and_a_schema_that_is_older() -> None:
    record = {
        "repo": "repo1",
        "target": {"kind": "time", "value": "2026-11-25 12:00:00+00"},
        "set": {"label": "A", "type": "full"},
        "recovery": {"stopped": "before commit of transaction 742", "last_transaction": "t"},
        "migration": {"copy": ["0001"], "live": ["0002"]},
        "phases": {"restore": 1.0},
        "copy": {"container": "demo-restore-1"},
        "database": "demo",
    }
    seen = screen(
        deployed(verb="restore", hosts=[], backups=[Backups(host="one", verb="restore", result=record)])
    )
    assert "docker exec -it demo-restore-1 psql -U postgres -d demo" in seen
    assert "before commit of transaction 742" in seen
    assert "its migration head is 0001; live it is 0002" in seen


def test_a_lost_hosts_database_is_told_with_what_came_back_and_what_did_not() -> None:
    record = {"repo": "repo2", "label": "A", "timeline": 3, "last_transaction": "2026-11-25 18:17:04+00"}
    for result, told in ((record, True), ({"done": []}, False)):
        seen = screen(deployed(backups=[Backups(host="one", verb="bare-metal", result=result)]))
        assert ("restored  one, from repo2 with A, onto timeline 3" in seen) == told
        assert ("newest    transaction of 2026-11-25 18:17:04+00" in seen) == told
        assert ("lost      what was committed after that" in seen) == told


def test_the_next_step_after_a_copy_is_to_drop_it(tmp_path: Path) -> None:
    told = {"verb": "restore", "result": {"copy": {"container": "demo-restore-1"}}}
    request = Request(
        root=tmp_path, inventory=tmp_path / "inventory/local", playbook="restore.yml", variables={}
    )
    steps = next_steps.of("restore", "done", request, [], Recording(backups=[("one", told)]))
    assert [step.partition(" restore ")[2] for step in steps] == ["--drop demo-restore-1"]
    assert next_steps.of("drill", "done", request, [], Recording(backups=[("one", {"result": {}})])) == []


def test_status_names_the_volume_that_a_restore_has_replaced() -> None:
    record = VolumeRecord(
        volume="new", state="active", system_identifier="7", timeline=2, replaced=["demo-pgdata"]
    )
    assert "kept      volume demo-pgdata on one" in screen(
        deployed(hosts=[host(DATABASE, volume_record=record)])
    )
