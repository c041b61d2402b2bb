"""Which samples are evidence of incidents that are still open: they are never deleted."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Incident
from app.services.incidents import AMENDABLE

#: People state the time of an incident from memory: a day on either side keeps what it turns out to need.
KEPT_AROUND_MS = 86_400_000


def open_incident_windows(session: Session) -> list[tuple[int, int, int]]:
    """(vehicle key, since_ms, until_ms) of every incident that is proposed, reported or under review.

    From before the first alert behind it to after the last one, and a day on either side.
    """
    open_ones = session.scalars(select(Incident).where(Incident.state.in_(AMENDABLE)).order_by(Incident.id))
    return [_window(incident) for incident in open_ones]


def _window(incident: Incident) -> tuple[int, int, int]:
    begins = [alert.first_seen_ms for alert in incident.alerts]
    ends = [alert.closed_at_ms or alert.last_seen_ms for alert in incident.alerts]
    since_ms, until_ms = min([incident.occurred_at_ms, *begins]), max([incident.occurred_at_ms, *ends])
    return incident.vehicle_key, since_ms - KEPT_AROUND_MS, until_ms + KEPT_AROUND_MS
