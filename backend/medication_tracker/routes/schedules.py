"""/medications/ID/schedules"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..db import database
from ..errors import not_found
from ..fields import Field, amount, day, read_body, read_page, time_of_day
from ..models import Schedule
from .medications import find_medication
from .rows import LOCK, list_page

blueprint = Blueprint("schedules", __name__, url_prefix="/medications/<id:medication_id>/schedules")

FIELDS = {
    "time_of_day": Field(time_of_day),
    "amount": Field(amount),
    "starts_on": Field(day),
    "ends_on": Field(day, optional=True),
}


def view(schedule: Schedule) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "medication_id": schedule.medication_id,
        "time_of_day": schedule.time_of_day.strftime("%H:%M"),
        "amount": float(schedule.amount),
        "starts_on": schedule.starts_on.isoformat(),
        "ends_on": schedule.ends_on.isoformat() if schedule.ends_on else None,
    }


def find_schedule(session: Session, medication_id: int, schedule_id: int, *, lock: bool = False) -> Schedule:
    schedule = session.get(Schedule, schedule_id, with_for_update=LOCK if lock else None)
    if schedule is None or schedule.medication_id != medication_id:
        raise not_found("schedule")
    return schedule


@blueprint.get("")
def list_schedules(medication_id: int) -> dict[str, Any]:
    page = read_page()
    query = select(Schedule).filter_by(medication_id=medication_id).order_by(Schedule.id)
    with database().session() as session:
        find_medication(session, medication_id)
        return list_page(session, query, page, view)


@blueprint.post("")
def create_schedule(medication_id: int) -> tuple[dict[str, Any], int, dict[str, str]]:
    schedule = Schedule(medication_id=medication_id, **read_body(FIELDS))
    with database().session() as session:
        session.add(schedule)
    where = url_for(".read_schedule", medication_id=medication_id, schedule_id=schedule.id)
    return view(schedule), 201, {"Location": where}


@blueprint.get("/<id:schedule_id>")
def read_schedule(medication_id: int, schedule_id: int) -> dict[str, Any]:
    with database().session() as session:
        return view(find_schedule(session, medication_id, schedule_id))


@blueprint.route("/<id:schedule_id>", methods=["PATCH", "PUT"])
def update_schedule(medication_id: int, schedule_id: int) -> dict[str, Any]:
    """PATCH changes the given fields, PUT replaces all of them."""
    values = read_body(FIELDS, partial=request.method == "PATCH")
    with database().session() as session:
        schedule = find_schedule(session, medication_id, schedule_id, lock=True)
        for name, value in values.items():
            setattr(schedule, name, value)
    return view(schedule)


@blueprint.delete("/<id:schedule_id>")
def delete_schedule(medication_id: int, schedule_id: int) -> tuple[str, int]:
    with database().session() as session:
        session.delete(find_schedule(session, medication_id, schedule_id, lock=True))
    return "", 204
