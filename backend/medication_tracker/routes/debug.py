"""Only with ENABLE_DEBUG_ROUTES=1: a way for tests to make requests slow."""

from __future__ import annotations

import re

from flask import Blueprint, request
from sqlalchemy import func, select

from ..db import database
from ..errors import ApiError

blueprint = Blueprint("debug", __name__, url_prefix="/debug")
MOST_SECONDS = 60


@blueprint.get("/sleep")
def sleep() -> dict[str, float]:
    """Holds a pooled connection for ?seconds=."""
    given = request.args.get("seconds", "1")
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", given) or float(given) > MOST_SECONDS:
        raise ApiError(400, "invalid", f"seconds must be a number from 0 to {MOST_SECONDS}")
    seconds = float(given)
    with database().session() as session:
        session.execute(select(func.pg_sleep(seconds)))
    return {"slept": seconds}
