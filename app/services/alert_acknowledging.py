"""Who has seen alerts: one of them or thousands are noted by the same statements, and audited one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from app.audit import Subject, record
from app.database import in_parts
from app.errors import NotFound
from app.models import Alert, User, Vehicle
from app.services.alert_ids import NATURAL_KEY, natural_key


@dataclass(frozen=True, slots=True)
class Seen:
    """An alert after somebody has seen it: since when, and its version now."""

    alert_id: str
    acknowledged_at_ms: int
    version: int


@dataclass(frozen=True, slots=True)
class _Found:
    """Which row a public identifier stands for, and whose vehicle it is about."""

    public_id: str
    key: int
    organisation_id: int


def acknowledge_alerts(
    session: Session,
    public_ids: Collection[str],
    *,
    organisation_id: int | None,
    actor: User,
    now_ms: int,
    note: str | None = None,
) -> list[Seen]:
    """Note who has seen these alerts; the first acknowledgement of each stands.

    Raises NotFound where one of them is not there, or is not of this organisation (None: any); then none is noted.
    """
    keys = {}
    for found in _find(session, public_ids):
        if organisation_id in {None, found.organisation_id}:
            keys[found.key] = found.public_id
    if len(keys) < len(set(public_ids)):
        raise NotFound("There is no such alert.")
    note_seen(session, keys, actor=actor, now_ms=now_ms, note=note)
    return list(_seen(session, keys))


def _find(session: Session, public_ids: Iterable[str]) -> Iterator[_Found]:
    names = {natural_key(public_id): public_id for public_id in public_ids}
    names.pop(None, None)
    columns = (Alert.id, Vehicle.organisation_id, *NATURAL_KEY)
    for keys in in_parts(names):
        wanted = select(*columns).join(Vehicle, Vehicle.id == Alert.vehicle_key).where(tuple_(*NATURAL_KEY).in_(keys))
        for key, organisation_id, *natural in session.execute(wanted):
            yield _Found(names[tuple(natural)], key, organisation_id)


def note_seen(
    session: Session, alerts: Mapping[int, str], *, actor: User, now_ms: int, note: str | None = None
) -> None:
    """The same for alerts by their key in the database, with their public identifiers; rows in the session are not."""
    for keys in in_parts(sorted(alerts)):
        # In one order, lest two who see the same ones wait for each other in a circle.
        session.execute(select(Alert.id).where(Alert.id.in_(keys)).order_by(Alert.id).with_for_update(of=Alert))
        newly = (
            update(Alert)
            .where(Alert.id.in_(keys), Alert.acknowledged_at_ms.is_(None))
            .values(
                acknowledged_at_ms=now_ms,
                acknowledged_by_id=actor.id,
                acknowledgement=note,
                handled_at_ms=now_ms,
                version=Alert.version + 1,
            )
            .returning(Alert.id)
        )
        for key in session.scalars(newly.execution_options(synchronize_session=False)).all():
            subject = Subject("alert", alerts[key])
            record(session, "alert.acknowledged", subject, actor=actor, now_ms=now_ms, reason=note or "")


def _seen(session: Session, alerts: Mapping[int, str]) -> Iterable[Seen]:
    for keys in in_parts(alerts):
        rows = session.execute(select(Alert.id, Alert.acknowledged_at_ms, Alert.version).where(Alert.id.in_(keys)))
        for key, acknowledged_at_ms, version in rows:
            if acknowledged_at_ms is not None:
                yield Seen(alerts[key], acknowledged_at_ms, version)
