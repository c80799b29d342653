"""Old ids, dead rows, autovacuum."""

import pytest

from stanchion.checks import Outcome


@pytest.mark.parametrize(
    "age,outcome",
    [
        (200_000_000, Outcome.PASS),
        (239_999_999, Outcome.PASS),
        (240_000_000, Outcome.WARN),
        (1_399_999_999, Outcome.WARN),
        (1_400_000_000, Outcome.FAIL),
    ],
)
def test_transaction_ids(kept, age, outcome):
    kept.rows("databases")[2]["xid_age"] = age
    finding = kept.ask("vacuum.wraparound")
    assert finding.outcome is outcome
    assert finding.summary.startswith("template0: ")
    assert f"{age:,} transactions old" in finding.summary


@pytest.mark.parametrize(
    "age,outcome",
    [(400_000_000, Outcome.PASS), (480_000_000, Outcome.WARN), (1_400_000_000, Outcome.FAIL)],
)
def test_multixact_ids(kept, age, outcome):
    kept.rows("databases")[3]["mxid_age"] = age
    finding = kept.ask("vacuum.multixact")
    assert finding.outcome is outcome
    assert f"{age:,} multixacts old" in finding.summary


@pytest.mark.parametrize("name", ["autovacuum", "track_counts"])
def test_autovacuum_is_off(kept, name):
    kept.setting(name)["setting"] = "off"
    finding = kept.ask("vacuum.autovacuum")
    assert finding.outcome is Outcome.FAIL
    assert finding.summary == f"{name}: is off"


@pytest.mark.parametrize(
    "dead,live,outcome",
    [
        (10_000, 10, Outcome.PASS),
        (10_001, 10_000, Outcome.WARN),
        # Autovacuum begins at 50 rows and a fifth of the table.
        (18_050, 90_000, Outcome.PASS),
        (18_051, 90_000, Outcome.WARN),
        (20_000, 0, Outcome.WARN),
    ],
)
def test_dead_rows(kept, dead, live, outcome):
    kept.rows("dead_tuples").append({"name": "public.m", "dead": dead, "live": live, "vacuum_seconds": None})
    assert kept.ask("vacuum.dead_tuples").outcome is outcome


@pytest.mark.parametrize("ago,says", [(None, "never vacuumed"), (864_000.0, "vacuumed 10 days ago")])
def test_when_it_was_vacuumed(kept, ago, says):
    kept.rows("dead_tuples").append({"name": "public.m", "dead": 30_000, "live": 0, "vacuum_seconds": ago})
    summary = kept.ask("vacuum.dead_tuples").summary
    assert summary == f"public.m: 30,000 of its rows are dead, 100%; {says}"


def test_a_share_that_is_small_is_no_matter_however_early_autovacuum_begins(kept):
    kept.setting("autovacuum_vacuum_scale_factor")["setting"] = "0.01"
    kept.rows("dead_tuples").append(
        {"name": "public.m", "dead": 10_001, "live": 90_010, "vacuum_seconds": None}
    )
    assert kept.ask("vacuum.dead_tuples").outcome is Outcome.PASS
