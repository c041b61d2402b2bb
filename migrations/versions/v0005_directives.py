"""Directives: what the platform demands of vehicles, their answers, and messages that the broker keeps.

The way back forgets all directives; the messages that still wait for the broker are dropped with
them, since nobody could tell any more who may send them.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "directives",
        sa.Column("id", KEY, nullable=False),
        sa.Column("directive_id", sa.String(64), nullable=False),
        sa.Column("vehicle_key", KEY, nullable=False),
        sa.Column("kind", _choice("kind", "halt", "leave", "slow"), nullable=False),
        sa.Column("cause", _choice("cause", "permit", "order"), nullable=False),
        sa.Column("cause_id", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("issued_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("issued_by_id", KEY, nullable=True),
        sa.Column("deadline_ms", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("complied_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("complied_seq", sa.BigInteger(), nullable=True),
        sa.Column("overdue_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("settled_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("outcome", _choice("outcome", "complied", "withdrawn", "replaced"), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("(settled_at_ms IS NULL) = (outcome IS NULL)", name=op.f("ck_directives_settled_somehow")),
        sa.CheckConstraint("deadline_ms > issued_at_ms", name=op.f("ck_directives_deadline_after_issue")),
        sa.ForeignKeyConstraint(["vehicle_key"], ["vehicles.id"], name=op.f("fk_directives_vehicle_key_vehicles")),
        sa.ForeignKeyConstraint(["issued_by_id"], ["users.id"], name=op.f("fk_directives_issued_by_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directives")),
        sa.UniqueConstraint("directive_id", name=op.f("uq_directives_directive_id")),
    )
    for column in ("vehicle_key", "generation", "settled_at_ms"):
        op.create_index(op.f(f"ix_directives_{column}"), "directives", [column])
    op.create_table(
        "directive_answers",
        sa.Column("id", KEY, nullable=False),
        sa.Column("directive_key", KEY, nullable=False),
        sa.Column("reply", _choice("reply", "received", "accepted", "refused"), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("answered_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["directive_key"], ["directives.id"], name=op.f("fk_directive_answers_directive_key_directives")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directive_answers")),
        sa.UniqueConstraint(
            *("directive_key", "reply", "answered_at_ms"),
            name=op.f("uq_directive_answers_directive_key_reply_answered_at_ms"),
        ),
    )
    with op.batch_alter_table("outbox") as outbox:
        outbox.add_column(sa.Column("retain", sa.Boolean(), server_default=sa.false(), nullable=False))
        outbox.add_column(sa.Column("partition", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM outbox WHERE partition IS NOT NULL")
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_column("partition")
        outbox.drop_column("retain")
    op.drop_table("directive_answers")
    op.drop_table("directives")
