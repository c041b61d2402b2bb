"""Directives: demanding something of vehicles, and following what becomes of it.

A directive stands until it is over, also when it is complied with: who was told to halt stands until it
hears that it may go on. Whenever what stands of a vehicle changes, all of it goes into the outbox once
more, in the same transaction: the broker keeps the newest message for whoever is offline.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.database import in_parts
from app.errors import Conflict, InvalidChange, NotFound
from app.models import Cause, DirectiveAnswer, DirectiveRow, Jurisdiction, OutboxRow, Outcome, User, Vehicle
from app.services.generations import next_generation
from geofences.datum import VerticalReference
from geofences.errors import GeofenceError
from telemetry.approach import closed_place
from telemetry.directives import DemandedPlace, Directive, DirectiveKind, Orders, Release, Reply, encode_orders
from telemetry.messages import directive_topic

#: California's rules of 2026 give vehicles two minutes to leave an emergency geofence.
DEADLINE_MS = 120_000

_ID_BYTES = 8
_STANDS = DirectiveRow.settled_at_ms.is_(None)
#: The vehicle's agent has said that it knows of the release.
IS_RELEASE_HEARD = DirectiveRow.release_owed & exists().where(
    DirectiveAnswer.directive_key == DirectiveRow.id, DirectiveAnswer.reply == Reply.RELEASED
)


def demand(
    session: Session,
    vehicles: Collection[Vehicle],
    kind: DirectiveKind,
    *,
    cause: Cause,
    cause_id: str,
    reason: str,
    now_ms: int,
    actor: User | None,
    deadline_ms: int | None = None,
    terms: Mapping[str, Any] | None = None,
    jurisdiction: Jurisdiction | None = None,
) -> list[DirectiveRow]:
    """Demand this of each vehicle now. One of the same kind, cause and place that still stands is replaced.

    The regulators of `jurisdiction` are told what becomes of it; by itself it is the actor's first.
    Raises InvalidChange without a reason, for a deadline that is over, for a place that nothing can be
    judged against, and where nobody would be told.
    """
    if not reason.strip():
        raise InvalidChange("a directive needs a reason", code="reason_missing", field="reason")
    until_ms = now_ms + DEADLINE_MS if deadline_ms is None else deadline_ms
    if until_ms <= now_ms:
        raise InvalidChange("the deadline is over already", code="deadline_over", field="deadline_ms")
    place = (terms or {}).get("place")
    _require_judgeable(DemandedPlace.of(terms or {}))
    followed_by = jurisdiction or _jurisdiction_of(actor)
    if not vehicles:
        return []
    generation = next_generation(session)
    replaced = [
        row
        for row in _of_vehicles(session, [vehicle.id for vehicle in vehicles], _STANDS)
        if (row.kind, row.cause, row.cause_id) == (kind, cause, cause_id) and row.terms.get("place") == place
    ]
    over = partial(_settle, outcome=Outcome.REPLACED, now_ms=now_ms, actor=actor, reason=reason)
    _change(session, replaced, over, now_ms=now_ms, actor=actor, reason=reason)
    made = [
        DirectiveRow(
            directive_id=f"D-{secrets.token_hex(_ID_BYTES)}",
            vehicle=vehicle,
            kind=kind,
            cause=cause,
            cause_id=cause_id,
            reason=reason,
            terms=dict(terms or {}),
            issued_at_ms=now_ms,
            issued_by=actor,
            deadline_ms=until_ms,
            jurisdiction=followed_by,
            generation=generation,
        )
        for vehicle in vehicles
    ]
    session.add_all(made)
    session.flush()
    for row in made:
        record_directive(session, "directive.issued", row, actor=actor, now_ms=now_ms, reason=reason)
    _announce(session, [row.vehicle for row in made], generation)
    return made


def release(session: Session, rows: Collection[DirectiveRow], *, reason: str, now_ms: int, actor: User | None) -> None:
    """These are over, complied with or not: their vehicles are told until they say that they know.

    Raises Conflict for one that is settled already.
    """
    if any(row.settled_at_ms is not None for row in rows):
        raise Conflict("the directive is settled already")
    if not rows:
        return

    def end(row: DirectiveRow) -> str:
        row.release_owed = True
        outcome = Outcome.WITHDRAWN if row.complied_at_ms is None else Outcome.RELEASED
        return _settle(row, outcome, now_ms=now_ms, actor=actor, reason=reason)

    generation = next_generation(session)
    _change(session, rows, end, now_ms=now_ms, actor=actor, reason=reason)
    _announce(session, [row.vehicle for row in rows], generation)


def note_heard_releases(session: Session, now_ms: int) -> None:
    """The broker need not keep releases any longer of which the vehicles said that they know."""
    heard = select(DirectiveRow).where(IS_RELEASE_HEARD).order_by(DirectiveRow.id)
    rows = session.scalars(heard.with_for_update(of=DirectiveRow, skip_locked=True)).all()
    if not rows:
        return

    def note(row: DirectiveRow) -> str:
        row.release_owed = False
        return "release_heard"

    generation = next_generation(session)
    _change(session, rows, note, now_ms=now_ms)
    _announce(session, [row.vehicle for row in rows], generation)


def restate(
    session: Session,
    rows: Collection[DirectiveRow],
    terms: Mapping[str, Any],
    *,
    reason: str,
    now_ms: int,
    actor: User | None,
) -> None:
    """Say something else, or more, of these directives, which stand on as they are: deadlines, answers, compliance."""
    if not rows:
        return

    def say(row: DirectiveRow) -> str:
        row.terms = row.terms | dict(terms)
        return "restated"

    generation = next_generation(session)
    _change(session, rows, say, now_ms=now_ms, actor=actor, reason=reason)
    _announce(session, [row.vehicle for row in rows], generation)


def standing_because_of(session: Session, cause: Cause, cause_id: str) -> Sequence[DirectiveRow]:
    """What stands for this cause."""
    query = select(DirectiveRow).where(DirectiveRow.cause == cause, DirectiveRow.cause_id == cause_id)
    return session.scalars(query.where(_STANDS).order_by(DirectiveRow.id)).all()


def directive_by_id(session: Session, directive_id: str) -> DirectiveRow:
    """Raises NotFound."""
    row = session.scalar(select(DirectiveRow).where(DirectiveRow.directive_id == directive_id))
    if row is None:
        raise NotFound(f"no directive {directive_id}")
    return row


def _jurisdiction_of(actor: User | None) -> Jurisdiction:
    if actor is None or not actor.jurisdictions:
        raise InvalidChange("nobody would follow this directive", code="jurisdiction_unknown", field="jurisdiction")
    return min(actor.jurisdictions, key=lambda jurisdiction: jurisdiction.id)


def _require_judgeable(place: DemandedPlace | None) -> None:
    """The workers compile it: what they could not would stop them."""
    try:
        if place is not None:
            closed_place(place, VerticalReference())
    except GeofenceError as error:
        raise InvalidChange(str(error), code="zone_unjudgeable", field="place") from error


def _of_vehicles(session: Session, vehicle_keys: Collection[int], which: ColumnElement[bool]) -> Sequence[DirectiveRow]:
    """In the order of their issue; those that the session holds, thousands at an emergency, are not read again."""
    wanted = select(DirectiveRow.id).where(which).order_by(DirectiveRow.id)
    keys = [
        key
        for some in in_parts(vehicle_keys)
        for key in session.scalars(wanted.where(DirectiveRow.vehicle_key.in_(some)))
    ]
    held = {row.id: row for row in session.identity_map.values() if isinstance(row, DirectiveRow)}
    for some in in_parts(key for key in keys if key not in held):
        held |= {row.id: row for row in session.scalars(select(DirectiveRow).where(DirectiveRow.id.in_(some)))}
    return [held[key] for key in keys]


def _change(
    session: Session,
    rows: Collection[DirectiveRow],
    change: Callable[[DirectiveRow], str],
    *,
    now_ms: int,
    actor: User | None = None,
    reason: str = "",
) -> None:
    """Let `change`, which names what it did, change all of them at once; the audit log is told of each."""
    befores = [state_of(row) for row in rows]
    actions = [f"directive.{change(row)}" for row in rows]
    session.flush()
    for row, before, action in zip(rows, befores, actions, strict=True):
        record_directive(session, action, row, now_ms=now_ms, actor=actor, reason=reason, before=before)


def _settle(row: DirectiveRow, outcome: Outcome, *, now_ms: int, actor: User | None, reason: str) -> str:
    row.outcome, row.settled_at_ms = outcome, now_ms
    row.settled_by, row.settled_reason = actor, reason
    return outcome.value


def _announce(session: Session, vehicles: Sequence[Vehicle], number: int) -> None:
    """What each vehicle is to know now, to be kept by the broker; with nothing it keeps nothing."""
    told = {vehicle.id: vehicle for vehicle in vehicles}
    directives: dict[int, list[Directive]] = {key: [] for key in told}
    released: dict[int, list[Release]] = {key: [] for key in told}
    for row in _of_vehicles(session, told, _STANDS | DirectiveRow.release_owed):
        if row.settled_at_ms is None:
            directives[row.vehicle_key].append(_on_the_wire(row))
        else:
            released[row.vehicle_key].append(Release(row.directive_id, row.settled_at_ms, row.settled_reason))
    for key, vehicle in told.items():
        orders = Orders(number, tuple(directives[key]), tuple(released[key]))
        payload = encode_orders(orders) if orders.directives or orders.released else b""
        session.add(
            OutboxRow(
                topic=directive_topic(vehicle.vehicle_id), payload=payload, retain=True, partition=vehicle.partition
            )
        )


def _on_the_wire(row: DirectiveRow) -> Directive:
    return Directive(
        directive_id=row.directive_id,
        kind=row.kind,
        issued_at_ms=row.issued_at_ms,
        deadline_ms=row.deadline_ms,
        reason=row.reason,
        **row.terms,
    )


def record_directive(
    session: Session,
    action: str,
    row: DirectiveRow,
    *,
    now_ms: int,
    actor: User | None = None,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
) -> None:
    """Tell the audit log of a directive as it is now."""
    subject = Subject("directive", row.directive_id)
    record(session, action, subject, actor=actor, now_ms=now_ms, reason=reason, before=before, after=state_of(row))
