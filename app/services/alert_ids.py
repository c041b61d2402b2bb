"""The public identifier of an alert: its natural key as text, the same in every process."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.models import Alert
from telemetry.findings import Finding

_PARTS = 4


def alert_public_id(vehicle_key: int, finding: Finding, opened_at_ms: int, opened_seq: int) -> str:
    """E.g. `17-outside_area-1732190000123-18241`."""
    return f"{vehicle_key}-{finding.code}-{opened_at_ms}-{opened_seq}"


def public_id_of(alert: Alert) -> str:
    """The same for a row."""
    return alert_public_id(alert.vehicle_key, Finding(alert.finding), alert.opened_at_ms, alert.opened_seq)


def alert_by_public_id(session: Session, public_id: str) -> Alert:
    """Raises NotFound, also for a text that no alert could have."""
    parts = public_id.split("-")
    names = Finding.__members__
    is_readable = (
        len(parts) == _PARTS
        and parts[1].upper() in names
        and all(part.isascii() and part.isdigit() and len(part) < len(str(2**63)) for part in (parts[0], *parts[2:]))
    )
    alert = _find(session, parts) if is_readable else None
    if alert is None:
        raise NotFound("There is no such alert.")
    return alert


def _find(session: Session, parts: list[str]) -> Alert | None:
    vehicle_key, code, opened_at_ms, opened_seq = parts
    return session.scalar(
        select(Alert).where(
            Alert.vehicle_key == int(vehicle_key),
            Alert.finding == Finding[code.upper()].value,
            Alert.opened_at_ms == int(opened_at_ms),
            Alert.opened_seq == int(opened_seq),
        )
    )
