"""In which order things came up. The recorded database took connections at 14:13:58."""

import pytest

from stanchion.checks import Outcome

BEFORE, SOON, LATER = "2026-11-25T14:13:50Z", "2026-11-25T14:14:10Z", "2026-11-25T14:24:10Z"


@pytest.mark.parametrize(
    "changed,outcome",
    [
        ({"started_at": BEFORE}, Outcome.PASS),
        ({"started_at": BEFORE, "health": "unhealthy"}, Outcome.WARN),
        ({"started_at": BEFORE, "health": "starting"}, Outcome.WARN),
        ({"started_at": BEFORE, "state": "exited"}, Outcome.WARN),
        ({"started_at": SOON, "restart_count": 4}, Outcome.WARN),
        ({"started_at": BEFORE, "restart_count": 1}, Outcome.WARN),
        # What befell it later has other causes.
        ({"started_at": LATER, "restart_count": 4}, Outcome.PASS),
        ({"started_at": LATER, "health": "unhealthy"}, Outcome.PASS),
        ({"started_at": None, "state": "created"}, Outcome.PASS),
    ],
)
def test_who_did_not_get_over_it(kept, changed, outcome):
    kept.container("backend-2").update(changed)
    assert kept.ask("order.observed").outcome is outcome


def test_it_tells_when_and_how(kept):
    kept.container("backend-2").update(started_at=BEFORE, health="unhealthy")
    assert "backend-2: started 8.2 s before the database took connections, and is unhealthy" in (
        kept.ask("order.observed").summary
    )
    kept.container("backend-2").update(started_at=SOON, health="healthy", restart_count=2)
    assert (
        "11.8 s after the database took connections, restarted 2 times" in kept.ask("order.observed").summary
    )


def test_the_order_is_told_where_all_is_well(kept):
    told = [seen.of for seen in kept.ask("order.observed").evidence]
    assert told == [f"medication-tracker-{name}" for name in ("db", "backend-1", "backend-2")]


class TestNotReady:
    @pytest.fixture(autouse=True)
    def no_line(self, kept):
        kept.facts["ready"]["entries"]["medication-tracker-db"] = None

    def test_the_line_has_left_the_log(self, kept):
        assert kept.ask("order.observed").outcome is Outcome.SKIP

    def test_it_takes_none_yet(self, kept):
        kept.container("db")["health"] = "starting"
        assert kept.ask("order.observed").summary == "the database has not taken connections yet"

    def test_it_does_not_run(self, kept):
        kept.container("db")["state"] = "exited"
        assert kept.ask("order.observed").summary == "medication-tracker-db is exited"


def test_a_host_with_the_database_only(kept):
    del kept.declared["backend"]
    assert kept.ask("order.observed").outcome is Outcome.SKIP
