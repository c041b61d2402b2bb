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
_STATES = ("proposed", "noticed", "dismissed", "in_force", "appealed", "upheld", "overturned")


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
    op.create_table(
        "sanctions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sanction_id", sa.String(64), nullable=False),
        sa.Column("permit_id", KEY, nullable=False),
        sa.Column("step", _choice("step", "warn", "restrict", "suspend", "revoke"), nullable=False),
        sa.Column("state", _choice("state", *_STATES), nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("occasion", sa.String(128), nullable=False),
        sa.Column("grounds", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_by_id", KEY, nullable=True),
        sa.Column("noticed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("hearing_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("hearing_record", sa.Text(), nullable=False),
        sa.Column("decided_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("decided_by_id", KEY, nullable=True),
        sa.Column("revision_before", sa.Integer(), nullable=True),
        sa.Column("revision_after", sa.Integer(), nullable=True),
        sa.Column("appeal_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("final_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("appealed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("appealed_by_id", KEY, nullable=True),
        sa.Column("appeal", sa.Text(), nullable=False),
        sa.Column("ruled_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("ruled_by_id", KEY, nullable=True),
        sa.Column("ruling", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(decided_at_ms IS NULL) = (appeal_until_ms IS NULL)", name=op.f("ck_sanctions_decided_with_appeal")
        ),
        sa.CheckConstraint(
            "(appealed_at_ms IS NULL) = (appealed_by_id IS NULL)", name=op.f("ck_sanctions_appealed_by_someone")
        ),
        sa.ForeignKeyConstraint(["permit_id"], ["permits.id"], name=op.f("fk_sanctions_permit_id_permits")),
        *(
            sa.ForeignKeyConstraint([column], ["users.id"], name=op.f(f"fk_sanctions_{column}_users"))
            for column in ("opened_by_id", "decided_by_id", "appealed_by_id", "ruled_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanctions")),
        sa.UniqueConstraint("sanction_id", name=op.f("uq_sanctions_sanction_id")),
        sa.UniqueConstraint("permit_id", "rule", "occasion", name=op.f("uq_sanctions_permit_id_rule_occasion")),
    )
    for column in ("permit_id", "state"):
        op.create_index(op.f(f"ix_sanctions_{column}"), "sanctions", [column])


def downgrade() -> None:
    restricted = sa.text(
        "SELECT 1 FROM permit_revisions JOIN permits ON permits.id = permit_revisions.permit_id"
        " WHERE permit_revisions.stage <> permits.stage LIMIT 1"
    )
    if op.get_bind().execute(restricted).first() is not None:
        raise RuntimeError("a permit is restricted to an earlier stage, which 0005 cannot say")
    op.drop_table("sanctions")
    with op.batch_alter_table("permit_revisions") as revisions:
        revisions.drop_constraint(op.f("ck_permit_revisions_stage"), type_="check")
        revisions.drop_column("stage")
