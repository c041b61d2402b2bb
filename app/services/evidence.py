"""Evidence bundles: stored with their hash in the audit log, listed, found again."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import InvalidChange, NotFound
from app.evidence.scope import MOST_BYTES, Scope
from app.models import EvidenceBundle, User, Vehicle
from app.services.pages import Page, read_page

_ID_BYTES = 5
#: A bundle of a damaged record has faults by the thousand; this many are kept.
_MOST_FAULTS = 50


def new_bundle_id() -> str:
    """Stands in the bundle itself, so it is there before its row."""
    return f"EV-{secrets.token_hex(_ID_BYTES).upper()}"


def store_bundle(
    session: Session,
    content: bytes,
    *,
    bundle_id: str,
    scope: Scope,
    samples: int,
    faults: Sequence[str],
    reason: str,
    actor: User,
    now_ms: int,
) -> EvidenceBundle:
    """Keep the bytes of a bundle; the audit log names their SHA-256. Raises InvalidChange for too many."""
    if len(content) > MOST_BYTES:
        raise InvalidChange("the bundle is too large", code="bundle_too_large", field="before_s")
    bundle = EvidenceBundle(
        bundle_id=bundle_id,
        vehicle=session.get_one(Vehicle, scope.vehicle),
        organisation_id=None if scope.is_for_city else actor.organisation_id,
        moment_ms=scope.moment_ms,
        since_ms=scope.since_ms,
        until_ms=scope.until_ms,
        reason=reason,
        samples=samples,
        faults=list(faults[:_MOST_FAULTS]),
        size_bytes=len(content),
        sha256=hashlib.sha256(content).digest(),
        content=content,
        exported_by=actor,
        exported_at_ms=now_ms,
    )
    session.add(bundle)
    session.flush()
    record(
        session,
        "evidence.exported",
        Subject("evidence", bundle.bundle_id),
        actor=actor,
        now_ms=now_ms,
        reason=reason,
        after=state_of(bundle) | {"vehicle_id": bundle.vehicle.vehicle_id},
    )
    return bundle


def bundles_for(organisation_id: int | None) -> Select[EvidenceBundle]:
    """All bundles, or those that were made for one operator: the city's name other operators' vehicles."""
    statement = select(EvidenceBundle).join(Vehicle, Vehicle.id == EvidenceBundle.vehicle_key)
    return statement if organisation_id is None else statement.where(EvidenceBundle.organisation_id == organisation_id)


def bundle_by_id(session: Session, bundle_id: str) -> EvidenceBundle:
    """Raises NotFound."""
    bundle = session.scalar(select(EvidenceBundle).where(EvidenceBundle.bundle_id == bundle_id))
    if bundle is None:
        raise NotFound(f"no evidence bundle {bundle_id}")
    return bundle


def bundle_page(
    session: Session, organisation_id: int | None, *, vehicle_id: str | None, limit: int, cursor: str | None
) -> Page[EvidenceBundle]:
    """One page, the newest first. Raises InvalidChange for a foreign cursor."""
    statement = bundles_for(organisation_id)
    if vehicle_id is not None:
        statement = statement.where(Vehicle.vehicle_id == vehicle_id)
    page = read_page(session, statement, EvidenceBundle.id, limit=limit, cursor=cursor, newest_first=True)
    return page.map(lambda row: row[0])
