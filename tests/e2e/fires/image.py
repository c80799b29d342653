"""The images that containers are made of."""

from __future__ import annotations

from fires.fire import Fire

FIRES = [
    Fire("image.pinned", "bad containers", None, r"backend-2: .*/backend:latest is whatever was pushed last"),
    Fire(
        "image.age", "in place", None, r"db: stanchion/postgres:\w+: ", variables={"validation_image_age": 0}
    ),
]
