"""Notifications: channels, what waits for each, the messages that left, and which alerts were told of.

The way back forgets all channels, and messages that had not left.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FAILURES = (
    *("refused", "no_mail_server", "login_refused", "address", "private_address", "unknown_host"),
    *("unreachable", "untrusted", "timeout", "redirect", "no_answer", "platform"),
)
_HELD = sa.text("delivery_key IS NULL AND spared_at_ms IS NULL")


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    _channels()
    _deliveries()
    op.create_table(
        "notifications",
        sa.Column("id", KEY, nullable=False),
        sa.Column("channel_key", KEY, nullable=False),
        sa.Column("notice_id", KEY, nullable=False),
        sa.Column("due_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("delivery_key", KEY, nullable=True),
        sa.Column("spared_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "delivery_key IS NULL OR spared_at_ms IS NULL", name=op.f("ck_notifications_sent_or_spared")
        ),
        sa.ForeignKeyConstraint(
            ["channel_key"],
            ["notification_channels.id"],
            name=op.f("fk_notifications_channel_key_notification_channels"),
        ),
        sa.ForeignKeyConstraint(
            ["delivery_key"], ["deliveries.id"], name=op.f("fk_notifications_delivery_key_deliveries")
        ),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name=op.f("fk_notifications_notice_id_notices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("channel_key", "notice_id", name=op.f("uq_notifications_channel_key_notice_id")),
    )
    for column in ("delivery_key", "notice_id"):
        op.create_index(op.f(f"ix_notifications_{column}"), "notifications", [column])
    op.create_index("ix_notifications_held", "notifications", ["due_at_ms"], sqlite_where=_HELD, postgresql_where=_HELD)
    op.create_table(
        "alert_tellings",
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("is_escalation", sa.Boolean(), nullable=False),
        sa.Column("batch", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_alert_tellings_alert_id_alerts")),
        sa.PrimaryKeyConstraint("alert_id", "is_escalation", name=op.f("pk_alert_tellings")),
    )
    op.create_index(op.f("ix_alert_tellings_batch"), "alert_tellings", ["batch"])


def downgrade() -> None:
    for table in ("alert_tellings", "notifications", "deliveries", "notification_channels"):
        op.drop_table(table)


def _channels() -> None:
    table = "notification_channels"
    op.create_table(
        table,
        sa.Column("id", KEY, nullable=False),
        sa.Column("channel_id", sa.String(64), nullable=False),
        sa.Column("organisation_id", KEY, nullable=True),
        sa.Column("jurisdiction_id", KEY, nullable=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", _choice("kind", "email", "webhook"), nullable=False),
        sa.Column("address", sa.String(500), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("minimum_severity", _choice("minimum_severity", "notice", "warning", "critical"), nullable=False),
        sa.Column("delay_minutes", sa.Integer(), nullable=False),
        sa.Column("quiet_from_minute", sa.Integer(), nullable=True),
        sa.Column("quiet_until_minute", sa.Integer(), nullable=True),
        sa.Column("digest", _choice("digest", "none", "hourly", "daily"), nullable=False),
        sa.Column("secret_salt", sa.LargeBinary(32), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("paused_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("failures_in_row", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rests_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(organisation_id IS NULL) <> (jurisdiction_id IS NULL)", name=op.f(f"ck_{table}_of_one_owner")
        ),
        sa.CheckConstraint(
            "(quiet_from_minute IS NULL) = (quiet_until_minute IS NULL)", name=op.f(f"ck_{table}_quiet_hours_whole")
        ),
        sa.CheckConstraint("(kind = 'webhook') = (secret_salt IS NOT NULL)", name=op.f(f"ck_{table}_webhooks_sign")),
        sa.CheckConstraint("delay_minutes >= 0", name=op.f(f"ck_{table}_delay_not_negative")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f(f"fk_{table}_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdictions.id"], name=op.f(f"fk_{table}_jurisdiction_id_jurisdictions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("channel_id", name=op.f(f"uq_{table}_channel_id")),
    )
    for column in ("organisation_id", "jurisdiction_id"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", KEY, nullable=False),
        sa.Column("delivery_id", sa.String(64), nullable=False),
        sa.Column("channel_key", KEY, nullable=False),
        sa.Column("is_test", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("state", _choice("state", "waiting", "failed", "sent", "given_up"), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease", sa.String(32), nullable=True),
        sa.Column("leased_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("address", sa.String(500), nullable=False),
        sa.Column("answered_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("answer_status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("failure", _choice("failure", *_FAILURES), nullable=True),
        sa.Column("sent_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('waiting', 'failed')) = (next_attempt_at_ms IS NOT NULL)",
            name=op.f("ck_deliveries_open_or_over"),
        ),
        sa.CheckConstraint(
            "(lease IS NULL) = (leased_until_ms IS NULL)", name=op.f("ck_deliveries_leased_until_some_time")
        ),
        sa.ForeignKeyConstraint(
            ["channel_key"],
            ["notification_channels.id"],
            name=op.f("fk_deliveries_channel_key_notification_channels"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("delivery_id", name=op.f("uq_deliveries_delivery_id")),
    )
    for column in ("channel_key", "next_attempt_at_ms"):
        op.create_index(op.f(f"ix_deliveries_{column}"), "deliveries", [column])
