"""/medications"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from flask import Blueprint, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..db import database
from ..errors import not_found
from ..fields import Field, read_body, read_page, text
from ..models import DOSAGE_LENGTH, NAME_LENGTH, NOTES_LENGTH, Medication
from .rows import LOCK, list_page

blueprint = Blueprint("medications", __name__, url_prefix="/medications")

FIELDS = {
    "name": Field(text(NAME_LENGTH)),
    "dosage": Field(text(DOSAGE_LENGTH)),
    "notes": Field(text(NOTES_LENGTH), optional=True),
}


def view(medication: Medication) -> dict[str, Any]:
    return {
        "id": medication.id,
        "name": medication.name,
        "dosage": medication.dosage,
        "notes": medication.notes,
        "created_at": medication.created_at.astimezone(UTC).isoformat(),
        "updated_at": medication.updated_at.astimezone(UTC).isoformat(),
    }


def find_medication(session: Session, medication_id: int, *, lock: bool = False) -> Medication:
    medication = session.get(Medication, medication_id, with_for_update=LOCK if lock else None)
    if medication is None:
        raise not_found("medication")
    return medication


@blueprint.get("")
def list_medications() -> dict[str, Any]:
    page = read_page()
    with database().session() as session:
        return list_page(session, select(Medication).order_by(Medication.id), page, view)


@blueprint.post("")
def create_medication() -> tuple[dict[str, Any], int, dict[str, str]]:
    medication = Medication(**read_body(FIELDS))
    with database().session() as session:
        session.add(medication)
    return view(medication), 201, {"Location": url_for(".read_medication", medication_id=medication.id)}


@blueprint.get("/<id:medication_id>")
def read_medication(medication_id: int) -> dict[str, Any]:
    with database().session() as session:
        return view(find_medication(session, medication_id))


@blueprint.route("/<id:medication_id>", methods=["PATCH", "PUT"])
def update_medication(medication_id: int) -> dict[str, Any]:
    """PATCH changes the given fields, PUT replaces all of them."""
    values = read_body(FIELDS, partial=request.method == "PATCH")
    with database().session() as session:
        medication = find_medication(session, medication_id, lock=True)
        for name, value in values.items():
            setattr(medication, name, value)
    return view(medication)


@blueprint.delete("/<id:medication_id>")
def delete_medication(medication_id: int) -> tuple[str, int]:
    """Its schedules go with it; one with recorded doses stays."""
    with database().session() as session:
        session.delete(find_medication(session, medication_id, lock=True))
    return "", 204
