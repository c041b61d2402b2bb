"""Sanctions: the stage becomes a term of each revision, and the steps of the ladder are kept.

The way back forgets the ladder; it refuses while a permit is restricted to an earlier stage.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_STAGES = (
    "road_test",
    "demonstration",
    "driverless_test",
    "commercial_pilot",
    "flight_test",
    "route_proving",
    "commercial_route",
)


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    with op.batch_alter_table("permit_revisions") as revisions:
        revisions.add_column(sa.Column("stage", sa.String(32), nullable=True))
    op.execute(
        "UPDATE permit_revisions SET stage = (SELECT stage FROM permits WHERE permits.id = permit_revisions.permit_id)"
    )
    with op.batch_alter_table("permit_revisions") as revisions:
        revisions.alter_column("stage", existing_type=sa.String(32), type_=_choice("stage", *_STAGES), nullable=False)


def downgrade() -> None:
    restricted = sa.text(
        "SELECT 1 FROM permit_revisions JOIN permits ON permits.id = permit_revisions.permit_id"
        " WHERE permit_revisions.stage <> permits.stage LIMIT 1"
    )
    if op.get_bind().execute(restricted).first() is not None:
        raise RuntimeError("a permit is restricted to an earlier stage, which 0005 cannot say")
    with op.batch_alter_table("permit_revisions") as revisions:
        revisions.drop_constraint(op.f("ck_permit_revisions_stage"), type_="check")
        revisions.drop_column("stage")
