"""How containers are held: each check on what is declared and on what runs."""

import pytest

from stanchion.checks import Outcome, Phase


def test_no_memory_limit(kept):
    kept.container("backend-2")["limits"]["memory"] = None
    finding = kept.ask("container.memory_limit")
    assert finding.outcome is Outcome.WARN
    assert finding.summary == "medication-tracker-backend-2: has no memory limit"


def test_no_memory_limit_declared(kept):
    kept.definition("db")["memory"] = None
    assert kept.ask("container.memory_limit", Phase.PREFLIGHT).outcome is Outcome.WARN


@pytest.mark.parametrize(
    "key,value,says",
    [
        ("stop_signal", "SIGTERM", "stopped by SIGTERM"),
        ("stop_timeout", 10, "10 s to stop"),
        ("stop_timeout", None, "10 s"),
    ],
)
def test_the_database_is_stopped_too_hard(kept, key, value, says):
    kept.container("db")[key] = value
    finding = kept.ask("container.stop")
    assert finding.outcome is Outcome.FAIL
    assert says in finding.summary
