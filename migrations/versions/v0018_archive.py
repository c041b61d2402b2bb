"""Control: archived days are GeoParquet files with rejects beside them, and can be asked back for a time.

Days that were archived as GeoPackage, by a version that was never released, would need that version to be
read: the upgrade refuses to lose sight of them. So does the way back, as ever.

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _refuse_if_filled()
    op.drop_table("archives")
    op.create_table(
        *_common(),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("rejects", sa.BigInteger(), nullable=False),
        sa.Column("restored_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("restored_until_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "restored_until_ms IS NULL OR emptied_at_ms IS NULL", name=op.f("ck_archives_restored_or_emptied")
        ),
        sa.CheckConstraint(
            "restored_at_ms IS NULL OR restored_until_ms IS NOT NULL", name=op.f("ck_archives_restored_for_a_time")
        ),
    )


def downgrade() -> None:
    _refuse_if_filled()
    op.drop_table("archives")
    op.create_table(
        *_common(),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("file_name", name=op.f("uq_archives_file_name")),
    )


def _refuse_if_filled() -> None:
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM archives")):
        raise RuntimeError("samples are in the archive: without this table nobody would know where")


def _common() -> tuple[str, *tuple[sa.schema.SchemaItem, ...]]:
    return (
        "archives",
        sa.Column("id", KEY, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("samples", sa.BigInteger(), nullable=False),
        sa.Column("blocks", sa.BigInteger(), nullable=False),
        sa.Column("archived_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("emptied_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("samples > 0", name=op.f("ck_archives_not_empty")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archives")),
        sa.UniqueConstraint("day", name=op.f("uq_archives_day")),
    )
