"""Cron expressions: the longest time between two moments, and what cron would not take."""

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.stanchion.stack.plugins.filter.cron import cron_periods

from stanchion.contract.schedule import period

HOUR, DAY = 3600, 86400


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        ("* * * * *", 60),
        ("*/7 * * * *", 7 * 60),
        ("17 * * * *", HOUR),
        ("17 8-18 * * *", 14 * HOUR),
        ("15 1 * * *", DAY),
        ("15 1 * * 1-6", 2 * DAY),
        ("15 1 * * 0", 7 * DAY),
        ("15 1 * * 7", 7 * DAY),
        ("0 0 1 * *", 31 * DAY),
        # The 29th of February, over the turn of a century that is no leap year.
        ("0 0 31 12 *", 366 * DAY),
    ],
)
def test_the_longest_gap(expression, seconds):
    assert period(expression) == seconds


@pytest.mark.parametrize("expression", ["", "@daily", "1 2 3 4", "1 2 3 4 5 6", "61 * * * *", "a b c d e"])
def test_what_cron_would_not_take_is_refused(expression):
    with pytest.raises(ValueError, match="is no cron expression"):
        period(expression)


def test_a_moment_that_never_comes_is_refused():
    with pytest.raises(ValueError, match=r"no cron expression|no moment"):
        period("0 0 31 2 *")


def test_the_role_is_told_which_job_is_wrong():
    assert cron_periods({"full": "15 1 * * 0", "incr": ""}) == {
        "full": {"cron": "15 1 * * 0", "period": 7 * DAY}
    }
    with pytest.raises(AnsibleFilterError, match="backup_schedule: '1 2 3'"):
        cron_periods({"full": "1 2 3"})
