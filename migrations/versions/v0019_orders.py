"""Directives end with a release that the vehicle acknowledges; regulators open incidents.

Those that were settled as complied with are released: nothing is owed for them. The way back forgets
what vehicles said of releases.

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_REPLIES_BEFORE = ("received", "accepted", "refused")


def upgrade() -> None:
    _rename_outcome("complied", "released")
    _allow("directive_answers", "reply", *_REPLIES_BEFORE, "released")
    with op.batch_alter_table("directives") as directives:
        directives.add_column(sa.Column("release_owed", sa.Boolean(), server_default=sa.false(), nullable=False))
        directives.create_index(op.f("ix_directives_release_owed"), ["release_owed"])
    with op.batch_alter_table("incidents") as incidents:
        incidents.add_column(sa.Column("opened_by_id", KEY, nullable=True))
        incidents.create_foreign_key(op.f("fk_incidents_opened_by_id_users"), "users", ["opened_by_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("incidents") as incidents:
        incidents.drop_constraint(op.f("fk_incidents_opened_by_id_users"), type_="foreignkey")
        incidents.drop_column("opened_by_id")
    with op.batch_alter_table("directives") as directives:
        directives.drop_index(op.f("ix_directives_release_owed"))
        directives.drop_column("release_owed")
    op.execute("DELETE FROM directive_answers WHERE reply = 'released'")
    _allow("directive_answers", "reply", *_REPLIES_BEFORE)
    _rename_outcome("released", "complied")


def _rename_outcome(before: str, after: str) -> None:
    others = ("withdrawn", "replaced")
    _allow("directives", "outcome", before, after, *others)
    op.execute(
        sa.text("UPDATE directives SET outcome = :after WHERE outcome = :before").bindparams(before=before, after=after)
    )
    _allow("directives", "outcome", after, *others)


def _allow(table: str, column: str, *values: str) -> None:
    allowed = ", ".join(f"'{value}'" for value in values)
    with op.batch_alter_table(table) as altered:
        altered.drop_constraint(op.f(f"ck_{table}_{column}"), type_="check")
        altered.create_check_constraint(op.f(f"ck_{table}_{column}"), f"{column} IN ({allowed})")
