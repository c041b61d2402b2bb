"""Which findings samples were judged for, so that a replay of older samples finds what was found then.

The way back forgets the alerts of findings that the older version does not know; samples keep the bits.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.registry.judged import begin_to_judge

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

#: The bits 0 to 17, which were judged from the first sample on.
FIRST = (1 << 18) - 1
#: separation, vertiport_conflict, low_battery, takeover, minimal_risk, hard_braking; no sample shows link_lost (21).
OCCURRENCES = 1 << 18 | 1 << 19 | 1 << 20 | 1 << 22 | 1 << 23 | 1 << 24
LINK_LOST = 1 << 21


def upgrade() -> None:
    judged = op.create_table(
        "judged_findings",
        sa.Column("generation", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("findings", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("generation", name=op.f("pk_judged_findings")),
    )
    op.bulk_insert(judged, [{"generation": 0, "findings": FIRST}])
    begin_to_judge(op.get_bind(), OCCURRENCES)


def downgrade() -> None:
    unknown = sa.text("DELETE FROM alerts WHERE finding & :unknown <> 0")
    op.get_bind().execute(unknown, {"unknown": OCCURRENCES | LINK_LOST})
    op.drop_table("judged_findings")
