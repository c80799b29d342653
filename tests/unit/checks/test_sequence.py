"""How much of a sequence is used."""

import pytest

from stanchion.checks import Outcome


@pytest.mark.parametrize(
    "last,outcome",
    [(84, Outcome.PASS), (85, Outcome.WARN), (94, Outcome.WARN), (95, Outcome.FAIL), (100, Outcome.FAIL)],
)
def test_a_used_up_sequence(kept, last, outcome):
    kept.rows("sequences").extend(
        [{"name": "a_id_seq", "last": 1, "most": 100}, {"name": "b_id_seq", "last": last, "most": 100}]
    )
    finding = kept.ask("sequence.used")
    assert finding.outcome is outcome
    assert finding.summary.startswith(f"b_id_seq: {last}.0% used")
