"""Cron expressions: whether cron would take them, and how far apart their moments are."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import islice, pairwise

from cronsim import CronSim, CronSimError

# Two years of daily moments; what is rarer than daily shows its longest gap in far fewer.
MOMENTS = 800
# What Debian's cron takes in a field: a step only behind a range, and neither L nor # nor W.
_PART = r"(?:\*|[0-9A-Za-z]+-[0-9A-Za-z]+)(?:/[0-9]+)?|[0-9]+|[A-Za-z]{3}"
_FIELD = re.compile(rf"(?:{_PART})(?:,(?:{_PART}))*")


def period(expression: str) -> int:
    """Return the longest time, in seconds, between two moments of an expression.

    ValueError for what cron would not take: it has five fields, and names like @daily are not read here.
    """
    if len(expression.split()) != 5:
        raise ValueError(f"{expression!r} is no cron expression: it needs five fields, like '15 1 * * 0'.")
    wrong = [field for field in expression.split() if not _FIELD.fullmatch(field)]
    if wrong:
        raise ValueError(f"{expression!r} is no cron expression: cron does not take {wrong[0]!r}.")
    try:
        # The same moments every time, so that the same expression has the same period.
        moments = list(islice(CronSim(expression, datetime(2024, 1, 1)), MOMENTS))
    except CronSimError as error:
        raise ValueError(f"{expression!r} is no cron expression: {error}.") from error
    if len(moments) < 2:
        raise ValueError(f"{expression!r} has no moment that comes again.")
    return int(max(later - earlier for earlier, later in pairwise(moments)).total_seconds())
