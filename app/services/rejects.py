"""Rejects: messages that were not believed, as their operator sees them."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.models import Organisation, RejectRow, Vehicle
from app.services.pages import Page, read_page
from telemetry.ports import RejectReason

_PRINTABLE_CONTROLS = frozenset("\n\r\t")
_HEX_COLUMNS = 16


@dataclass(frozen=True, slots=True)
class RejectEntry:
    """A reject with the vehicle that it was sent by; None: the topic names no registered one."""

    reject: RejectRow
    vehicle: Vehicle | None

    @property
    def text(self) -> str | None:
        """The kept payload as text, or None when it is none."""
        return payload_text(self.reject.payload)


def reject_rows(*, organisation_id: int | None = None) -> Select[*tuple[Any, ...]]:
    """Each reject with its vehicle, in no order; an operator's are those of its own vehicles."""
    statement = select(RejectRow, Vehicle).outerjoin(Vehicle, RejectRow.vehicle == Vehicle.id)
    return statement if organisation_id is None else statement.where(Vehicle.organisation_id == organisation_id)


def read_reject(row: Any) -> RejectEntry:
    """What a row of `reject_rows` says."""
    return RejectEntry(row[0], row[1])


def list_rejects(
    session: Session,
    *,
    organisation_id: int | None = None,
    organisation: str | None = None,
    vehicle_id: str | None = None,
    reason: RejectReason | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> Page[RejectEntry]:
    """One page, the newest arrival first. Raises InvalidChange for a foreign cursor."""
    statement = reject_rows(organisation_id=organisation_id)
    if organisation is not None:
        statement = statement.where(Vehicle.organisation.has(Organisation.code == organisation))
    if vehicle_id is not None:
        statement = statement.where(Vehicle.vehicle_id == vehicle_id)
    if reason is not None:
        statement = statement.where(RejectRow.reason == reason)
    keys = (RejectRow.last_received_ms, RejectRow.id)
    return read_page(session, statement, *keys, limit=limit, cursor=cursor, newest_first=True).map(read_reject)


def reject_by_id(session: Session, reject_id: int, *, organisation_id: int | None = None) -> RejectEntry:
    """Raises NotFound, also for a reject of another organisation's vehicle."""
    statement = reject_rows(organisation_id=organisation_id).where(RejectRow.id == reject_id)
    row = session.execute(statement).first()
    if row is None:
        raise NotFound(f"no reject {reject_id}")
    return read_reject(row)


def payload_text(payload: bytes) -> str | None:
    """The payload as text, or None when it is not UTF-8 or holds control characters.

    Payloads are cut to a bound, so the last character may be a part of one.
    """
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(payload)
    except UnicodeDecodeError:
        return None
    return text if all(c.isprintable() or c in _PRINTABLE_CONTROLS for c in text) else None


def payload_dump(payload: bytes) -> str:
    """The payload in hexadecimal, sixteen bytes a line, with the printable ASCII beside them."""
    lines = []
    for start in range(0, len(payload), _HEX_COLUMNS):
        part = payload[start : start + _HEX_COLUMNS]
        shown = "".join(chr(byte) if chr(byte).isascii() and chr(byte).isprintable() else "." for byte in part)
        lines.append(f"{start:06x}  {part.hex(' '):<{3 * _HEX_COLUMNS - 1}}  {shown}")
    return "\n".join(lines)
