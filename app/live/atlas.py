"""The zones in force as maps draw them, compiled once for as long as none begins, ends or changes.

Drawing thousands of zones takes seconds, and every page with a map shows them. What is drawn of a
revision never changes, so a change of the registry costs the new revisions only.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.live.places import area_text
from app.models import Zone, ZoneRevisionRow
from app.services.generations import current_generation
from app.services.revisions import in_force
from geofences.zones import FOREVER_MS, ZoneKind

#: South-west and north-east corner as maps want them: [lat, lon].
Bounds = list[list[float]]

#: Rows that are read with one statement: fewer than a database takes as parameters.
_ROWS_AT_ONCE = 500
#: Smaller by two thirds; a higher level takes far longer and saves little.
_ZIP_LEVEL = 5


@dataclass(frozen=True, slots=True)
class ZonePicture:
    """The zones in force as a GeoJSON FeatureCollection in EPSG:4326, sorted by zone id.

    `tag` is a strong validator of `body`. `revisions` has the key of the revision that is drawn, by
    zone id; `bounds` is None without zones.
    """

    body: bytes
    zipped: bytes
    tag: str
    kinds: frozenset[ZoneKind]
    revisions: Mapping[str, int]
    bounds: Bounds | None


@dataclass(frozen=True, slots=True)
class _Edition:
    """Which revisions are in force, as of a generation of the registry, in [from_ms, until_ms)."""

    generation: int
    from_ms: int
    until_ms: int
    revisions: tuple[int, ...]

    def holds(self, generation: int, now_ms: int) -> bool:
        return self.generation == generation and self.from_ms <= now_ms < self.until_ms


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What is drawn of one revision: its feature as JSON, and west, south, east, north."""

    zone_id: str
    kind: ZoneKind
    feature: bytes
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The newest picture, and what it is made of by the key of the revision."""

    edition: _Edition
    drawn: Mapping[int, _Drawn]
    picture: ZonePicture


class ZoneAtlas:
    """Thread-safe. Holds one picture with areas and one with centre lines: the newest that were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._edition: _Edition | None = None
        self._sheets: dict[bool, _Sheet] = {}

    def picture(self, session: Session, now_ms: int, *, centreline: bool = False) -> ZonePicture:
        """The zones in force now; a line is widened by its half width, or with `centreline` a line.

        A zone that is in force by its revision but not by its schedule is in it too.
        """
        with self._lock:
            return self._sheet(session, now_ms, centreline=centreline).picture

    def collection(self, session: Session, now_ms: int, zone_ids: Collection[str]) -> bytes:
        """Those of the zones in force now that have these ids, as areas; ids that are not in force are left out."""
        with self._lock:
            sheet = self._sheet(session, now_ms, centreline=False)
        chosen = (sheet.drawn[key] for key in sheet.edition.revisions)
        return _collection(sheet.edition.from_ms, [each.feature for each in chosen if each.zone_id in zone_ids])

    def past(self, session: Session, at_ms: int) -> bytes:
        """The zones that were in force at an instant, as areas; its member `until_ms` says until when they were."""
        edition = _edition(session, current_generation(session), at_ms)
        with self._lock:
            sheet = self._sheets.get(False)
        known = {} if sheet is None else sheet.drawn
        drawn = {**known, **_read(session, [key for key in edition.revisions if key not in known], centreline=False)}
        features = [drawn[key].feature for key in edition.revisions]
        return _collection(edition.from_ms, features, b'"until_ms":%d,' % edition.until_ms)

    def _sheet(self, session: Session, now_ms: int, *, centreline: bool) -> _Sheet:
        edition = self._current(session, now_ms)
        sheet = self._sheets.get(centreline)
        if sheet is None or sheet.edition.revisions != edition.revisions or sheet.edition.from_ms != edition.from_ms:
            known = {} if sheet is None else sheet.drawn
            drawn = {key: known[key] for key in edition.revisions if key in known}
            drawn |= _read(session, [key for key in edition.revisions if key not in drawn], centreline=centreline)
            sheet = _Sheet(edition, drawn, _picture(edition, drawn))
            self._sheets[centreline] = sheet
        return sheet

    def _current(self, session: Session, now_ms: int) -> _Edition:
        # Asked before the rows are read: a change in between is met by the next question.
        generation = current_generation(session)
        if self._edition is None or not self._edition.holds(generation, now_ms):
            self._edition = _edition(session, generation, now_ms)
        return self._edition


def _edition(session: Session, generation: int, now_ms: int) -> _Edition:
    """Reads when revisions are in force, and none of their shapes."""
    columns = (
        ZoneRevisionRow.id,
        Zone.zone_id,
        ZoneRevisionRow.generation,
        ZoneRevisionRow.starts_at_ms,
        ZoneRevisionRow.ends_at_ms,
    )
    rows = session.execute(select(*columns).join(Zone)).all()
    periods = list(in_force(rows, lambda row: row.zone_id))
    edges = {edge_ms for _row, start_ms, end_ms in periods for edge_ms in (start_ms, end_ms)}
    found = [row for row, start_ms, end_ms in periods if start_ms <= now_ms < end_ms]
    return _Edition(
        generation,
        from_ms=max((edge_ms for edge_ms in edges if edge_ms <= now_ms), default=0),
        until_ms=min((edge_ms for edge_ms in edges if edge_ms > now_ms), default=FOREVER_MS),
        revisions=tuple(row.id for row in sorted(found, key=lambda row: row.zone_id)),
    )


def _read(session: Session, keys: Sequence[int], *, centreline: bool) -> dict[int, _Drawn]:
    return {
        row.id: _drawn(row, centreline=centreline)
        for first in range(0, len(keys), _ROWS_AT_ONCE)
        for row in session.scalars(
            select(ZoneRevisionRow).where(ZoneRevisionRow.id.in_(keys[first : first + _ROWS_AT_ONCE]))
        )
    }


def _drawn(row: ZoneRevisionRow, *, centreline: bool) -> _Drawn:
    geometry = area_text(row.geometry, None if centreline else row.half_width_m)
    west, south, east, north = shapely.from_geojson(geometry).bounds
    feature = msgspec.json.encode(_feature(row, geometry))
    return _Drawn(row.zone.zone_id, row.zone.kind, feature, (west, south, east, north))


def _feature(row: ZoneRevisionRow, geometry: str) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": row.zone.zone_id,
        "geometry": msgspec.Raw(geometry.encode()),
        "properties": {
            "id": row.zone.zone_id,
            "kind": row.zone.kind,
            "names": {"zh": row.name_zh, "en": row.name_en},
            "band": _band(row),
            "half_width_m": row.half_width_m,
            "speed_limit_mps": row.speed_limit_mps,
            "schedule": row.schedule,
            "authority": row.authority,
            "starts_at_ms": row.starts_at_ms,
        },
    }


def _band(row: ZoneRevisionRow) -> dict[str, Any] | None:
    if row.band_lower is None and row.band_upper is None:
        return None
    return {"lower": row.band_lower, "upper": row.band_upper, "datum": row.band_datum, "unit": row.band_unit}


def _picture(edition: _Edition, drawn: Mapping[int, _Drawn]) -> ZonePicture:
    members = [drawn[key] for key in edition.revisions]
    body = _collection(edition.from_ms, [each.feature for each in members])
    return ZonePicture(
        body=body,
        zipped=gzip.compress(body, _ZIP_LEVEL, mtime=0),
        tag=hashlib.sha256(body).hexdigest()[:32],
        kinds=frozenset(each.kind for each in members),
        revisions={each.zone_id: key for key, each in zip(edition.revisions, members, strict=True)},
        bounds=_bounds([each.box for each in members]),
    )


def _collection(since_ms: int, features: Iterable[bytes], more: bytes = b"") -> bytes:
    """`generated_at_ms` is since when it is so: one and the same of every process. `more` are further members."""
    return b'{"type":"FeatureCollection","generated_at_ms":%d,%b"features":[%b]}' % (
        since_ms,
        more,
        b",".join(features),
    )


def _bounds(boxes: Collection[tuple[float, float, float, float]]) -> Bounds | None:
    if not boxes:
        return None
    wests, souths, easts, norths = zip(*boxes, strict=True)
    return [[min(souths), min(wests)], [max(norths), max(easts)]]
