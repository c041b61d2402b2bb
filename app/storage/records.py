"""The small writes of a flush: rejects, alerts, outbox, and what vehicles say and do about directives."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from sqlalchemy import Connection, bindparam, case, delete, func, update
from sqlalchemy.dialects import postgresql, sqlite

from app.database import in_parts
from app.models import Alert, Base, DirectiveAnswer, DirectiveRow, EncounterRow, OutboxRow, RejectRow
from telemetry.directives import Obeyed, decode_orders
from telemetry.messages import is_directive_topic
from telemetry.ports import AlertChange, Encounter, OutboxMessage, Reject, StoredAnswer

Insert: TypeAlias = sqlite.Insert | postgresql.Insert


def write_rejects(connection: Connection, rejects: Sequence[Reject]) -> None:
    """Record rejects. The same bytes once more count as an arrival, the same flush once more does not."""
    if not rejects:
        return
    statement = _insert(connection, RejectRow)
    new = statement.excluded
    is_later = new.last_received_ms > RejectRow.last_received_ms
    statement = statement.on_conflict_do_update(
        index_elements=[RejectRow.digest],
        set_={
            "arrivals": case((is_later, RejectRow.arrivals + new.arrivals), else_=RejectRow.arrivals),
            "last_received_ms": case((is_later, new.last_received_ms), else_=RejectRow.last_received_ms),
        },
    )
    connection.execute(statement, _merged(rejects))


def write_alerts(connection: Connection, alerts: Sequence[AlertChange]) -> None:
    """Record alert changes: an episode is opened once, only ever grows, and once closed stays closed."""
    if not alerts:
        return
    statement = _insert(connection, Alert)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[Alert.vehicle_key, Alert.finding, Alert.opened_at_ms, Alert.opened_seq],
        set_={
            "last_seen_ms": case((new.last_seen_ms > Alert.last_seen_ms, new.last_seen_ms), else_=Alert.last_seen_ms),
            "closed_at_ms": func.coalesce(Alert.closed_at_ms, new.closed_at_ms),
        },
    )
    # Executed row by row, in order: one flush may open and close the same episode.
    connection.execute(statement, [_alert_row(change) for change in alerts])


def write_outbox(connection: Connection, messages: Sequence[OutboxMessage]) -> None:
    """Put messages into the outbox, in order."""
    if messages:
        connection.execute(_insert(connection, OutboxRow), [asdict(message) for message in messages])


def write_sent(connection: Connection, keys: Collection[int], at_ms: int) -> None:
    """Take messages that the broker has out of the outbox, and note it of the directives in them."""
    gone = delete(OutboxRow).returning(OutboxRow.topic, OutboxRow.payload)
    sent = {
        directive.directive_id
        for some in in_parts(keys)
        for topic, payload in connection.execute(gone.where(OutboxRow.id.in_(some)))
        if is_directive_topic(topic)
        for directive in decode_orders(payload).directives
    }
    first = update(DirectiveRow).where(DirectiveRow.sent_at_ms.is_(None)).values(sent_at_ms=at_ms)
    for names in in_parts(sorted(sent)):
        connection.execute(first.where(DirectiveRow.directive_id.in_(names)))


def write_answers(connection: Connection, answers: Sequence[StoredAnswer]) -> None:
    """Record answers to directives."""
    if not answers:
        return
    rows = [
        {
            "directive_key": stored.directive,
            "reply": stored.answer.reply,
            "detail": _storable(stored.answer.detail),
            "answered_at_ms": stored.answer.timestamp,
            "received_at_ms": stored.received_ms,
        }
        for stored in answers
    ]
    connection.execute(_insert(connection, DirectiveAnswer).on_conflict_do_nothing(), rows)


def write_obeyed(connection: Connection, obeyed: Sequence[Obeyed]) -> None:
    """Note the sample that first showed compliance; once noted it stays."""
    if not obeyed:
        return
    statement = (
        update(DirectiveRow)
        .where(DirectiveRow.id == bindparam("key"), DirectiveRow.complied_at_ms.is_(None))
        .values(complied_at_ms=bindparam("at_ms"), complied_seq=bindparam("at_seq"))
    )
    connection.execute(
        statement, [{"key": one.directive, "at_ms": one.timestamp_ms, "at_seq": one.seq} for one in obeyed]
    )


def write_encounters(connection: Connection, encounters: Sequence[Encounter]) -> None:
    """Record who came too close to whom, as it was last seen."""
    if not encounters:
        return
    statement = _insert(connection, EncounterRow)
    new = statement.excluded
    key = ("vehicle_key", "other_key", "began_ms")
    changed = {column.name: new[column.name] for column in EncounterRow.__table__.c if column.name not in {"id", *key}}
    statement = statement.on_conflict_do_update(
        index_elements=key, set_=changed, where=new.last_seen_ms >= EncounterRow.last_seen_ms
    )
    connection.execute(statement, [_encounter_row(encounter) for encounter in encounters])


def _encounter_row(encounter: Encounter) -> dict[str, Any]:
    row = asdict(encounter)
    return {"vehicle_key": row.pop("vehicle"), "other_key": row.pop("other"), **row}


def _insert(connection: Connection, model: type[Base]) -> Insert:
    return sqlite.insert(model) if connection.dialect.name == "sqlite" else postgresql.insert(model)


def _merged(rejects: Sequence[Reject]) -> list[dict[str, Any]]:
    """One row per digest: a statement may touch a row only once."""
    rows: dict[bytes, dict[str, Any]] = {}
    for reject in rejects:
        row = rows.get(reject.digest)
        if row is None:
            rows[reject.digest] = _reject_row(reject)
        else:
            row["arrivals"] += 1
            row["last_received_ms"] = max(row["last_received_ms"], reject.received_ms)
    return list(rows.values())


def _reject_row(reject: Reject) -> dict[str, Any]:
    return {
        "digest": reject.digest,
        "topic": _storable(reject.topic),
        "vehicle": reject.vehicle,
        "seq": reject.seq,
        "reason": reject.reason,
        "detail": _storable(reject.detail),
        "payload": reject.payload,
        "arrivals": 1,
        "first_received_ms": reject.received_ms,
        "last_received_ms": reject.received_ms,
    }


def _storable(anything: str) -> str:
    """Text that both databases take: PostgreSQL refuses NUL, neither takes half a surrogate pair."""
    return anything.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _alert_row(change: AlertChange) -> dict[str, Any]:
    return {
        "vehicle_key": change.vehicle,
        "finding": int(change.finding),
        "severity": change.severity,
        "opened_at_ms": change.opened_at_ms,
        "opened_seq": change.opened_seq,
        "first_seen_ms": change.first_seen_ms,
        "last_seen_ms": change.last_seen_ms,
        "closed_at_ms": change.closed_at_ms,
        "zone_revision_id": None if change.zone_revision < 0 else change.zone_revision,
        "permit_revision_id": None if change.permit_revision < 0 else change.permit_revision,
        "lon": change.lon,
        "lat": change.lat,
    }
