"""The engine's age."""

from __future__ import annotations

from fires.fire import Fire

FIRES = [
    Fire(
        "engine.version",
        "in place",
        None,
        r"speaks API [\d.]+, and 9\.99 is the oldest",
        variables={"validation_engine_api": "9.99"},
    )
]
