"""Reading what clients send: every field checked, all complaints at once, nothing unknown let through."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NoReturn
from unicodedata import category

from flask import request
from werkzeug.exceptions import ClientDisconnected

from .errors import ApiError
from .models import AMOUNT_DECIMALS, AMOUNT_DIGITS

MOST_PER_PAGE = 100
MOST_PAGES = 1_000_000


@dataclass(frozen=True, slots=True)
class Field:
    """How to read a value: the reader returns it or raises ValueError with what it must be."""

    read: Callable[[object], object]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    number: int
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


def text(most: int) -> Callable[[object], str]:
    message = f"must be text of 1 to {most} characters"

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(message)
        value = value.strip()
        if not 1 <= len(value) <= most:
            raise ValueError(message)
        # NUL and lone surrogates are legal JSON, but no text for Postgres.
        if any(category(character) in {"Cc", "Cs"} and character not in "\n\t" for character in value):
            raise ValueError("must not contain control characters")
        return value

    return read


def amount(value: object) -> Decimal:
    most = Decimal(10) ** (AMOUNT_DIGITS - AMOUNT_DECIMALS)
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 < value < most:
        raise ValueError(f"must be a number above 0 and below {most}")
    number = Decimal(value)
    exponent = number.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -AMOUNT_DECIMALS:
        raise ValueError(f"must have at most {AMOUNT_DECIMALS} decimals")
    return number


def day(value: object) -> date:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        raise ValueError("must be a day in the form YYYY-MM-DD")
    return date.fromisoformat(value)


def time_of_day(value: object) -> time:
    if not isinstance(value, str) or not re.fullmatch(r"\d\d:\d\d", value, re.ASCII):
        raise ValueError("must be a time in the form HH:MM")
    return time.fromisoformat(value)


def past_moment(value: object) -> datetime:
    message = "must be a moment with an offset from UTC, such as 2025-01-31T08:00:00+01:00"
    if not isinstance(value, str):
        raise ValueError(message)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(message) from None
    if moment.tzinfo is None:
        raise ValueError(message)
    # A clock may be a little ahead; a year 9999 that no client can read back is refused as well.
    if not datetime(1900, 1, 1, tzinfo=UTC) <= moment <= datetime.now(UTC) + timedelta(minutes=5):
        raise ValueError("must be in the past")
    return moment.astimezone(UTC)


def read_body(fields: Mapping[str, Field], *, partial: bool = False) -> dict[str, object]:
    """The request's JSON object, read by these fields; `partial` takes any of them, and at least one."""
    body = _json_object()
    values: dict[str, object] = {}
    complaints = dict.fromkeys(body.keys() - fields.keys(), "is not a known field")
    for name, field in fields.items():
        given = body.get(name)
        if given is None and field.optional:
            if name in body or not partial:
                values[name] = None
        elif name in body:
            try:
                values[name] = field.read(given)
            except ValueError as error:
                complaints[name] = str(error)
        elif not partial:
            complaints[name] = "is missing"
    if complaints:
        raise ApiError(400, "invalid", "some fields are not acceptable", complaints)
    if not values:
        raise ApiError(400, "invalid", f"nothing to change: give at least one of {', '.join(fields)}")
    return values


def _json_object() -> dict[str, object]:
    # Asking for the content type keeps foreign web pages out: a browser sends such a request only after
    # this server agreed, and it never does.
    if not request.is_json:
        raise ApiError(415, "unsupported_media_type", "send JSON, with Content-Type: application/json")
    try:
        body = json.loads(_raw_body(), parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ApiError(400, "not_json", "the body is not valid JSON") from None
    if not isinstance(body, dict):
        raise ApiError(400, "not_json", "the body must be a JSON object")
    return body


def _raw_body() -> bytes:
    try:
        return request.get_data(cache=False)
    except ClientDisconnected:
        raise ApiError(408, "request_timeout", "the body did not arrive, or not in time") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def read_page() -> Page:
    """The page that the query string asks for; the first one by default."""
    if unknown := sorted(request.args.keys() - {"page", "per_page"}):
        raise ApiError(
            400, "invalid", "some parameters are unknown", dict.fromkeys(unknown, "is not known here")
        )
    return Page(
        number=_query_number("page", 1, MOST_PAGES), size=_query_number("per_page", 20, MOST_PER_PAGE)
    )


def _query_number(name: str, default: int, most: int) -> int:
    given = request.args.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", given) or not 1 <= int(given) <= most:
        problem = {name: f"must be a whole number from 1 to {most}"}
        raise ApiError(400, "invalid", "the page is not acceptable", problem)
    return int(given)
