"""Control: stored samples are sealed in hash chains.

Samples that are stored already are sealed as they are found, in a chain of their own: what was
altered before the upgrade cannot be told. The way back loses the seals.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import groupby, islice

import sqlalchemy as sa
from alembic import op

from app.storage.sealing import write_seals
from telemetry.clock import system_clock
from telemetry.sealing import ADDED, COLUMNS, SPAN_MS, BlockContent, digest_of

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_SEALS_ARE_APPEND_ONLY = "the seals of samples are append-only"
_CHAIN_OF_THE_UPGRADE = "upgrade"
_FORMAT = 1
_LATER = {name: value for added in ADDED.values() for name, value in added.items()}
_ROWS_OF_A_BLOCK = 1_000


def upgrade() -> None:
    _create_seals()
    _seal_what_is_stored()


def downgrade() -> None:
    _drop_seals()


def _create_seals() -> None:
    op.create_table(
        "sample_seals",
        sa.Column("id", KEY, nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.SmallInteger(), nullable=False),
        sa.Column("sealed_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("sample_count", sa.Integer(), nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample_seals")),
        sa.UniqueConstraint("chain", "number", name=op.f("uq_sample_seals_chain_number")),
    )
    op.create_index(op.f("ix_sample_seals_first_ms"), "sample_seals", ["first_ms"])
    op.create_table(
        "seal_heads",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_seal_heads")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER sample_seals_no_{change.lower()} BEFORE {change} ON sample_seals"
                f" BEGIN SELECT RAISE(ABORT, '{_SEALS_ARE_APPEND_ONLY}'); END"
            )
        return
    # Digests cannot be compressed: PostgreSQL need not try.
    op.execute("ALTER TABLE sample_seals ALTER COLUMN digests SET STORAGE EXTERNAL")
    op.execute(
        "CREATE FUNCTION refuse_seal_change() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{_SEALS_ARE_APPEND_ONLY}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER sample_seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sample_seals"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_seal_change()"
    )


def _seal_what_is_stored() -> None:
    connection, now_ms = op.get_bind(), system_clock()
    for content in _contents(connection):
        write_seals(connection, _CHAIN_OF_THE_UPGRADE, [content], sealed_at_ms=now_ms, version=_FORMAT)


def _contents(connection: sa.Connection) -> Iterator[BlockContent]:
    """Blocks of what is stored, each of samples that lie in the same minute, in the order of time."""
    samples = sa.table("samples", *(sa.column(name) for name in COLUMNS if name not in _LATER))
    columns = [sa.literal(_LATER[name]).label(name) if name in _LATER else samples.c[name] for name in COLUMNS]
    query = sa.select(*columns).order_by(samples.c.timestamp_ms, samples.c.vehicle, samples.c.seq)
    rows = connection.execute(query.execution_options(yield_per=_ROWS_OF_A_BLOCK))
    for _, minute in groupby(rows, key=lambda row: row.timestamp_ms // SPAN_MS):
        while some := list(islice(minute, _ROWS_OF_A_BLOCK)):
            keys = b"".join(struct.pack("<3q", *row[:3]) for row in some)
            digests = b"".join(digest_of(row, _FORMAT) for row in some)
            yield BlockContent(some[0].timestamp_ms, len(some), keys, digests)


def _drop_seals() -> None:
    op.drop_table("sample_seals")  # its triggers go with it
    op.drop_table("seal_heads")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_seal_change()")
