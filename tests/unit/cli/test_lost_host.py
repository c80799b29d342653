"""What outlives a host, and its return on another: what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanchion import cli
from stanchion.engine import Request
from stanchion.secret_names import is_secret_like


@pytest.mark.usefixtures("inventory_read_once")
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--restore-from", "repo2"], "Shut it off, then say --old-host-is-fenced medication-tracker."),
        (["--restore-from", "repo2", "--no-input"], "nobody can answer here"),
        (["--restore-from", "repo2", "--old-host-is-fenced", "medication-trucker"], "Nothing was restored."),
        (["--restore-from", "repo3"], "repo3"),
        (["--old-host-is-fenced", "medication-tracker"], "goes with --restore-from only"),
        (["--restore-timeline", "2"], "--restore-timeline goes with --restore-from only"),
    ],
)
def test_a_restore_onto_another_host_wants_the_word(
    capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    assert cli.run(["deploy", *arguments]) == 2
    assert reason in " ".join(capsys.readouterr().err.split())


@pytest.mark.usefixtures("inventory_read_once")
def test_the_word_goes_to_the_playbook(monkeypatch: pytest.MonkeyPatch) -> None:
    from stanchion.cli import session

    asked: list[Request] = []

    def perform(opened: session.Session) -> None:
        asked.append(opened.request)
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "perform", perform)
    words = ["--restore-from", "repo2", "--old-host-is-fenced", "medication-tracker"]
    cli.run(["deploy", *words, "--restore-timeline", "3"])
    assert asked[0].variables["stack_restore_from"] == "repo2"
    assert asked[0].variables["stack_old_host_is_fenced"] == "medication-tracker"
    assert asked[0].variables["stack_restore_timeline"] == 3


def test_an_export_writes_over_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    there = tmp_path / "vault.yml"
    there.write_text("mine")
    assert cli.run(["secrets", "export", "--to", str(there)]) == 2
    assert "is not written over" in capsys.readouterr().err
    assert there.read_text() == "mine"


def test_an_export_wants_a_folder_that_is_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.run(["secrets", "export", "--to", str(tmp_path / "none" / "vault.yml")]) == 2
    assert "there is no such folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    [
        "backup_passphrase",
        "backup_offsite_passphrase",
        "backup_sftp_private_key",
        "backup_s3_access_key",
        "backup_s3_secret_key",
    ],
)
def test_each_secret_of_the_backups_is_known_for_one(name: str) -> None:
    """On the command line they are refused, in environments and logs hidden."""
    assert is_secret_like(name)
