"""Control: evidence bundles. The way back loses them.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "evidence_bundles",
        sa.Column("id", KEY, nullable=False),
        sa.Column("bundle_id", sa.String(64), nullable=False),
        sa.Column("vehicle_key", KEY, nullable=False),
        sa.Column("organisation_id", KEY, nullable=True),
        sa.Column("moment_ms", sa.BigInteger(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("exported_by_id", KEY, nullable=False),
        sa.Column("exported_at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("until_ms > since_ms", name=op.f("ck_evidence_bundles_window_not_empty")),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_evidence_bundles_not_empty")),
        sa.ForeignKeyConstraint(
            ["vehicle_key"], ["vehicles.id"], name=op.f("fk_evidence_bundles_vehicle_key_vehicles")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_evidence_bundles_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(
            ["exported_by_id"], ["users.id"], name=op.f("fk_evidence_bundles_exported_by_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_bundles")),
        sa.UniqueConstraint("bundle_id", name=op.f("uq_evidence_bundles_bundle_id")),
        sa.UniqueConstraint("sha256", name=op.f("uq_evidence_bundles_sha256")),
    )
    for column in ("vehicle_key", "organisation_id"):
        op.create_index(op.f(f"ix_evidence_bundles_{column}"), "evidence_bundles", [column])


def downgrade() -> None:
    op.drop_table("evidence_bundles")
