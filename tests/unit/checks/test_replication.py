"""Slots without a reader, and what they keep."""

import pytest

from stanchion.checks import Outcome

SLOT = {
    "name": "standby",
    "type": "physical",
    "active": True,
    "wal_status": "reserved",
    "retained": 0,
    "inactive_seconds": None,
}


@pytest.mark.parametrize(
    "active,since,outcome",
    [(True, None, "pass"), (False, 60.0, "pass"), (False, 61.0, "fail"), (False, None, "fail")],
)
def test_a_slot_without_a_reader(kept, active, since, outcome):
    kept.rows("slots").append({**SLOT, "active": active, "inactive_seconds": since})
    finding = kept.ask("replication.inactive_slots")
    assert finding.outcome == outcome
    assert outcome == "pass" or finding.summary.startswith("standby: has no reader; the last left")


def test_what_a_slot_keeps(kept):
    total = kept.facts["volumes"]["entries"][0]["content"]["total"]
    kept.rows("slots").append({**SLOT, "retained": total // 10})
    assert kept.ask("replication.retained").outcome is Outcome.PASS
    kept.rows("slots")[0]["retained"] = total // 10 + 1024
    finding = kept.ask("replication.retained")
    assert finding.outcome is Outcome.FAIL
    assert finding.summary.endswith("of log, 10.0% of the volume")


@pytest.mark.parametrize(
    "status,says", [("unreserved", "is about to be removed"), ("lost", "is lost"), ("extended", None)]
)
def test_log_that_a_slot_has_lost(kept, status, says):
    kept.rows("slots").append({**SLOT, "wal_status": status, "retained": None})
    finding = kept.ask("replication.retained")
    assert finding.outcome is (Outcome.FAIL if says else Outcome.PASS)
    assert not says or says in finding.summary


def test_no_end_to_what_slots_keep(kept):
    kept.setting("max_slot_wal_keep_size")["setting"] = "-1"
    finding = kept.ask("replication.retained")
    assert finding.outcome is Outcome.WARN
    assert finding.summary.startswith("max_slot_wal_keep_size: is -1")


def test_a_volume_that_nobody_sees_is_an_error(kept):
    content = kept.facts["volumes"]["entries"][0]["content"]
    content.update(readable=False, error="permission denied")
    assert "permission denied" in kept.ask("replication.retained").summary
    kept.facts["volumes"]["entries"] = []
    finding = kept.ask("replication.retained")
    assert finding.outcome is Outcome.ERROR
    assert finding.summary.startswith("there is no volume medication-tracker-pgdata")
