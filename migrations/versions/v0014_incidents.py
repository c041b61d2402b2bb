"""Incidents in full: more kinds, their states, deadlines by jurisdiction, revisions, files, and the alerts behind them.

Incidents of before were reported, and count as reported in full. The way back forgets what they have
besides, and proposals altogether; a kind that the older version does not know becomes `other`.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OLD_KINDS = ("collision", "emergency_landing", "near_miss", "system_failure", "other")
KINDS = (*OLD_KINDS, "injury", "disengagement", "loss_of_link", "cyber")
STATES = ("proposed", "dismissed", "reported", "under_review", "closed")
HOUR_MS = 3_600_000


def _choice(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=False, length=32)


def _one_of(name: str, values: tuple[str, ...]) -> str:
    return f"{name} IN ({', '.join(repr(value) for value in values)})"


def upgrade() -> None:
    op.add_column("jurisdictions", sa.Column("deadlines", sa.JSON(), server_default="{}", nullable=False))
    op.create_index("ix_alerts_finding_opened_at_ms", "alerts", ["finding", "opened_at_ms"])
    with op.batch_alter_table("incidents") as incidents:
        incidents.add_column(sa.Column("state", _choice("state", STATES), server_default="reported", nullable=False))
        incidents.add_column(sa.Column("injured", sa.Integer(), server_default="0", nullable=False))
        incidents.add_column(sa.Column("killed", sa.Integer(), server_default="0", nullable=False))
        incidents.add_column(sa.Column("lon", sa.Double(), nullable=True))
        incidents.add_column(sa.Column("lat", sa.Double(), nullable=True))
        incidents.add_column(sa.Column("disengagement", sa.JSON(none_as_null=True), nullable=True))
        incidents.add_column(sa.Column("proposed_at_ms", sa.BigInteger(), nullable=True))
        incidents.add_column(sa.Column("first_due_ms", sa.BigInteger(), server_default="0", nullable=False))
        incidents.add_column(sa.Column("full_due_ms", sa.BigInteger(), server_default="0", nullable=False))
        incidents.add_column(sa.Column("complete_at_ms", sa.BigInteger(), nullable=True))
        incidents.add_column(sa.Column("closed_at_ms", sa.BigInteger(), nullable=True))
        incidents.add_column(sa.Column("conclusion", sa.Text(), server_default="", nullable=False))
        incidents.alter_column("reported_at_ms", existing_type=sa.BigInteger(), nullable=True)
        incidents.drop_constraint(op.f("ck_incidents_kind"), type_="check")
    incident = sa.table(
        "incidents",
        *(sa.column(name, sa.BigInteger()) for name in ("occurred_at_ms", "reported_at_ms", "complete_at_ms")),
        *(sa.column(name, sa.BigInteger()) for name in ("first_due_ms", "full_due_ms")),
    )
    op.execute(
        sa.update(incident).values(
            first_due_ms=incident.c.occurred_at_ms + 24 * HOUR_MS,
            full_due_ms=incident.c.occurred_at_ms + 240 * HOUR_MS,
            complete_at_ms=incident.c.reported_at_ms,
        )
    )
    with op.batch_alter_table("incidents") as incidents:
        for column in ("first_due_ms", "full_due_ms"):
            incidents.alter_column(column, existing_type=sa.BigInteger(), server_default=None)
        incidents.alter_column("state", existing_type=sa.String(32), server_default=None)
        incidents.create_check_constraint(op.f("ck_incidents_kind"), _one_of("kind", KINDS))
        incidents.create_check_constraint(op.f("ck_incidents_state"), _one_of("state", STATES))
        incidents.create_check_constraint(
            op.f("ck_incidents_reported_or_not"),
            "(state IN ('proposed', 'dismissed')) = (reported_at_ms IS NULL)",
        )
        incidents.create_check_constraint(
            op.f("ck_incidents_closed_at_some_time"), "(state = 'closed') = (closed_at_ms IS NOT NULL)"
        )
        incidents.create_check_constraint(op.f("ck_incidents_people_counted"), "injured >= 0 AND killed >= 0")
        incidents.create_check_constraint(op.f("ck_incidents_whole_place"), "(lon IS NULL) = (lat IS NULL)")
    op.create_index(op.f("ix_incidents_state"), "incidents", ["state"])
    _create_revisions()
    _create_links("incident_attachments", "incident_key", "attachment_key")
    op.create_table(
        "incident_alerts",
        sa.Column("alert_key", KEY, nullable=False, autoincrement=False),
        sa.Column("incident_key", KEY, nullable=False),
        sa.ForeignKeyConstraint(["alert_key"], ["alerts.id"], name=op.f("fk_incident_alerts_alert_key_alerts")),
        sa.ForeignKeyConstraint(
            ["incident_key"], ["incidents.id"], name=op.f("fk_incident_alerts_incident_key_incidents")
        ),
        sa.PrimaryKeyConstraint("alert_key", name=op.f("pk_incident_alerts")),
    )
    op.create_index(op.f("ix_incident_alerts_incident_key"), "incident_alerts", ["incident_key"])


def _create_revisions() -> None:
    op.create_table(
        "incident_revisions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("incident_key", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("actor_id", KEY, nullable=True),
        sa.Column("recorded_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_key"], ["incidents.id"], name=op.f("fk_incident_revisions_incident_key_incidents")
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_incident_revisions_actor_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_revisions")),
        sa.UniqueConstraint("incident_key", "number", name=op.f("uq_incident_revisions_incident_key_number")),
    )


def _create_links(name: str, incident: str, other: str) -> None:
    op.create_table(
        name,
        sa.Column(incident, KEY, nullable=False),
        sa.Column(other, KEY, nullable=False),
        sa.ForeignKeyConstraint([incident], ["incidents.id"], name=op.f(f"fk_{name}_{incident}_incidents")),
        sa.ForeignKeyConstraint([other], ["attachments.id"], name=op.f(f"fk_{name}_{other}_attachments")),
        sa.PrimaryKeyConstraint(incident, other, name=op.f(f"pk_{name}")),
    )


def downgrade() -> None:
    op.drop_table("incident_alerts")
    op.drop_table("incident_attachments")
    op.drop_table("incident_revisions")
    op.drop_index(op.f("ix_incidents_state"), "incidents")
    op.execute("DELETE FROM incidents WHERE state IN ('proposed', 'dismissed')")
    with op.batch_alter_table("incidents") as incidents:
        for name in ("kind", "state", "reported_or_not", "closed_at_some_time", "people_counted", "whole_place"):
            incidents.drop_constraint(op.f(f"ck_incidents_{name}"), type_="check")
    incident = sa.table("incidents", sa.column("kind", sa.String()))
    op.execute(sa.update(incident).where(incident.c.kind.not_in(OLD_KINDS)).values(kind="other"))
    with op.batch_alter_table("incidents") as incidents:
        for column in ("conclusion", "closed_at_ms", "complete_at_ms", "full_due_ms", "first_due_ms", "proposed_at_ms"):
            incidents.drop_column(column)
        for column in ("disengagement", "lat", "lon", "killed", "injured", "state"):
            incidents.drop_column(column)
        incidents.alter_column("reported_at_ms", existing_type=sa.BigInteger(), nullable=False)
        incidents.create_check_constraint(op.f("ck_incidents_kind"), _one_of("kind", OLD_KINDS))
    op.drop_index("ix_alerts_finding_opened_at_ms", "alerts")
    with op.batch_alter_table("jurisdictions") as jurisdictions:
        jurisdictions.drop_column("deadlines")
