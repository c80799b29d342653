"""In which order things came up."""

from __future__ import annotations

from fires.fire import Fire

FIRES = [
    Fire(
        "order.observed",
        "worn",
        None,
        r"backend-2: started [\d.]+ s after the database took connections, restarted once by the engine",
        # The database of a test host that is kept may have come up long ago.
        variables={"validation_order_window": 1_000_000},
    )
]
