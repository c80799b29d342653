"""The tables. Every constraint and index has a name: errors.py tells people what the broken one means."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Numeric,
    String,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

NAME_LENGTH = 200
DOSAGE_LENGTH = 100
NOTES_LENGTH = 2000
AMOUNT_DIGITS, AMOUNT_DECIMALS = 8, 3


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        Decimal: Numeric(AMOUNT_DIGITS, AMOUNT_DECIMALS),
    }

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        """What the database fills in comes back with the statement that wrote the row."""
        return {"eager_defaults": True}


class Medication(Base):
    __tablename__ = "medications"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    dosage: Mapped[str] = mapped_column(String(DOSAGE_LENGTH))
    notes: Mapped[str | None] = mapped_column(String(NOTES_LENGTH))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())

    # "aspirin" and "Aspirin" are one medication.
    __table_args__ = (Index("uq_medications_name_lower", func.lower(name), unique=True),)


class Schedule(Base):
    """When to take how much of a medication, daily from a first to a last day, or without end."""

    __tablename__ = "schedules"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    medication_id: Mapped[int] = mapped_column(ForeignKey(Medication.id, ondelete="CASCADE"))
    time_of_day: Mapped[time]
    amount: Mapped[Decimal]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("ends_on >= starts_on", name="ends_after_start"),
        UniqueConstraint("medication_id", "time_of_day", "starts_on"),
    )


class Dose(Base):
    """A dose that was taken. A medication with doses can't be deleted: the record of them would be lost."""

    __tablename__ = "doses"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    medication_id: Mapped[int] = mapped_column(ForeignKey(Medication.id))
    amount: Mapped[Decimal]
    taken_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        # A client that repeats a request after an unclear answer does not record the dose twice.
        UniqueConstraint("medication_id", "taken_at"),
    )
