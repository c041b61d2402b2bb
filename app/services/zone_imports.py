"""Imports of zones: a file becomes a draft that is looked at, and is then published whole or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.errors import Conflict, InvalidChange, NotFound
from app.models import ImportDraft, User, Zone, ZoneRevisionRow
from app.schemas.zones import ZoneImport
from app.services.generations import next_generation, require_future_start
from app.services.zone_features import ReadFeature, read_features
from app.services.zones import NO_REVISION, require_judgeable, revision_row, store_zone_revisions, unnumbered
from geofences.errors import UnreadableFile
from geofences.layers import read_layers

KIND = "zones"
_FEATURES: TypeAdapter[list[ReadFeature]] = TypeAdapter(list[ReadFeature])


def read_zone_file(
    session: Session, data: bytes, *, decides_in: Collection[str], jurisdiction: str = ""
) -> list[ReadFeature]:
    """What each feature of a GeoJSON or GeoPackage file would do. Raises InvalidChange for an unreadable file."""
    try:
        layers = read_layers(data)
    except UnreadableFile as error:
        raise InvalidChange(str(error), code=f"zone_{error.rule}", field="file") from error
    if not layers:
        raise InvalidChange("the file has no features", code="zone_file_without_layers", field="file")
    return read_features(session, layers, decides_in=decides_in, jurisdiction=jurisdiction)


def keep_draft(session: Session, features: Sequence[ReadFeature], *, actor: User, now_ms: int) -> ImportDraft:
    """Keep what was read for its preview; the actor's draft before is dropped."""
    session.execute(delete(ImportDraft).where(ImportDraft.kind == KIND, ImportDraft.created_by_id == actor.id))
    draft = ImportDraft(
        public_id=secrets.token_urlsafe(16),
        kind=KIND,
        content={"features": _FEATURES.dump_python(list(features), mode="json")},
        created_by_id=actor.id,
        created_at_ms=now_ms,
    )
    session.add(draft)
    session.flush()
    return draft


def own_draft(session: Session, public_id: str, user_id: int) -> ImportDraft:
    """A draft of this user. Raises NotFound: somebody else's does not exist."""
    wanted = select(ImportDraft).where(ImportDraft.public_id == public_id, ImportDraft.kind == KIND)
    draft = session.scalar(wanted.where(ImportDraft.created_by_id == user_id))
    if draft is None:
        raise NotFound("There is no such import.")
    return draft


def features_of(draft: ImportDraft) -> list[ReadFeature]:
    """What was read, as it was shown."""
    content: dict[str, Any] = draft.content
    return _FEATURES.validate_python(content["features"])


def publish_import(
    session: Session, features: Sequence[ReadFeature], details: ZoneImport, *, now_ms: int, actor: User
) -> list[ZoneRevisionRow]:
    """Publish every new and changed feature, all with one start and one reason.

    Raises InvalidChange while a feature has a problem, when nothing would change or could not be
    judged, Conflict when a zone was published by somebody else since the file was read, RevisionInPast.
    """
    if any(feature.state == "invalid" for feature in features):
        raise InvalidChange("some features have problems", code="zone_file_has_problems")
    changing = [(each, each.content) for each in features if each.state != "unchanged" and each.content is not None]
    if not changing:
        raise InvalidChange("nothing would change", code="zone_file_changes_nothing")
    starts_at_ms = now_ms if details.starts_at_ms is None else details.starts_at_ms
    require_future_start(starts_at_ms, now_ms)
    generation = next_generation(session)
    zones = _zones(session, features)
    drawn = [unnumbered(feature.zone_id, content, starts_at_ms) for feature, content in changing]
    require_judgeable(session, drawn)
    revisions = [
        revision_row(
            zones.get(feature.zone_id) or Zone(zone_id=feature.zone_id, kind=content.kind),
            revision,
            name_zh=content.name_zh,
            name_en=content.name_en,
            generation=generation,
        )
        for (feature, content), revision in zip(changing, drawn, strict=True)
    ]
    store_zone_revisions(session, revisions, reason=details.reason, actor=actor, now_ms=now_ms)
    return revisions


def _zones(session: Session, features: Sequence[ReadFeature]) -> dict[str, Zone]:
    """The zones that exist. Raises as publish_zone when one is no longer as it was when the file was read."""
    newest = select(Zone.zone_id, func.max(ZoneRevisionRow.id)).join_from(ZoneRevisionRow, Zone).group_by(Zone.zone_id)
    seen = dict(session.execute(newest).all())
    for feature in features:
        if seen.get(feature.zone_id, NO_REVISION) != feature.seen:
            raise Conflict(f"zone {feature.zone_id} was published meanwhile")
    return {zone.zone_id: zone for zone in session.scalars(select(Zone))}
