"""Everything that a bundle is made of, read from one state of the database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.evidence.record import Record, read_record
from app.evidence.scope import Scope
from app.evidence.seals import Proof, proof_of
from app.evidence.track import Tracks, key_of, read_tracks
from app.models import AuditEntry, Vehicle
from app.services.retention import require_present


@dataclass(frozen=True, slots=True)
class Content:
    """`names` are the vehicles that the bundle names, by integer key; only these have sealed samples in it.

    `platform_id` is the hash of the audit log's first entry: no two installations have the same.
    """

    scope: Scope
    platform_id: str
    tracks: Tracks
    names: dict[int, str]
    record: Record
    proof: Proof


def read_content(connection: Connection, scope: Scope, *, is_last_try: bool) -> Content:
    """Raises NotAnchoredYet unless it is the last try; InvalidChange for archived days, and more than a bundle holds.

    `connection` must see one state of the database.
    """
    with Session(connection) as session:
        require_present(session, scope.since_ms, scope.until_ms)
    tracks = read_tracks(connection, scope)
    keys = {scope.vehicle, *(tracks.neighbours if scope.is_for_city else ())}
    sealed = [*tracks.own, *(row for key in keys for row in tracks.neighbours.get(key, ()))]
    with Session(connection) as session:
        names = {vehicle.id: vehicle.vehicle_id for vehicle in session.query(Vehicle).filter(Vehicle.id.in_(keys))}
        first = session.get(AuditEntry, 1)
        return Content(
            scope=scope,
            platform_id=first.hash.hex() if first else "",
            tracks=tracks,
            names=dict(sorted(names.items())),
            record=read_record(session, scope, tracks.own),
            proof=proof_of(connection, scope, {key_of(row) for row in sealed}, is_last_try=is_last_try),
        )
