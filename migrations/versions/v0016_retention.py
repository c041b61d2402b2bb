"""Control: days of samples leave for the archive, and chains of seals are cut behind them.

Blocks can be deleted up to the cut of their chain, which the audit log tells of; nothing else changed.
The way back is closed once something was archived: the tables that name the files would be lost.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_REFUSAL = "the seals of samples are append-only"
_IS_CUT = "EXISTS (SELECT 1 FROM seal_cuts WHERE chain = OLD.chain AND number >= OLD.number)"


def upgrade() -> None:
    op.create_table(
        "archives",
        sa.Column("id", KEY, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("samples", sa.BigInteger(), nullable=False),
        sa.Column("blocks", sa.BigInteger(), nullable=False),
        sa.Column("archived_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("emptied_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("samples > 0", name=op.f("ck_archives_not_empty")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archives")),
        sa.UniqueConstraint("day", name=op.f("uq_archives_day")),
        sa.UniqueConstraint("file_name", name=op.f("uq_archives_file_name")),
    )
    op.create_table(
        "seal_cuts",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("cut_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_seal_cuts")),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER sample_seals_no_delete")
        op.execute(
            f"CREATE TRIGGER sample_seals_no_delete BEFORE DELETE ON sample_seals WHEN NOT {_IS_CUT}"
            f" BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )
        return
    op.execute("DROP TRIGGER sample_seals_append_only ON sample_seals")
    op.execute(
        "CREATE TRIGGER sample_seals_append_only BEFORE UPDATE OR TRUNCATE ON sample_seals"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_seal_change()"
    )
    op.execute(
        "CREATE FUNCTION refuse_uncut_seal() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN IF {_IS_CUT} THEN RETURN OLD; END IF; RAISE EXCEPTION '{_REFUSAL}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER sample_seals_cut_only BEFORE DELETE ON sample_seals"
        " FOR EACH ROW EXECUTE FUNCTION refuse_uncut_seal()"
    )


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM archives")):
        raise RuntimeError("samples are in the archive: without these tables nobody would know where")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER sample_seals_no_delete")
        op.execute(
            "CREATE TRIGGER sample_seals_no_delete BEFORE DELETE ON sample_seals"
            f" BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )
    else:
        op.execute("DROP TRIGGER sample_seals_cut_only ON sample_seals")
        op.execute("DROP FUNCTION refuse_uncut_seal()")
        op.execute("DROP TRIGGER sample_seals_append_only ON sample_seals")
        op.execute(
            "CREATE TRIGGER sample_seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sample_seals"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_seal_change()"
        )
    op.drop_table("seal_cuts")
    op.drop_table("archives")
