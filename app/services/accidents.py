"""Which incidents are accidents in the sense of the entry gates."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_
from sqlalchemy.orm import Session

from app.models import Fault, Harm, Incident, IncidentKind, IncidentState
from app.services.incidents import incidents_of

#: What counts as an accident by its kind; the others are warnings of one, unless somebody was hurt.
ACCIDENTS = frozenset({IncidentKind.COLLISION, IncidentKind.INJURY, IncidentKind.EMERGENCY_LANDING})
_HURT = frozenset({Harm.INJURY, Harm.DEATH})
#: What the platform proposes is nobody's statement yet, and what was dismissed is none any more.
STATED = frozenset({IncidentState.REPORTED, IncidentState.UNDER_REVIEW, IncidentState.CLOSED})


def accidents_since(session: Session, organisation_id: int, since_ms: int) -> Sequence[Incident]:
    """The accidents of an operator since then that count, or may count, as its fault."""
    statement = incidents_of(organisation_id).where(
        or_(Incident.kind.in_(ACCIDENTS), Incident.harm.in_(_HURT)),
        Incident.state.in_(STATED),
        Incident.fault != Fault.NO,
        Incident.occurred_at_ms >= since_ms,
    )
    return session.scalars(statement.order_by(Incident.occurred_at_ms)).all()
