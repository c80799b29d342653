"""The module that runs the command on its host: what it makes of what the command says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.stanchion.stack.plugins.modules import backup_command


class EndedError(Exception):
    """What exit_json and fail_json become here."""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the module beside a program that ends as it is told; return what the module ended with."""

    def act(
        *verb: str, ends: tuple[int, str, str] = (0, "", ""), check_mode=False, installed=True, denied=""
    ):
        if installed:
            (tmp_path / "stanchion-shop").touch()
        ran: list[Any] = []

        def end(failed):
            def ended(**result):
                raise EndedError({"failed": failed, "ran": ran, **result})

            return ended

        def run_command(argv, **_):
            ran.append(argv[1:])
            return ends

        module = SimpleNamespace(
            params={"stack": "shop", "verb": list(verb), "programs": str(tmp_path), "denied": denied},
            check_mode=check_mode,
            run_command=run_command,
            exit_json=end(False),
            fail_json=end(True),
        )
        monkeypatch.setattr(backup_command, "AnsibleModule", lambda **_: module)
        with pytest.raises(EndedError) as ended:
            backup_command.main()
        return ended.value.args[0]

    return act


def test_the_command_is_asked_for_json_and_its_result_handed_on(run):
    told = run("backup", "--type", "full", ends=(0, '{"outcome": "ok"}\n', ""))
    assert told["ran"] == [["backup", "--type", "full", "--json"]]
    assert told["backups"] == {"verb": "backup", "result": {"outcome": "ok"}}
    assert (told["failed"], told["changed"]) == (False, True)


@pytest.mark.parametrize(
    ("verb", "said", "changed"),
    [
        ("observe", '{"version": 1}', False),
        ("settle", '{"done": []}', False),
        ("settle", '{"done": ["opened repo1"]}', True),
        ("verify", "{}", True),
    ],
)
def test_a_change_is_what_changes_something(run, verb, said, changed):
    assert run(verb, ends=(0, said, ""))["changed"] is changed


@pytest.mark.parametrize(
    ("ends", "reason", "code"),
    [
        ((1, '{"error": "the disk is full", "exit": 1}', "the disk is full\n"), "the disk is full", None),
        ((2, '{"error": "no repo7", "exit": 2}', ""), "no repo7", "configuration"),
        (
            (75, "", "Another job of this stack's backups runs.\n"),
            "Another job of this stack's backups runs.",
            "lock",
        ),
        ((137, "", ""), "backup ended with 137", None),
        ((1, "Traceback …", "ZeroDivisionError"), "ZeroDivisionError", None),
    ],
    ids=["failed", "refused", "busy", "killed", "crashed"],
)
def test_a_failure_says_why_and_how_the_run_ends(run, ends, reason, code):
    told = run("backup", ends=ends)
    assert told["failed"]
    assert told["msg"].endswith(reason)
    assert told["stanchion"] == {"exit": code}


def test_a_server_that_lets_nobody_in_is_told_with_the_key_that_it_has_to_know(run):
    denied = "The server has to let this key in: ssh-ed25519 AAAA"
    said = '{"error": "[101]: public key authentication failed: HINT: …"}'
    told = run("settle", ends=(1, said, ""), denied=denied)
    # Before its own words, which end with five hints.
    assert told["msg"] == f"{denied}. [101]: public key authentication failed: HINT: …"
    other = run("settle", ends=(1, '{"error": "no space left"}', ""), denied=denied)
    assert other["msg"] == "no space left"


def test_a_host_without_the_command_is_a_matter_of_configuration(run):
    told = run("backup", installed=False)
    assert told["failed"]
    assert "deployed without backups" in told["msg"]
    assert told["stanchion"] == {"exit": "configuration"}
    assert told["ran"] == []


def test_a_preview_runs_what_only_reads(run):
    assert run("backup", check_mode=True)["ran"] == []
    assert run("observe", ends=(0, "{}", ""), check_mode=True)["ran"] == [["observe", "--json"]]
