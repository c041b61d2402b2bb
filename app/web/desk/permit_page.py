"""The page of one permit: terms, map, vehicles, people, alerts, history and what may be decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.documents.wording import condition_terms
from app.models import Alert, PermitRevisionRow, ZoneRevisionRow
from app.services.alert_ids import alert_public_id
from app.services.conditions import Conditions
from app.services.directive_register import standing_directives
from app.services.permit_life import Decision, may_follow
from app.services.permit_register import PLATFORM, StandingPermit, TakenDecision, decisions_on, standing_permit
from app.services.zones import zones_in_force
from app.web import access
from app.web.access import Action
from app.web.desk.zone_maps import drawn_map, drawn_revision, map_data
from app.web.directive_page import standing_rows
from app.web.findings_text import FINDING_TEXTS
from app.web.forms import Form
from app.web.gate import identity
from app.web.language import language
from app.web.ownership import require_own
from app.web.permit_texts import decision_label, stage_label, zone_names
from app.web.public_address import verification_url
from app.web.runtime import runtime
from telemetry.findings import Finding

_SHOWN_ALERTS = 20


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """An alert of one of the permit's vehicles."""

    id: str
    name: str
    vehicle_id: str
    state: str
    opened_at_ms: int


def own_permit(session: Session, number: str) -> StandingPermit:
    """A permit that the caller may see. Raises NotFound."""
    found = standing_permit(session, number, now_ms=runtime().clock())
    require_own(found.permit.holder_id)
    return found


def permit_page(number: str, *, attempted: str = "", form: Form | None = None) -> str:
    """The page; `form` is that of the decision `attempted` which was not taken, with what is wrong."""
    now_ms = runtime().clock()
    with runtime().reading() as session:
        found = own_permit(session, number)
        zones = _zones(zones_in_force(session, now_ms), found.current)
        keys = [vehicle.id for vehicle in found.current.vehicles]
        return render_template(
            "permits/show.html",
            found=found,
            permit=found.permit,
            stage=stage_label(found.current.stage),
            terms=condition_terms(Conditions.from_dict(found.current.terms)),
            names=zone_names(zones),
            timeline=[_entry(each) for each in decisions_on(session, found.permit)],
            alerts=_alerts(session, keys),
            directives=standing_rows(standing_directives(session, keys)),
            driving=len(runtime().live.picture.on_the_move(keys)),
            decisions=_open_decisions(found),
            attempted=attempted,
            form=form,
            map=drawn_map(),
            data=map_data(shapes=[drawn_revision(row, "new") for row in zones]),
            verification_url=verification_url(number),
        )


def _zones(rows: Sequence[ZoneRevisionRow], revision: PermitRevisionRow) -> list[ZoneRevisionRow]:
    granted = {zone.id for zone in revision.zones}
    return [row for row in rows if row.zone_id in granted]


def _open_decisions(found: StandingPermit) -> frozenset[Decision]:
    """What this caller may decide on the permit as it is now."""
    caller, permit = identity(), found.permit
    offered: set[Decision] = set()
    if access.may(caller.role, Action.DECIDE_PERMITS) and caller.decides_in(permit.jurisdiction_id):
        offered |= {Decision.SUSPENDED, Decision.REINSTATED, Decision.RESTRICTED, Decision.REVOKED}
    if access.may(caller.role, Action.SURRENDER_PERMITS) and caller.scope == permit.holder_id:
        offered.add(Decision.SURRENDERED)
    return frozenset(decision for decision in offered if may_follow(found.newest.state, decision))


def _entry(taken: TakenDecision) -> dict[str, object]:
    revision = taken.revision
    return {
        "number": revision.number,
        "title": decision_label(taken.decision),
        "who": "" if taken.decided_by == PLATFORM else taken.decided_by,
        "reason": revision.reason,
        "at_ms": revision.recorded_at_ms,
        "starts_at_ms": revision.starts_at_ms,
        "state": revision.state.value,
    }


def _alerts(session: Session, vehicle_keys: Sequence[int]) -> list[ShownAlert]:
    query = select(Alert).where(Alert.vehicle_key.in_(vehicle_keys)).order_by(Alert.opened_at_ms.desc())
    return [
        ShownAlert(
            id=alert_public_id(alert.vehicle_key, Finding(alert.finding), alert.opened_at_ms, alert.opened_seq),
            name=FINDING_TEXTS[Finding(alert.finding)].wording(language()).name,
            vehicle_id=alert.vehicle.vehicle_id,
            state="closed"
            if alert.closed_at_ms is not None
            else "acknowledged"
            if alert.acknowledged_at_ms
            else "open",
            opened_at_ms=alert.opened_at_ms,
        )
        for alert in session.scalars(query.limit(_SHOWN_ALERTS))
    ]
