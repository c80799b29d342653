"""Every error as JSON: {"error": {"code": ..., "message": ..., "fields": {...}}}."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping

import psycopg2
from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from . import metrics
from .gate import PoolBusyError

RETRY_AFTER_SECONDS = 2

log = logging.getLogger(__name__)


class ApiError(Exception):
    """An answer other than success, meant for the client."""

    def __init__(self, status: int, code: str, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.fields = dict(fields or {})


def not_found(kind: str) -> ApiError:
    return ApiError(404, "not_found", f"there is no such {kind}")


# What a broken constraint means to the client.
_MEANINGS = {
    "uq_medications_name_lower": ApiError(409, "conflict", "a medication of this name exists already"),
    "uq_schedules_medication_id_time_of_day_starts_on": ApiError(
        409, "conflict", "this medication has a schedule for this time from this day already"
    ),
    "uq_doses_medication_id_taken_at": ApiError(
        409, "conflict", "a dose of this medication is recorded for this moment already"
    ),
    "fk_schedules_medication_id_medications": not_found("medication"),
    "fk_doses_medication_id_medications": not_found("medication"),
    "ck_schedules_ends_after_start": ApiError(
        400, "invalid", "some fields are not acceptable", {"ends_on": "must not be before starts_on"}
    ),
}
_HAS_DOSES = ApiError(409, "conflict", "doses of this medication are recorded: it can't be deleted")

# SQLSTATEs of a database that is there but can't do it now: time-out, standby.
_PASSING_STATES = frozenset({"57014", "25006"})


def answer(error: ApiError) -> Response:
    body: dict[str, object] = {"code": error.code, "message": str(error)}
    if error.fields:
        body["fields"] = error.fields
    response = jsonify(error=body)
    response.status_code = error.status
    if error.status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def register(app: Flask) -> None:
    app.register_error_handler(ApiError, answer)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(PoolBusyError, _pool_busy)
    app.register_error_handler(PoolTimeout, _pool_busy)
    app.register_error_handler(IntegrityError, _integrity_error)
    app.register_error_handler(DBAPIError, _database_error)
    app.register_error_handler(Exception, _unexpected)


def _http_error(error: HTTPException) -> Response:
    code = error.name.lower().replace(" ", "_")
    response = answer(ApiError(error.code or 500, code, error.description or error.name))
    if allowed := error.get_response().headers.get("Allow"):
        response.headers["Allow"] = allowed
    return response


def _pool_busy(error: Exception) -> Response:
    _warn("all database connections of this worker are in use: %s", type(error).__name__)
    return answer(ApiError(503, "busy", "too many requests want the database, try again"))


def _integrity_error(error: IntegrityError) -> Response:
    constraint = error.orig.diag.constraint_name if isinstance(error.orig, psycopg2.Error) else None
    if constraint == "fk_doses_medication_id_medications" and request.method == "DELETE":
        return answer(_HAS_DOSES)
    meaning = _MEANINGS.get(constraint or "")
    return answer(meaning) if meaning else _unexpected(error)


def _database_error(error: DBAPIError) -> Response:
    # OperationalError and InterfaceError are psycopg2's names for a lost, refused, full or stopping server.
    gone = isinstance(error.orig, psycopg2.OperationalError | psycopg2.InterfaceError)
    state = error.orig.pgcode if isinstance(error.orig, psycopg2.Error) else None
    if not (gone or state in _PASSING_STATES):
        return _unexpected(error)
    metrics.db_unavailable.inc()
    _warn("the database does not serve: %s", " ".join(str(error.orig).split()))
    return answer(ApiError(503, "database_unavailable", "the database does not answer now, try again"))


def _unexpected(error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return answer(ApiError(500, "internal", "something went wrong here; the log tells what"))


_warned_lock = threading.Lock()
_warned_at: dict[str, float] = {}


def _warn(message: str, reason: str) -> None:
    """Logs once a second at most: an outage must not fill the disk with one line per request."""
    now = time.monotonic()
    with _warned_lock:
        if now - _warned_at.get(message, -1.0) < 1:
            return
        _warned_at[message] = now
    log.warning(message, reason)
