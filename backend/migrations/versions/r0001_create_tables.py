"""create the tables

Revision: 0001
Revises: nothing
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "medications",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("dosage", sa.String(100), nullable=False),
        sa.Column("notes", sa.String(2000)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_medications"),
    )
    op.create_index("uq_medications_name_lower", "medications", [sa.text("lower(name)")], unique=True)
    op.create_table(
        "schedules",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("medication_id", sa.BigInteger, nullable=False),
        sa.Column("time_of_day", sa.Time, nullable=False),
        sa.Column("amount", sa.Numeric(8, 3), nullable=False),
        sa.Column("starts_on", sa.Date, nullable=False),
        sa.Column("ends_on", sa.Date),
        sa.PrimaryKeyConstraint("id", name="pk_schedules"),
        sa.ForeignKeyConstraint(
            ["medication_id"],
            ["medications.id"],
            name="fk_schedules_medication_id_medications",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "medication_id",
            "time_of_day",
            "starts_on",
            name="uq_schedules_medication_id_time_of_day_starts_on",
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_schedules_amount_positive")),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_schedules_ends_after_start")),
    )
    op.create_table(
        "doses",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("medication_id", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.Numeric(8, 3), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_doses"),
        sa.ForeignKeyConstraint(
            ["medication_id"], ["medications.id"], name="fk_doses_medication_id_medications"
        ),
        sa.UniqueConstraint("medication_id", "taken_at", name="uq_doses_medication_id_taken_at"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_doses_amount_positive")),
    )


def downgrade() -> None:
    op.drop_table("doses")
    op.drop_table("schedules")
    op.drop_table("medications")
