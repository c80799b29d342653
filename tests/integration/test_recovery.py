"""The watch after what the scenario did to what it watches: its files, its record, and everything running."""

from __future__ import annotations

import json

import pytest
from testinfra.host import Host

STACK = "recovery-scenario"
FOLDER = f"/var/lib/stanchion/{STACK}/recovery"


@pytest.fixture
def every_record(host: Host) -> list[dict]:
    return [json.loads(line) for line in host.check_output(f"cat {FOLDER}/recovery.jsonl").splitlines()]


@pytest.fixture
def record(every_record: list[dict]) -> list[dict]:
    """What the watch did."""
    return [each for each in every_record if each["by"] == "watch"]


def test_the_verb_has_left_its_record_too(every_record: list[dict]) -> None:
    done = [each for each in every_record if each["by"] == "recover"]
    assert [(each["remedy"], each["of"], each["outcome"]) for each in done] == [
        ("attach_network", f"{STACK}-db on {STACK}_app_network", "done"),
        ("start_backend", f"{STACK}-backend-2", "done"),
    ]


def test_everything_runs(host: Host) -> None:
    states = host.check_output(
        f"docker ps --all --filter label=io.stanchion.stack={STACK} --format '{{{{.Names}}}} {{{{.State}}}}'"
    ).splitlines()
    assert sorted(states) == [f"{STACK}-{name} running" for name in ("backend-1", "backend-2", "db")]


def test_cron_runs_it(host: Host) -> None:
    table = host.file(f"/etc/cron.d/stanchion-{STACK}-recovery")
    assert (table.user, table.mode) == ("root", 0o644)
    assert f"* * * * * root /usr/bin/python3 {FOLDER}/watch.pyz\n" in table.content_string
    assert host.service("cron").is_running


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("", 0o700),
        ("watch.pyz", 0o600),
        ("settings.json", 0o600),
        ("on_failure", 0o700),
        ("recovery.jsonl", 0o600),
    ],
)
def test_its_files_are_roots(host: Host, name: str, mode: int) -> None:
    file = host.file(f"{FOLDER}/{name}")
    assert (file.user, file.mode) == ("root", mode)


def test_it_did_what_was_to_be_done_and_nothing_else(record: list[dict]) -> None:
    assert [(each["remedy"], each["of"], each["outcome"]) for each in record] == [
        ("restart_backend", f"{STACK}-backend-1", "refused"),
        ("restart_backend", f"{STACK}-backend-1", "done"),
        ("start_backend", f"{STACK}-backend-2", "done"),
        ("restart_database", f"{STACK}-db", "done"),
    ]
    assert {each["by"] for each in record} == {"watch"}


def test_why_is_on_record(record: list[dict]) -> None:
    refused, restarted, started, database = (each["why"] for each in record)
    assert "the host's lock is held by" in refused
    assert "gives no answer of any kind" in restarted
    assert "could not be started by the engine" in started
    assert "answers no connection" in database


def test_nobody_was_told_of_what_went_well(host: Host) -> None:
    assert not host.file("/var/tmp/recovery-scenario-failures").exists


def test_the_database_keeps_its_patience(host: Host) -> None:
    settings = json.loads(host.check_output(f"cat {FOLDER}/settings.json"))
    assert (settings["database_patience"], settings["backend_patience"]) == (600, 5)


def test_a_look_tells_how_everything_is_judged(host: Host) -> None:
    told = json.loads(host.check_output(f"python3 {FOLDER}/watch.pyz --look"))
    assert told["gives_way"] == ""
    assert {each["state"] for each in told["containers"].values()} == {"alive"}
