"""What has left the database: days of samples in the archive, and how far the chains of seals were cut."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Integer, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import AutoKey, Base, Milliseconds, Name


class SampleArchive(Base):
    """One day of samples and their seals in a file of the archive. `day` counts from 1970-01-01 UTC.

    The file is there, whole and checked, before the row is; `emptied_at_ms` says when the last sample of
    the day had left the database.
    """

    __tablename__ = "archives"
    __table_args__ = (CheckConstraint("samples > 0", name="not_empty"),)

    id: Mapped[AutoKey]
    day: Mapped[int] = mapped_column(Integer, unique=True)
    file_name: Mapped[Name] = mapped_column(unique=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    samples: Mapped[int] = mapped_column(BigInteger)
    blocks: Mapped[int] = mapped_column(BigInteger)
    archived_at_ms: Mapped[Milliseconds]
    emptied_at_ms: Mapped[Milliseconds | None]


class SealCut(Base):
    """Number and hash of the last block that was cut from a chain's beginning: its samples are in the archive.

    A trigger lets blocks up to this one be deleted, and no others.
    """

    __tablename__ = "seal_cuts"

    chain: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    cut_at_ms: Mapped[Milliseconds]
