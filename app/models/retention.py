"""What has left the database: days of samples in the archive, and how far the chains of seals were cut."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Integer, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import AutoKey, Base, Milliseconds


class SampleArchive(Base):
    """One day of samples, their seals and rejects in files of the archive. `day` counts from 1970-01-01 UTC.

    `files` are `{name: {"sha256": ..., "bytes": ...}}`: there, whole and checked, before the row is.
    `emptied_at_ms` says when the last sample of the day had left the database. A day that is asked for again
    is in the database, too, until `restored_until_ms`; it is whole there since `restored_at_ms`.
    """

    __tablename__ = "archives"
    __table_args__ = (
        CheckConstraint("samples > 0", name="not_empty"),
        CheckConstraint("restored_until_ms IS NULL OR emptied_at_ms IS NULL", name="restored_or_emptied"),
        CheckConstraint("restored_at_ms IS NULL OR restored_until_ms IS NOT NULL", name="restored_for_a_time"),
    )

    id: Mapped[AutoKey]
    day: Mapped[int] = mapped_column(Integer, unique=True)
    files: Mapped[dict[str, Any]] = mapped_column(JSON)
    samples: Mapped[int] = mapped_column(BigInteger)
    blocks: Mapped[int] = mapped_column(BigInteger)
    rejects: Mapped[int] = mapped_column(BigInteger)
    archived_at_ms: Mapped[Milliseconds]
    emptied_at_ms: Mapped[Milliseconds | None]
    restored_at_ms: Mapped[Milliseconds | None]
    restored_until_ms: Mapped[Milliseconds | None]


class SealCut(Base):
    """Number and hash of the last block that was cut from a chain's beginning: its samples are in the archive.

    A trigger lets blocks up to this one be deleted, and no others.
    """

    __tablename__ = "seal_cuts"

    chain: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    cut_at_ms: Mapped[Milliseconds]
