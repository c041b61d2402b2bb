"""Separation: what was near an aircraft is stored with its sample.

Of samples that are stored already nobody looked. Their seals stay valid: they are of a format without
the column. The way back loses what was observed; samples that were sealed with it no longer match
their seals then.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("samples", sa.Column("proximity", sa.SmallInteger(), server_default="-1", nullable=False))


def downgrade() -> None:
    op.drop_column("samples", "proximity")
