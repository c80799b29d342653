"""What orchestrators ask."""

from __future__ import annotations

from flask import Blueprint

from ..db import database

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> dict[str, str]:
    """Ready to serve? 503 when the database does not answer or the pool has nothing left."""
    database().probe()
    return {"status": "ok"}


@blueprint.get("/livez")
def livez() -> dict[str, str]:
    """Is the process alive? Never looks at the database, so an outage of that makes nobody restart this."""
    return {"status": "ok"}
