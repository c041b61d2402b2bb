"""Permits as they stand at an instant: lists and revisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, defer

from app.database import in_parts
from app.models import Jurisdiction, Organisation, Permit, PermitRevisionRow, Stage, User
from app.models.permits import permit_revision_vehicles
from app.schemas.permits import Standing
from app.services.pages import Page, holds, page_among, page_in, read_page
from app.services.permit_life import Decision, decision_of
from app.services.permits import permit_by_number
from app.services.revisions import in_force
from telemetry.ports import PermitState

#: Who decides when nobody did.
PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class StandingPermit:
    """A permit at an instant.

    `current` is the revision in force (before the first one starts: that one), `newest` the last
    decision, whether or not it has started.
    """

    permit: Permit
    current: PermitRevisionRow
    newest: PermitRevisionRow
    standing: Standing
    vehicle_count: int


@dataclass(frozen=True, slots=True)
class PermitFilter:
    """Which permits a list holds; None: any. `holder` and `jurisdiction` are codes."""

    organisation_id: int | None = None
    standing: Standing | None = None
    stage: Stage | None = None
    holder: str | None = None
    jurisdiction: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class TakenDecision:
    """A revision with what was decided and by whom."""

    revision: PermitRevisionRow
    decision: Decision
    decided_by: str


def standing_of(revision: PermitRevisionRow, now_ms: int) -> Standing:
    """What the permit is worth; a period that is over counts at once, before the platform writes it down."""
    if revision.state not in {PermitState.ISSUED, PermitState.SUSPENDED}:
        return Standing(revision.state.value)
    if now_ms >= revision.valid_until_ms:
        return Standing.EXPIRED
    if revision.state is PermitState.SUSPENDED:
        return Standing.SUSPENDED
    begins_at_ms = max(revision.valid_from_ms, revision.starts_at_ms)
    return Standing.UPCOMING if now_ms < begins_at_ms else Standing.ISSUED


def standing_permits(session: Session, *, now_ms: int, organisation_id: int | None = None) -> list[StandingPermit]:
    """Every permit, or one holder's, by number; their terms are read when they are asked for."""
    wanted = PermitFilter(organisation_id=organisation_id)
    found = _standing(session, session.scalars(_revisions(wanted, now_ms)).all(), now_ms)
    return sorted(found, key=_number)


def permit_page(
    session: Session, wanted: PermitFilter, *, now_ms: int, limit: int, cursor: str | None
) -> Page[StandingPermit]:
    """One page of permits by number, as `standing_permits` gives them. Raises InvalidChange for a foreign cursor."""

    def read(limit: int, cursor: str | None) -> Page[StandingPermit]:
        page = read_page(
            session, select(Permit.id).where(*_conditions(wanted)), Permit.number, limit=limit, cursor=cursor
        )
        ids = [permit_id for (permit_id,) in page.items]
        rows = session.scalars(_revisions(wanted, now_ms).where(PermitRevisionRow.permit_id.in_(ids))).all()
        found = {each.permit.id: each for each in _standing(session, rows, now_ms)}
        return Page([found[permit_id] for permit_id in ids if permit_id in found], page.next_cursor)

    def fits(each: StandingPermit) -> bool:
        return wanted.standing in {None, each.standing} and wanted.stage in {None, each.current.stage}

    is_wanted = None if wanted.standing is None and wanted.stage is None else fits
    return page_among(read, is_wanted, lambda each: (_number(each),), limit=limit, cursor=cursor)


def _number(found: StandingPermit) -> str:
    return found.permit.number


def _revisions(wanted: PermitFilter, now_ms: int) -> Select[PermitRevisionRow]:
    """The revisions that tell how permits stand now.

    A decision that has started replaces all before it: earlier ones are read only where one is still to come.
    """
    newest = select(func.max(PermitRevisionRow.id)).group_by(PermitRevisionRow.permit_id)
    pending = select(PermitRevisionRow.permit_id).where(PermitRevisionRow.starts_at_ms > now_ms)
    return (
        select(PermitRevisionRow)
        .join(PermitRevisionRow.permit)
        .options(defer(PermitRevisionRow.terms))
        .where(PermitRevisionRow.id.in_(newest) | PermitRevisionRow.permit_id.in_(pending), *_conditions(wanted))
    )


def _conditions(wanted: PermitFilter) -> Iterator[ColumnElement[bool]]:
    """What a query can ask: not how the permit stands."""
    if wanted.organisation_id is not None:
        yield Permit.holder_id == wanted.organisation_id
    if wanted.holder is not None:
        yield Permit.holder.has(Organisation.code == wanted.holder)
    if wanted.jurisdiction is not None:
        yield Permit.jurisdiction.has(Jurisdiction.code == wanted.jurisdiction)
    if wanted.text:
        yield holds(wanted.text, Permit.number)


def standing_permit(session: Session, number: str, *, now_ms: int) -> StandingPermit:
    """One permit. Raises NotFound."""
    permit = permit_by_number(session, number)
    rows = session.scalars(select(PermitRevisionRow).where(PermitRevisionRow.permit_id == permit.id)).all()
    return _standing(session, rows, now_ms)[0]


def decisions_on(session: Session, permit: Permit) -> list[TakenDecision]:
    """Every decision on a permit, newest first."""
    query = select(PermitRevisionRow, User.display_name).outerjoin(User, PermitRevisionRow.actor_id == User.id)
    rows = session.execute(query.where(PermitRevisionRow.permit_id == permit.id).order_by(PermitRevisionRow.number))
    taken: list[TakenDecision] = []
    for revision, name in rows:
        before = taken[-1].revision if taken else None
        taken.append(TakenDecision(revision, decision_of(before, revision), name or PLATFORM))
    return taken[::-1]


def decision_page(session: Session, permit: Permit, *, limit: int, cursor: str | None) -> Page[TakenDecision]:
    """One page of the decisions, newest first. Raises InvalidChange for a foreign cursor.

    What was decided is told by the revision before: a permit's are read as a whole.
    """
    taken = decisions_on(session, permit)
    return page_in(taken, lambda each: each.revision.number, limit=limit, cursor=cursor, newest_first=True)


def _standing(session: Session, rows: Iterable[PermitRevisionRow], now_ms: int) -> list[StandingPermit]:
    revisions: defaultdict[int, list[PermitRevisionRow]] = defaultdict(list)
    for row in rows:
        revisions[row.permit_id].append(row)
    current = {permit_id: _current(of_one, now_ms) for permit_id, of_one in revisions.items()}
    counts = _vehicle_counts(session, [row.id for row in current.values()])
    return [
        StandingPermit(
            permit=row.permit,
            current=row,
            newest=max(revisions[permit_id], key=lambda each: each.number),
            standing=standing_of(row, now_ms),
            vehicle_count=counts.get(row.id, 0),
        )
        for permit_id, row in current.items()
    ]


def _current(revisions: Sequence[PermitRevisionRow], now_ms: int) -> PermitRevisionRow:
    periods = list(in_force(revisions, lambda row: row.permit_id))
    started = [row for row, start_ms, end_ms in periods if start_ms <= now_ms < end_ms]
    return started[0] if started else min(periods, key=lambda period: period[1])[0]


def _vehicle_counts(session: Session, revision_ids: Sequence[int]) -> dict[int, int]:
    of = permit_revision_vehicles.c
    counted = select(of.revision_id, func.count()).group_by(of.revision_id)
    parts = (session.execute(counted.where(of.revision_id.in_(some))) for some in in_parts(revision_ids))
    return {revision_id: count for part in parts for revision_id, count in part}
