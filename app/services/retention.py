"""What leaves the database and when: which days are due, what is held, and each step told to the audit log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import Conflict
from app.models import Sample, SampleArchive, SampleSeal, SealCut, SealHead
from app.services.incident_windows import open_incident_windows
from app.storage.archive import DAY_MS, Written

#: Actions of the audit log; `after` of the second is {"cuts": {chain: [number, hash in hexadecimal]}}.
ARCHIVED: Final = "archive.written"
CUT: Final = "seal.cut"
_FETCHED_AT_ONCE = 5_000


def next_day_due(session: Session, before_ms: int, after_day: int) -> int | None:
    """The oldest day later than `after_day` that has samples, ends before then and is not archived yet."""
    archived = set(session.scalars(select(SampleArchive.day).where(SampleArchive.day > after_day)))
    day = _oldest_day(session, after_day)
    while day is not None and day in archived:
        day = _oldest_day(session, day)
    return None if day is None or (day + 1) * DAY_MS > before_ms else day


def _oldest_day(session: Session, after_day: int) -> int | None:
    wanted = select(func.min(Sample.timestamp_ms)).where(Sample.timestamp_ms >= (after_day + 1) * DAY_MS)
    oldest_ms = session.scalar(wanted)
    return None if oldest_ms is None else oldest_ms // DAY_MS


def held_days(session: Session) -> set[int]:
    """Days of which a sample may be evidence of an incident that is still open: they stay as they are, whole."""
    return {
        day
        for _vehicle, since_ms, until_ms in open_incident_windows(session)
        for day in range(since_ms // DAY_MS, until_ms // DAY_MS + 1)
    }


def record_archive(
    session: Session, day: int, *, file_name: str, sha256: bytes, size_bytes: int, written: Written, now_ms: int
) -> SampleArchive:
    """From here on the day is in the archive. Raises Conflict when the database has other samples of it by now."""
    time = Sample.timestamp_ms
    stored = session.scalar(select(func.count()).where(time >= day * DAY_MS, time < (day + 1) * DAY_MS))
    if stored != written.samples or day in held_days(session):
        raise Conflict("the day has changed while it was written")
    archive = SampleArchive(
        day=day,
        file_name=file_name,
        sha256=sha256,
        size_bytes=size_bytes,
        samples=written.samples,
        blocks=written.blocks,
        archived_at_ms=now_ms,
        emptied_at_ms=None,
    )
    session.add(archive)
    session.flush()
    record(session, ARCHIVED, _subject(archive), actor=None, now_ms=now_ms, after=state_of(archive))
    return archive


def record_emptied(session: Session, archive: SampleArchive, now_ms: int) -> None:
    """The day's last sample has left the database."""
    archive.emptied_at_ms = now_ms
    session.flush()
    record(session, "archive.emptied", _subject(archive), actor=None, now_ms=now_ms, after=state_of(archive))


def not_emptied(session: Session) -> Sequence[SampleArchive]:
    """Archived days with samples in the database still: something was interrupted, or begins."""
    wanted = select(SampleArchive).where(SampleArchive.emptied_at_ms.is_(None)).order_by(SampleArchive.day)
    return session.scalars(wanted).all()


def cut_chains(session: Session, now_ms: int) -> None:
    """Let each chain begin after its first blocks whose samples have all left; the audit log names where."""
    gone = set(session.scalars(select(SampleArchive.day).where(SampleArchive.emptied_at_ms.is_not(None))))
    cuts = {cut.chain: cut for cut in session.scalars(select(SealCut))}
    told: dict[str, list[int | str]] = {}
    for chain in session.scalars(select(SealHead.chain).order_by(SealHead.chain)).all():
        known = cuts.get(chain)
        last = _last_gone(session, chain, known.number if known else 0, gone)
        if last is None:
            continue
        cut = known or SealCut(chain=chain, number=0, hash=b"", cut_at_ms=now_ms)
        cut.number, cut.hash, cut.cut_at_ms = last[0], last[1], now_ms
        session.add(cut)
        told[chain] = [last[0], last[1].hex()]
    session.flush()
    if told:
        record(session, CUT, Subject("seal", "cuts"), actor=None, now_ms=now_ms, after={"cuts": told})


def cut_blocks(session: Session) -> Iterable[tuple[str, int]]:
    """The cuts behind which blocks are left to be deleted: chain and number."""
    wanted = select(SealCut.chain, SealCut.number).where(
        select(SampleSeal.id).where(SampleSeal.chain == SealCut.chain, SampleSeal.number <= SealCut.number).exists()
    )
    return [(chain, number) for chain, number in session.execute(wanted.order_by(SealCut.chain))]


def _last_gone(session: Session, chain: str, after: int, gone: set[int]) -> tuple[int, bytes] | None:
    """Number and hash of the last block of the chain's beginning whose samples have all left."""
    last: tuple[int, bytes] | None = None
    wanted = select(SampleSeal.number, SampleSeal.hash, SampleSeal.first_ms).where(
        SampleSeal.chain == chain, SampleSeal.number > after
    )
    ordered = wanted.order_by(SampleSeal.number).execution_options(yield_per=_FETCHED_AT_ONCE)
    with session.execute(ordered) as rows:
        for number, digest, first_ms in rows:
            if first_ms // DAY_MS not in gone:
                break
            last = (number, digest)
    return last


def _subject(archive: SampleArchive) -> Subject:
    return Subject("archive", archive.file_name)
