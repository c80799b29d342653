"""/medications/ID/doses"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from flask import Blueprint, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..db import database
from ..errors import not_found
from ..fields import Field, amount, past_moment, read_body, read_page
from ..models import Dose
from .medications import find_medication
from .rows import LOCK, list_page

blueprint = Blueprint("doses", __name__, url_prefix="/medications/<id:medication_id>/doses")

FIELDS = {"amount": Field(amount), "taken_at": Field(past_moment)}


def view(dose: Dose) -> dict[str, Any]:
    return {
        "id": dose.id,
        "medication_id": dose.medication_id,
        "amount": float(dose.amount),
        "taken_at": dose.taken_at.astimezone(UTC).isoformat(),
    }


def find_dose(session: Session, medication_id: int, dose_id: int, *, lock: bool = False) -> Dose:
    dose = session.get(Dose, dose_id, with_for_update=LOCK if lock else None)
    if dose is None or dose.medication_id != medication_id:
        raise not_found("dose")
    return dose


@blueprint.get("")
def list_doses(medication_id: int) -> dict[str, Any]:
    """The last one taken comes first."""
    page = read_page()
    query = select(Dose).filter_by(medication_id=medication_id).order_by(Dose.taken_at.desc())
    with database().session() as session:
        find_medication(session, medication_id)
        return list_page(session, query, page, view)


@blueprint.post("")
def record_dose(medication_id: int) -> tuple[dict[str, Any], int, dict[str, str]]:
    dose = Dose(medication_id=medication_id, **read_body(FIELDS))
    with database().session() as session:
        session.add(dose)
    where = url_for(".read_dose", medication_id=medication_id, dose_id=dose.id)
    return view(dose), 201, {"Location": where}


@blueprint.get("/<id:dose_id>")
def read_dose(medication_id: int, dose_id: int) -> dict[str, Any]:
    with database().session() as session:
        return view(find_dose(session, medication_id, dose_id))


@blueprint.delete("/<id:dose_id>")
def delete_dose(medication_id: int, dose_id: int) -> tuple[str, int]:
    with database().session() as session:
        session.delete(find_dose(session, medication_id, dose_id, lock=True))
    return "", 204
