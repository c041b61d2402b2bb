"""Control: alerts that ended unseen are found at once, and a notice may be one person's.

The way back forgets the notices to single persons that belong to no organisation or jurisdiction.

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ENDED_UNSEEN = sa.text("closed_at_ms IS NOT NULL AND acknowledged_at_ms IS NULL AND resolved_at_ms IS NULL")
_FOR_SOMEBODY = "ck_notices_for_somebody"
_FOR_MANY = "organisation_id IS NOT NULL OR jurisdiction_id IS NOT NULL"


def upgrade() -> None:
    op.create_index(
        "ix_alerts_ended_unseen",
        "alerts",
        ["severity", "closed_at_ms", "vehicle_key"],
        sqlite_where=_ENDED_UNSEEN,
        postgresql_where=_ENDED_UNSEEN,
    )
    with op.batch_alter_table("notices") as notices:
        notices.add_column(sa.Column("user_id", KEY, nullable=True))
        notices.create_foreign_key(op.f("fk_notices_user_id_users"), "users", ["user_id"], ["id"])
        notices.drop_constraint(op.f(_FOR_SOMEBODY), type_="check")
        notices.create_index(op.f("ix_notices_user_id"), ["user_id"])
    with op.batch_alter_table("notices") as notices:
        notices.create_check_constraint(op.f(_FOR_SOMEBODY), f"{_FOR_MANY} OR user_id IS NOT NULL")


def downgrade() -> None:
    notice = sa.table("notices", *map(sa.column, ("id", "organisation_id", "jurisdiction_id")))
    read = sa.table("notice_reads", sa.column("notice_id"))
    nobodys = sa.and_(notice.c.organisation_id.is_(None), notice.c.jurisdiction_id.is_(None))
    op.execute(sa.delete(read).where(read.c.notice_id.in_(sa.select(notice.c.id).where(nobodys))))
    op.execute(sa.delete(notice).where(nobodys))
    with op.batch_alter_table("notices") as notices:
        notices.drop_constraint(op.f(_FOR_SOMEBODY), type_="check")
        notices.drop_index(op.f("ix_notices_user_id"))
        notices.drop_constraint(op.f("fk_notices_user_id_users"), type_="foreignkey")
        notices.drop_column("user_id")
    with op.batch_alter_table("notices") as notices:
        notices.create_check_constraint(op.f(_FOR_SOMEBODY), _FOR_MANY)
    op.drop_index("ix_alerts_ended_unseen", "alerts")
