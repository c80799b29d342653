"""From findings to remedies: which cause is behind what failed, what mends it, and what became of that.

`causes/` has one file per layer of a stack, the lowest first: a cause claims the findings that follow from
it, so that the cut network is named and not the backend behind it. `remedies.py` is the table of what may be
done, and how much of it without a word; role `recovery` has a tasks file of each name.
"""

from stanchion.recovery.model import Found, Layer, Risk
from stanchion.recovery.plan import Plan, plan
from stanchion.recovery.registry import Cause, every_cause, of_check
from stanchion.recovery.remedies import REMEDIES, Remedy

__all__ = ["REMEDIES", "Cause", "Found", "Layer", "Plan", "Remedy", "Risk", "every_cause", "of_check", "plan"]
