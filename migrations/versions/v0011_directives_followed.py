"""Directives are followed: when the broker had them, whose regulators are told, who settled them and why.

Those that there are belong to the jurisdiction of their permit or emergency.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_TIMES = ("sent_at_ms", "refused_at_ms", "unanswered_at_ms")


def upgrade() -> None:
    with op.batch_alter_table("directives") as directives:
        for name in _TIMES:
            directives.add_column(sa.Column(name, sa.BigInteger(), nullable=True))
        directives.add_column(sa.Column("jurisdiction_id", KEY, nullable=True))
        directives.add_column(sa.Column("settled_by_id", KEY, nullable=True))
        directives.add_column(sa.Column("settled_reason", sa.Text(), server_default="", nullable=False))
    op.execute(
        "UPDATE directives SET jurisdiction_id = coalesce("
        "(SELECT jurisdiction_id FROM permits WHERE permits.number = directives.cause_id),"
        " (SELECT jurisdiction_id FROM emergencies WHERE emergencies.number = directives.cause_id),"
        " (SELECT min(id) FROM jurisdictions))"
    )
    with op.batch_alter_table("directives") as directives:
        directives.alter_column("jurisdiction_id", existing_type=KEY, nullable=False)
        directives.create_foreign_key(
            op.f("fk_directives_jurisdiction_id_jurisdictions"), "jurisdictions", ["jurisdiction_id"], ["id"]
        )
        directives.create_foreign_key(op.f("fk_directives_settled_by_id_users"), "users", ["settled_by_id"], ["id"])
        directives.create_index(op.f("ix_directives_jurisdiction_id"), ["jurisdiction_id"])


def downgrade() -> None:
    with op.batch_alter_table("directives") as directives:
        directives.drop_index(op.f("ix_directives_jurisdiction_id"))
        directives.drop_constraint(op.f("fk_directives_settled_by_id_users"), type_="foreignkey")
        directives.drop_constraint(op.f("fk_directives_jurisdiction_id_jurisdictions"), type_="foreignkey")
        for name in ("jurisdiction_id", "settled_by_id", "settled_reason", *_TIMES):
            directives.drop_column(name)
