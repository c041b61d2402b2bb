"""What leaves the database and when: which days are due, what is held, and each step told to the audit log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.calendar import utc_date
from app.errors import Conflict, InvalidChange, NotFound
from app.models import Sample, SampleArchive, SampleSeal, SealCut, SealHead
from app.services.incident_windows import open_incident_windows
from app.storage.archive import DAY_MS, SAMPLES, Written

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
    session: Session, day: int, *, files: Mapping[str, Any], written: Written, now_ms: int
) -> SampleArchive:
    """From here on the day is in the archive. Raises Conflict when the database has other samples of it by now."""
    stored = session.scalar(select(func.count()).where(*SAMPLES.of_day(day)).select_from(Sample))
    if stored != written.samples or day in held_days(session):
        raise Conflict("the day has changed while it was written")
    archive = SampleArchive(
        day=day,
        files=dict(files),
        samples=written.samples,
        blocks=written.blocks,
        rejects=written.rejects,
        archived_at_ms=now_ms,
    )
    session.add(archive)
    _recorded(session, ARCHIVED, archive, now_ms)
    return archive


def archive_of(session: Session, day: int) -> SampleArchive:
    """Raises NotFound for a day that is not in the archive."""
    archive = session.scalar(select(SampleArchive).where(SampleArchive.day == day))
    if archive is None:
        raise NotFound(f"{utc_date(day)} is not in the archive")
    return archive


def record_emptied(session: Session, archive: SampleArchive, now_ms: int) -> None:
    """The day's last sample has left the database."""
    archive.emptied_at_ms = now_ms
    _recorded(session, "archive.emptied", archive, now_ms)


def record_restoring(session: Session, archive: SampleArchive, until_ms: int, now_ms: int) -> None:
    """The day is wanted in the database until then. Raises Conflict while it is still about to leave."""
    if archive.emptied_at_ms is None and archive.restored_until_ms is None:
        raise Conflict("the day has not left the database yet: try again when `pilotage retain` is done")
    archive.emptied_at_ms, archive.restored_until_ms = None, until_ms
    _recorded(session, "archive.restoring", archive, now_ms)


def record_restored(session: Session, archive: SampleArchive, now_ms: int) -> None:
    """The day is in the database again, whole."""
    archive.restored_at_ms = now_ms
    _recorded(session, "archive.restored", archive, now_ms)


def record_leaving(session: Session, archive: SampleArchive, now_ms: int) -> None:
    """A restored day is no more to be relied on: its samples are about to be deleted again."""
    archive.restored_at_ms = archive.restored_until_ms = None
    _recorded(session, "archive.leaving", archive, now_ms)


def leaving(session: Session, now_ms: int) -> Sequence[SampleArchive]:
    """Archived days with samples in the database that are not wanted there: something was interrupted, or begins.

    Evidence of an open incident is wanted, wherever else it is.
    """
    wanted = select(SampleArchive).where(
        SampleArchive.emptied_at_ms.is_(None),
        SampleArchive.restored_until_ms.is_(None) | (SampleArchive.restored_until_ms <= now_ms),
    )
    held = held_days(session)
    return [archive for archive in session.scalars(wanted.order_by(SampleArchive.day)) if archive.day not in held]


def require_present(session: Session, since_ms: int, until_ms: int) -> None:
    """Raises InvalidChange when samples of [since_ms, until_ms) are in the archive only; it says how to get them."""
    wanted = select(SampleArchive.day).where(
        SampleArchive.day >= since_ms // DAY_MS,
        SampleArchive.day <= (until_ms - 1) // DAY_MS,
        SampleArchive.restored_at_ms.is_(None),
    )
    day = session.scalar(wanted.order_by(SampleArchive.day).limit(1))
    if day is not None:
        raise InvalidChange(
            f"the samples of {utc_date(day)} (UTC) are in the archive: pilotage archive restore {utc_date(day)}",
            code="day_archived",
            day=utc_date(day),
        )


def absent_days(session: Session) -> Sequence[int]:
    """Days in the archive that are not wholly in the database, in order."""
    wanted = select(SampleArchive.day).where(SampleArchive.restored_at_ms.is_(None))
    return session.scalars(wanted.order_by(SampleArchive.day)).all()


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
    """The cuts behind which blocks are left to be deleted: chain and number. None while a restored day needs some."""
    if session.scalar(select(SampleArchive.id).where(SampleArchive.restored_until_ms.is_not(None)).limit(1)):
        return []
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


def _recorded(session: Session, action: str, archive: SampleArchive, now_ms: int) -> None:
    session.flush()
    subject = Subject("archive", utc_date(archive.day))
    record(session, action, subject, actor=None, now_ms=now_ms, after=state_of(archive))
