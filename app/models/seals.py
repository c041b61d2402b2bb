"""Seals of stored samples (telemetry.sealing): blocks in chains, append-only."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, SmallInteger, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import AutoKey, Base, Bytes, Milliseconds, Prose


class SampleSeal(Base):
    """One block of a chain: keys and digests of the samples that a flush stored and that lie in one minute.

    Each worker continues the chain of its name; `number` counts from 1 without gaps. `first_ms` is the
    time of the earliest sample. Triggers of the database refuse to update or delete a row.
    """

    __tablename__ = "sample_seals"
    __table_args__ = (UniqueConstraint("chain", "number"), Index(None, "first_ms"))

    id: Mapped[AutoKey]
    chain: Mapped[Prose]
    number: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[int] = mapped_column(SmallInteger)
    sealed_at_ms: Mapped[Milliseconds]
    first_ms: Mapped[Milliseconds]
    sample_count: Mapped[int] = mapped_column(Integer)
    keys: Mapped[Bytes]
    digests: Mapped[Bytes]
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class SealHead(Base):
    """Number and hash of a chain's newest block, locked by each flush that continues the chain."""

    __tablename__ = "seal_heads"

    chain: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
