"""Emergency geofences, the vehicles that were told of them, and directives because of them.

The way back forgets all emergencies with their directives; their zones stay as they are.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_CAUSES_BEFORE = ("permit", "order")


def upgrade() -> None:
    _allow_causes(*_CAUSES_BEFORE, "emergency")
    op.create_table(
        "emergencies",
        sa.Column("id", KEY, nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("zone_key", KEY, nullable=False),
        sa.Column("jurisdiction_id", KEY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("declared_by_id", KEY, nullable=False),
        sa.Column("declared_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("planned_end_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by_id", KEY, nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "planned_end_ms IS NULL OR planned_end_ms > declared_at_ms",
            name=op.f("ck_emergencies_end_after_declaration"),
        ),
        sa.CheckConstraint("ended_at_ms IS NULL OR end_reason <> ''", name=op.f("ck_emergencies_ended_for_a_reason")),
        sa.ForeignKeyConstraint(["zone_key"], ["zones.id"], name=op.f("fk_emergencies_zone_key_zones")),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdictions.id"], name=op.f("fk_emergencies_jurisdiction_id_jurisdictions")
        ),
        sa.ForeignKeyConstraint(["declared_by_id"], ["users.id"], name=op.f("fk_emergencies_declared_by_id_users")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["users.id"], name=op.f("fk_emergencies_ended_by_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergencies")),
        sa.UniqueConstraint("number", name=op.f("uq_emergencies_number")),
        sa.UniqueConstraint("zone_key", name=op.f("uq_emergencies_zone_key")),
    )
    for column in ("jurisdiction_id", "ended_at_ms"):
        op.create_index(op.f(f"ix_emergencies_{column}"), "emergencies", [column])
    op.create_table(
        "emergency_vehicles",
        sa.Column("id", KEY, nullable=False),
        sa.Column("emergency_key", KEY, nullable=False),
        sa.Column("vehicle_key", KEY, nullable=False),
        sa.Column("directive_key", KEY, nullable=False),
        sa.Column("concern", _choice("concern", "inside", "approaching", "route"), nullable=False),
        sa.Column("told_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("entered_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["emergency_key"], ["emergencies.id"], name=op.f("fk_emergency_vehicles_emergency_key_emergencies")
        ),
        sa.ForeignKeyConstraint(
            ["vehicle_key"], ["vehicles.id"], name=op.f("fk_emergency_vehicles_vehicle_key_vehicles")
        ),
        sa.ForeignKeyConstraint(
            ["directive_key"], ["directives.id"], name=op.f("fk_emergency_vehicles_directive_key_directives")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergency_vehicles")),
        sa.UniqueConstraint(
            "emergency_key", "vehicle_key", name=op.f("uq_emergency_vehicles_emergency_key_vehicle_key")
        ),
    )
    op.create_index(op.f("ix_emergency_vehicles_vehicle_key"), "emergency_vehicles", ["vehicle_key"])


def downgrade() -> None:
    op.drop_table("emergency_vehicles")
    op.drop_table("emergencies")
    op.execute(
        "DELETE FROM directive_answers WHERE directive_key IN (SELECT id FROM directives WHERE cause = 'emergency')"
    )
    op.execute("DELETE FROM directives WHERE cause = 'emergency'")
    _allow_causes(*_CAUSES_BEFORE)


def _allow_causes(*causes: str) -> None:
    allowed = ", ".join(f"'{cause}'" for cause in causes)
    with op.batch_alter_table("directives") as directives:
        directives.drop_constraint(op.f("ck_directives_cause"), type_="check")
        directives.create_check_constraint(op.f("ck_directives_cause"), f"cause IN ({allowed})")


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)
