"""Transactions and queries that take too long."""

import pytest

from stanchion.checks import Outcome


def session(kept, **changed):
    row = kept.rows("activity")[0]
    row.update(changed)
    return row


@pytest.mark.parametrize("state", ["idle in transaction", "idle in transaction (aborted)"])
def test_an_idle_transaction(kept, state):
    session(kept, state=state, state_seconds=16.0)
    finding = kept.ask("transaction.idle")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == ("backend-2 (pid 66, role medication_tracker): idle in a transaction for 16 s")


@pytest.mark.parametrize("state,age", [("idle in transaction", 15.0), ("idle", 9000.0), (None, 9000.0)])
def test_one_that_is_not_idle_for_long(kept, state, age):
    session(kept, state=state, state_seconds=age)
    assert kept.ask("transaction.idle").outcome is Outcome.PASS


@pytest.mark.parametrize("settings", [[], ["idle_in_transaction_session_timeout=0"]])
def test_no_limit_for_idle_transactions(kept, settings):
    kept.rows("roles")[1]["settings"] = settings
    finding = kept.ask("transaction.idle")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "medication_tracker: has no idle_in_transaction_session_timeout"


def test_a_long_transaction(kept):
    session(kept, state="active", command="SELECT", transaction_seconds=601.0)
    finding = kept.ask("transaction.longest")
    assert finding.outcome is Outcome.WARN
    assert finding.summary.endswith("running SELECT, in a transaction for 10 min")


def test_a_short_transaction(kept):
    session(kept, state="active", transaction_seconds=12.0)
    finding = kept.ask("transaction.longest")
    assert finding.outcome is Outcome.PASS
    assert finding.summary == "12 s at most, 1 open"


@pytest.mark.parametrize(
    "state,age,outcome",
    [
        ("active", 301.0, Outcome.WARN),
        ("active", 300.0, Outcome.PASS),
        ("idle", 9000.0, Outcome.PASS),
    ],
)
def test_a_long_query(kept, state, age, outcome):
    session(kept, application="", state=state, command="SELECT", query_seconds=age)
    finding = kept.ask("transaction.query")
    assert finding.outcome is outcome
    if outcome is Outcome.WARN:
        assert finding.summary.startswith("a session without a name (pid 66, ")


def test_a_prepared_transaction(kept):
    kept.rows("prepared").append({"gid": "x1", "owner": "app", "database": "shop", "seconds": 7300.0})
    finding = kept.ask("transaction.prepared")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "x1 in shop: prepared by app 2 h ago"


def test_one_that_is_just_being_committed(kept):
    kept.rows("prepared").append({"gid": "x1", "owner": "app", "database": "shop", "seconds": 0.4})
    assert kept.ask("transaction.prepared").outcome is Outcome.PASS


@pytest.mark.parametrize("settings", [[], ["statement_timeout=0"], ["lock_timeout=10s"]])
def test_statements_without_a_limit(kept, settings):
    kept.rows("roles")[1]["settings"] = settings
    finding = kept.ask("transaction.statement_timeout")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "medication_tracker: has no statement_timeout"


def test_the_limit_is_told(kept):
    kept.rows("roles")[1]["settings"] = ["statement_timeout=1min"]
    assert kept.ask("transaction.statement_timeout").summary == "medication_tracker: 60 s"


@pytest.mark.parametrize("slug", ["transaction.statement_timeout", "transaction.idle"])
def test_no_role_is_an_error(kept, slug):
    del kept.rows("roles")[1]
    finding = kept.ask(slug)
    assert finding.outcome is Outcome.ERROR
    assert "no role medication_tracker" in finding.summary
