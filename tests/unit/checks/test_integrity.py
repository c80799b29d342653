"""Checksums, durability, invalid indexes."""

import pytest

from stanchion.checks import Outcome


def test_no_checksums(kept):
    kept.rows("server")[0]["checksums"] = 0
    finding = kept.ask("integrity.checksums")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "data checksums are off"


def test_a_page_with_a_wrong_checksum(kept):
    kept.rows("database_stats")[3]["checksum_failures"] = 2
    finding = kept.ask("integrity.checksum_failures")
    assert finding.outcome is Outcome.FAIL
    assert finding.summary == "medication_tracker: 2 reads found a wrong checksum"


def test_without_checksums_no_failure_is_counted(kept):
    for row in kept.rows("database_stats"):
        row["checksum_failures"] = None
    finding = kept.ask("integrity.checksum_failures")
    assert finding.outcome is Outcome.SKIP
    assert "checksums are off" in finding.summary


@pytest.mark.parametrize(
    "name,value",
    [
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("zero_damaged_pages", "on"),
        ("ignore_checksum_failure", "on"),
    ],
)
def test_a_setting_that_costs_data(kept, name, value):
    kept.setting(name)["setting"] = value
    finding = kept.ask("integrity.durability")
    assert finding.outcome is Outcome.FAIL
    assert finding.summary.startswith(f"{name}: is {value}, and has to be")


def test_late_commits_by_hand_fail(kept):
    kept.setting("synchronous_commit")["setting"] = "off"
    finding = kept.ask("integrity.durability")
    assert finding.outcome is Outcome.FAIL
    assert "is declared to be on" in finding.summary


def test_late_commits_on_purpose_warn(kept):
    kept.setting("synchronous_commit")["setting"] = "off"
    kept.declared["postgres"]["settings"]["synchronous_commit"] = "off"
    finding = kept.ask("integrity.durability")
    assert finding.outcome is Outcome.WARN
    assert "as postgres_settings declares" in finding.summary


@pytest.mark.parametrize("value", ["local", "remote_write", "remote_apply"])
def test_commits_that_wait_for_the_own_disk_are_durable(kept, value):
    kept.setting("synchronous_commit")["setting"] = value
    assert kept.ask("integrity.durability").outcome is Outcome.PASS


@pytest.mark.parametrize(
    "line,outcome",
    [
        ("synchronous_commit=off", Outcome.WARN),
        ("zero_damaged_pages=on", Outcome.FAIL),
        ("synchronous_commit=on", Outcome.PASS),
        # As somebody wrote it: the server keeps the word.
        ("synchronous_commit=false", Outcome.WARN),
        ("zero_damaged_pages=false", Outcome.PASS),
    ],
)
def test_a_role_of_its_own_mind(kept, line, outcome):
    kept.rows("roles")[1]["settings"].append(line)
    finding = kept.ask("integrity.durability")
    assert finding.outcome is outcome
    assert outcome is Outcome.PASS or finding.summary.startswith("medication_tracker: has ")


def test_an_invalid_index(kept):
    kept.rows("invalid_indexes").append({"name": "medications_name", "on_table": "medications"})
    finding = kept.ask("integrity.invalid_indexes")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "medications_name: is invalid, on the table medications"
