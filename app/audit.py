"""The audit log: what changed, written at the end of the transaction that changed it, chained by hashes.

A service calls `record` for each change. `app.database.changing_session` calls `write_entries` just
before it commits: the head of the chain is then locked for the shortest time, always as the last
row, so that changes cannot wait for each other in a circle. It also refuses to commit while there is
a row of SUBJECTS that changed and about whose subject nothing was recorded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, insert, inspect, select, update
from sqlalchemy.orm import ORMExecuteState, Session

from app.calendar import utc_date
from app.errors import UnauditedChange
from app.models import (
    AlertComment,
    ApiToken,
    Application,
    ApplicationEvent,
    ApplicationRevision,
    Attachment,
    AuditEntry,
    AuditHead,
    Base,
    DirectiveRow,
    Emergency,
    EmergencyVehicle,
    EvidenceBundle,
    Incident,
    IncidentRevision,
    Jurisdiction,
    LicenceRevision,
    NotificationChannel,
    Officer,
    Organisation,
    Permit,
    PermitRevisionRow,
    RecognitionRevision,
    SampleArchive,
    Sanction,
    SealCut,
    Trial,
    User,
    Vehicle,
    VehicleStatusRevision,
    Zone,
    ZoneRevisionRow,
)
from app.services.alert_ids import public_id_of

#: Name of the actor when the platform itself acts: its schedule, or an installation's first filling.
PLATFORM = "platform"
#: The columns of an entry that its hash covers, besides the hash of the entry before.
HASHED = (
    "number",
    "recorded_at_ms",
    "actor_id",
    "actor",
    "action",
    "subject_type",
    "subject_id",
    "reason",
    "before",
    "after",
)
_PENDING = "audit_pending"
_CHANGED = "audit_changed"


@dataclass(frozen=True, slots=True)
class Subject:
    """What was changed: a type such as `vehicle`, and its public identifier."""

    type: str
    id: str


#: Whose entries tell of a change of a row; every model that the log must tell of stands here. (Alerts
#: are the worker's; what people do about them is told besides.)
SUBJECTS: Mapping[type[Base], Callable[[Any], Subject]] = {
    AlertComment: lambda row: Subject("alert", public_id_of(row.alert)),
    ApiToken: lambda row: Subject("user", row.user.email),
    Application: lambda row: Subject("application", row.number),
    ApplicationEvent: lambda row: Subject("application", row.application.number),
    ApplicationRevision: lambda row: Subject("application", row.application.number),
    Attachment: lambda row: Subject("attachment", row.public_id),
    DirectiveRow: lambda row: Subject("directive", row.directive_id),
    Emergency: lambda row: Subject("emergency", row.number),
    EmergencyVehicle: lambda row: Subject("emergency", row.emergency.number),
    EvidenceBundle: lambda row: Subject("evidence", row.bundle_id),
    Incident: lambda row: Subject("incident", row.incident_id),
    IncidentRevision: lambda row: Subject("incident", row.incident.incident_id),
    Jurisdiction: lambda row: Subject("jurisdiction", row.code),
    LicenceRevision: lambda row: Subject("officer", row.officer.officer_id),
    NotificationChannel: lambda row: Subject("channel", row.channel_id),
    Officer: lambda row: Subject("officer", row.officer_id),
    Organisation: lambda row: Subject("organisation", row.code),
    Permit: lambda row: Subject("permit", row.number),
    PermitRevisionRow: lambda row: Subject("permit", row.permit.number),
    RecognitionRevision: lambda row: Subject("jurisdiction", row.recogniser.code),
    Sanction: lambda row: Subject("sanction", row.sanction_id),
    SampleArchive: lambda row: Subject("archive", utc_date(row.day)),
    SealCut: lambda _: Subject("seal", "cuts"),
    Trial: lambda row: Subject("trial", row.trial_id),
    User: lambda row: Subject("user", row.email),
    Vehicle: lambda row: Subject("vehicle", row.vehicle_id),
    VehicleStatusRevision: lambda row: Subject("vehicle", row.vehicle.vehicle_id),
    Zone: lambda row: Subject("zone", row.zone_id),
    ZoneRevisionRow: lambda row: Subject("zone", row.zone.zone_id),
}
#: Execution option of a statement on such rows whose service answers for the telling: it tells of each
#: row by itself, or there is nothing to be told, as of when a token was last used.
UNWATCHED: Mapping[str, Any] = {"audit_unwatched": True}


def record(
    session: Session,
    action: str,
    subject: Subject,
    *,
    actor: User | None,
    now_ms: int,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Tell of one change, e.g. `vehicle.registered`. Written with the commit, or not at all.

    `before` and `after` are what `state_of` makes of a row, or a service's own words: JSON values.
    """
    entry = {
        "recorded_at_ms": now_ms,
        "actor_id": actor.id if actor else None,
        "actor": actor.email if actor else PLATFORM,
        "action": action,
        "subject_type": subject.type,
        "subject_id": subject.id,
        "reason": reason,
        "before": dict(before) if before is not None else None,
        "after": dict(after) if after is not None else None,
    }
    session.info.setdefault(_PENDING, []).append(entry)


def state_of(row: Base) -> dict[str, Any]:
    """The columns of a row as JSON values; secrets are left out, raw bytes are in hexadecimal."""
    return {key: _plain(getattr(row, key)) for key in _told_columns(type(row))}


def states_of(session: Session, model: type[Base], which: ColumnElement[bool]) -> list[dict[str, Any]]:
    """The same of many rows as they are stored, without making an object of each."""
    keys = _told_columns(model)
    rows = session.execute(select(*(getattr(model, key) for key in keys)).where(which))
    return [{key: _plain(value) for key, value in zip(keys, row, strict=True)} for row in rows]


@cache
def _told_columns(model: type[Base]) -> Sequence[str]:
    attributes = inspect(model).column_attrs
    return [each.key for each in attributes if not each.columns[0].info.get("secret") and not each.deferred]


def notice_changes(session: Session) -> None:
    """Remember what this session changes, for `write_entries`. Called after each flush."""
    touched = [*(row for row in (*session.new, *session.dirty) if session.is_modified(row)), *session.deleted]
    session.info.setdefault(_CHANGED, set()).update(row for row in touched if type(row) in SUBJECTS)


def refuse_unnoticed(execution: ORMExecuteState) -> None:
    """Raise UnauditedChange for a statement that changes rows past the session, where no flush shows them."""
    is_change = execution.is_insert or execution.is_update or execution.is_delete
    mapper = execution.bind_mapper
    is_watched = not set(UNWATCHED) <= set(execution.execution_options)
    if is_change and mapper is not None and mapper.class_ in SUBJECTS and is_watched:
        raise UnauditedChange(f"a statement changes {mapper.class_.__name__} past the audit log")


def write_entries(session: Session) -> None:
    """Chain and store what was recorded. Raises UnauditedChange unless all that changed was told."""
    session.flush()
    entries: list[dict[str, Any]] = session.info.pop(_PENDING, [])
    _require_told(session.info.pop(_CHANGED, set()), entries)
    if not entries:
        return
    raised = update(AuditHead).values(number=AuditHead.number + len(entries))
    number, previous = session.execute(raised.returning(AuditHead.number, AuditHead.hash)).one()
    for index, entry in enumerate(entries, start=number - len(entries) + 1):
        entry["number"] = index
        digest = content_hash(entry | {"previous_hash": previous.hex()})
        entry["previous_hash"], entry["hash"] = previous, digest
        previous = digest
    session.connection().execute(insert(AuditEntry), entries)  # rows, not objects: an import has thousands
    session.execute(update(AuditHead).values(hash=previous))


def _require_told(changed: Collection[Base], entries: Collection[Mapping[str, Any]]) -> None:
    told = {Subject(entry["subject_type"], entry["subject_id"]) for entry in entries}
    untold = {type(row).__name__ for row in changed if SUBJECTS[type(row)](row) not in told}
    if untold:
        raise UnauditedChange(f"nothing was recorded about a change of {', '.join(sorted(untold))}")


def entry_hash(entry: AuditEntry) -> bytes:
    """SHA-256 of the canonical JSON (sorted keys, no spaces, UTF-8) of everything but the hash itself."""
    return content_hash({name: getattr(entry, name) for name in HASHED} | {"previous_hash": entry.previous_hash.hex()})


def content_hash(content: Mapping[str, Any]) -> bytes:
    """SHA-256 of the canonical JSON of an entry's fields; `previous_hash` is in hexadecimal."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    return value
