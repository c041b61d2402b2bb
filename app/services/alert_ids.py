"""The public identifier of an alert: its natural key as text, the same in every process."""

from __future__ import annotations

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.models import Alert
from telemetry.findings import Finding

#: The columns that tell alerts apart.
NATURAL_KEY = (Alert.vehicle_key, Alert.finding, Alert.opened_at_ms, Alert.opened_seq)


def alert_public_id(vehicle_key: int, finding: Finding, opened_at_ms: int, opened_seq: int) -> str:
    """E.g. `17-outside_area-1732190000123-18241`."""
    return f"{vehicle_key}-{finding.code}-{opened_at_ms}-{opened_seq}"


def public_id_of(alert: Alert) -> str:
    """The same for a row."""
    return alert_public_id(alert.vehicle_key, Finding(alert.finding), alert.opened_at_ms, alert.opened_seq)


def alert_by_public_id(session: Session, public_id: str) -> Alert:
    """Raises NotFound, also for a text that no alert could have."""
    key = natural_key(public_id)
    alert = None if key is None else session.scalar(select(Alert).where(tuple_(*NATURAL_KEY) == key))
    if alert is None:
        raise NotFound("There is no such alert.")
    return alert


def natural_key(public_id: str) -> tuple[int, ...] | None:
    """What NATURAL_KEY is for that alert; None for a text that no alert could have."""
    parts = public_id.split("-")
    names = Finding.__members__
    is_readable = (
        len(parts) == len(NATURAL_KEY)
        and parts[1].upper() in names
        and all(part.isascii() and part.isdigit() and len(part) < len(str(2**63)) for part in (parts[0], *parts[2:]))
    )
    if not is_readable:
        return None
    vehicle_key, code, opened_at_ms, opened_seq = parts
    return int(vehicle_key), Finding[code.upper()].value, int(opened_at_ms), int(opened_seq)
