"""Which zones an application may ask for: those of its jurisdiction, and those of jurisdictions that recognise it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Jurisdiction, RecognitionRevision, Stage, ZoneRevisionRow
from app.services.driven import GRANTABLE
from app.services.revisions import in_force
from app.stages import AIR_STAGES
from geofences.zones import FOREVER_MS, ZoneKind

Period = tuple[int, int]
_AIR = frozenset({ZoneKind.AIR_CORRIDOR, ZoneKind.VERTIPORT})


@dataclass(frozen=True, slots=True)
class Offer:
    """A zone that can be asked for. `row` is its newest revision, `periods` when it is in force.

    `is_abroad` says that another jurisdiction decides there; `recognised` then are the periods in
    which it recognises permits of the application's jurisdiction.
    """

    row: ZoneRevisionRow
    jurisdiction: str
    periods: Sequence[Period]
    is_abroad: bool
    recognised: Sequence[Period]

    @property
    def zone_id(self) -> str:
        """Its public identifier."""
        return self.row.zone.zone_id


def zone_offers(session: Session, jurisdiction: Jurisdiction, stage: Stage | None, now_ms: int) -> list[Offer]:
    """The zones that fit the stage (None: any), are in force now or later, and can be granted here, by id."""
    offers = every_zone(session, jurisdiction, stage)
    return [
        offer
        for offer in sorted(offers.values(), key=lambda offer: (offer.is_abroad, offer.zone_id))
        if fits(offer.row.zone.kind, stage)
        and any(end_ms > now_ms for _start_ms, end_ms in offer.periods)
        and (not offer.is_abroad or any(end_ms > now_ms for _start_ms, end_ms in offer.recognised))
    ]


def every_zone(session: Session, jurisdiction: Jurisdiction, stage: Stage | None) -> Mapping[str, Offer]:
    """Every zone by id, whether or not it can be granted."""
    revisions: defaultdict[str, list[ZoneRevisionRow]] = defaultdict(list)
    for row in session.scalars(select(ZoneRevisionRow).order_by(ZoneRevisionRow.generation)):
        revisions[row.zone.zone_id].append(row)
    recognised = _recognisers(session, jurisdiction, stage)
    return {zone_id: _offer(rows, jurisdiction.code, recognised) for zone_id, rows in revisions.items()}


def fits(kind: ZoneKind, stage: Stage | None) -> bool:
    """Whether a zone of this kind can be granted for the stage."""
    if stage is None:
        return kind in GRANTABLE
    return kind in (_AIR if stage in AIR_STAGES else GRANTABLE - _AIR)


def covers(periods: Iterable[Period], start_ms: int, end_ms: int) -> bool:
    """Whether the periods together leave no gap in [start_ms, end_ms)."""
    reached_ms = start_ms
    for from_ms, until_ms in sorted(periods):
        if from_ms > reached_ms:
            break
        reached_ms = max(reached_ms, until_ms)
    return reached_ms >= end_ms


def touches(periods: Iterable[Period], start_ms: int, end_ms: int) -> bool:
    """Whether one of the periods has a part in [start_ms, end_ms)."""
    return any(from_ms < end_ms and until_ms > start_ms for from_ms, until_ms in periods)


def _offer(rows: Sequence[ZoneRevisionRow], home: str, recognised: Mapping[str, Sequence[Period]]) -> Offer:
    # As in app.registry: a zone's jurisdiction is that of its first revision, and nobody's zones are everybody's.
    jurisdiction = rows[0].jurisdiction
    return Offer(
        row=rows[-1],
        jurisdiction=jurisdiction,
        periods=[(start_ms, end_ms) for _row, start_ms, end_ms in in_force(rows, lambda row: row.zone_id)],
        is_abroad=jurisdiction not in {"", home},
        recognised=recognised.get(jurisdiction, ()),
    )


def _recognisers(session: Session, issuer: Jurisdiction, stage: Stage | None) -> Mapping[str, Sequence[Period]]:
    """When each jurisdiction recognises permits of the stage (None: of any) that `issuer` issues."""
    rows = session.scalars(select(RecognitionRevision).where(RecognitionRevision.issuer_id == issuer.id)).all()
    found: defaultdict[str, list[Period]] = defaultdict(list)
    for row, start_ms, end_ms in in_force(rows, lambda row: row.recogniser_id):
        until_ms = FOREVER_MS if row.valid_until_ms is None else row.valid_until_ms
        period = (max(start_ms, row.valid_from_ms), min(end_ms, until_ms))
        if period[0] < period[1] and (row.stages if stage is None else stage in row.stages):
            found[row.recogniser.code].append(period)
    return found
