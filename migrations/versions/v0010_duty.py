"""The duty screen: what people do about alerts, their comments, and each person's saved filters.

The way back forgets who was charged with alerts, why they were closed, and all comments and filters.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PEOPLE = ("escalated_by_id", "assigned_to_id", "resolved_by_id")
_TIMES = ("assigned_at_ms", "resolved_at_ms", "handled_at_ms")
_TEXTS = ("escalation", "resolution")
_CHECKS = {
    "ck_alerts_assigned_to_someone": "(assigned_at_ms IS NULL) = (assigned_to_id IS NULL)",
    "ck_alerts_resolved_by_someone": "(resolved_at_ms IS NULL) = (resolved_by_id IS NULL)",
}


def upgrade() -> None:
    with op.batch_alter_table("alerts") as alerts:
        for name in _PEOPLE:
            alerts.add_column(sa.Column(name, KEY, nullable=True))
            alerts.create_foreign_key(op.f(f"fk_alerts_{name}_users"), "users", [name], ["id"])
        for name in _TIMES:
            alerts.add_column(sa.Column(name, sa.BigInteger(), nullable=True))
        for name in _TEXTS:
            alerts.add_column(sa.Column(name, sa.String(2000), nullable=True))
        alerts.add_column(sa.Column("comment_count", sa.Integer(), server_default="0", nullable=False))
        alerts.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        for name, condition in _CHECKS.items():
            alerts.create_check_constraint(op.f(name), condition)
        for column in ("assigned_to_id", "handled_at_ms"):
            alerts.create_index(op.f(f"ix_alerts_{column}"), [column])
    op.create_table(
        "alert_comments",
        sa.Column("id", KEY, nullable=False),
        sa.Column("alert_key", KEY, nullable=False),
        sa.Column("author_id", KEY, nullable=False),
        sa.Column("written_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_key"], ["alerts.id"], name=op.f("fk_alert_comments_alert_key_alerts")),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_alert_comments_author_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_comments")),
    )
    op.create_index(op.f("ix_alert_comments_alert_key"), "alert_comments", ["alert_key"])
    op.create_table(
        "saved_filters",
        sa.Column("id", KEY, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("criteria", sa.JSON(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_saved_filters_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filters")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_saved_filters_user_id_name")),
    )


def downgrade() -> None:
    op.drop_table("saved_filters")
    op.drop_table("alert_comments")
    with op.batch_alter_table("alerts") as alerts:
        for column in ("assigned_to_id", "handled_at_ms"):
            alerts.drop_index(op.f(f"ix_alerts_{column}"))
        for name in _CHECKS:
            alerts.drop_constraint(op.f(name), type_="check")
        for name in _PEOPLE:
            alerts.drop_constraint(op.f(f"fk_alerts_{name}_users"), type_="foreignkey")
        for name in (*_PEOPLE, *_TIMES, *_TEXTS, "comment_count", "version"):
            alerts.drop_column(name)
