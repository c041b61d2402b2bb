"""Encounters: which aircraft came too close to which, and how close.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "encounters",
        sa.Column("id", KEY, nullable=False),
        sa.Column("vehicle_key", KEY, nullable=False),
        sa.Column("other_key", KEY, nullable=False),
        sa.Column("began_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("horizontal_m", sa.Double(), nullable=False),
        sa.Column("vertical_m", sa.Double(), nullable=True),
        sa.Column("closest_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("closest_horizontal_m", sa.Double(), nullable=False),
        sa.Column("closest_vertical_m", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["vehicle_key"], ["vehicles.id"], name=op.f("fk_encounters_vehicle_key_vehicles")),
        sa.ForeignKeyConstraint(["other_key"], ["vehicles.id"], name=op.f("fk_encounters_other_key_vehicles")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_encounters")),
        sa.UniqueConstraint(
            *("vehicle_key", "other_key", "began_ms"), name=op.f("uq_encounters_vehicle_key_other_key_began_ms")
        ),
    )
    op.create_index(op.f("ix_encounters_vehicle_key_last_seen_ms"), "encounters", ["vehicle_key", "last_seen_ms"])


def downgrade() -> None:
    op.drop_table("encounters")
