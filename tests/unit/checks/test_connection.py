"""Connections: how many are left, for whom, and whether the application gets one."""

import pytest

from stanchion.checks import Outcome

B1 = "medication-tracker-backend-1"


def fill(kept, used):
    """Let so many connections be in use, the look's own among them."""
    rows = kept.rows("activity")
    rows[:] = [rows[0]] * (used - 1)


@pytest.mark.parametrize(
    "used,outcome,says",
    [
        (111, Outcome.PASS, "111 of 139 connections in use, 80 %"),
        (112, Outcome.WARN, "112 of 139 connections in use, 81 %"),
        (132, Outcome.WARN, "95 %"),
        (133, Outcome.FAIL, "96 %"),
    ],
)
def test_two_thresholds(kept, used, outcome, says):
    fill(kept, used)
    finding = kept.ask("connection.usage")
    assert finding.outcome is outcome
    assert says in finding.summary


@pytest.mark.parametrize("name", ["reserved_connections", "superuser_reserved_connections"])
def test_nothing_is_reserved(kept, name):
    kept.setting(name)["setting"] = "0"
    finding = kept.ask("connection.reserve")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == f"{name} is 0"


@pytest.mark.parametrize("used,outcome", [(131, Outcome.PASS), (132, Outcome.WARN)])
def test_the_reserve_is_in_use(kept, used, outcome):
    fill(kept, used)
    finding = kept.ask("connection.reserve")
    assert finding.outcome is outcome
    if outcome is Outcome.WARN:
        assert finding.summary == "7 of 139 connections are free, less than the 8 kept in reserve"


class TestFromBackend:
    def test_it_is_refused(self, kept):
        query = kept.facts["inside"]["entries"][B1]["query"]
        query.update(ok=False, error='could not translate host name "db" to address', seconds=0.1)
        finding = kept.ask("connection.from_backend")
        assert finding.outcome is Outcome.FAIL
        assert "could not translate host name" in finding.summary

    def test_it_takes_too_long(self, kept):
        kept.facts["inside"]["entries"][B1]["query"]["seconds"] = 1.4
        finding = kept.ask("connection.from_backend")
        assert finding.outcome is Outcome.FAIL
        assert "takes 1.40 s, more than 1 s" in finding.summary

    def test_nobody_could_ask(self, kept):
        kept.facts["inside"]["entries"][B1] = {"ok": False, "error": "setns refused"}
        finding = kept.ask("connection.from_backend")
        assert finding.outcome is Outcome.ERROR
        assert finding.summary == f"{B1}: setns refused"

    def test_no_backend_runs(self, kept):
        kept.facts["inside"]["entries"] = {}
        assert kept.ask("connection.from_backend").outcome is Outcome.ERROR

    @pytest.mark.parametrize(
        "reason,outcome",
        [
            ("its environment has no DATABASE_URL", Outcome.SKIP),
            ("the host has no psycopg2 (Debian: python3-psycopg2)", Outcome.ERROR),
        ],
    )
    def test_nothing_was_asked(self, kept, reason, outcome):
        for entry in kept.facts["inside"]["entries"].values():
            entry["query"] = {"asked": False, "reason": reason}
        finding = kept.ask("connection.from_backend")
        assert finding.outcome is outcome
        assert finding.summary == reason


@pytest.mark.parametrize(
    "limit,says",
    [(-1, "has no connection limit, and its pools need 121"), (120, "may open 120 connections")],
)
def test_the_role_has_a_limit_that_fits(kept, limit, says):
    kept.rows("roles")[1]["connection_limit"] = limit
    finding = kept.ask("connection.role_limit")
    assert finding.outcome is Outcome.WARN
    assert says in finding.summary


def test_there_is_no_such_role(kept):
    del kept.rows("roles")[1]
    for slug in ("connection.role_limit", "auth.superuser"):
        assert kept.ask(slug).summary == "medication_tracker: does not exist"
