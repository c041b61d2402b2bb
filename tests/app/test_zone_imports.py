"""Zone files: told apart from what is there, published with one generation, refused when overtaken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shapely
from geopandas.geodataframe import GeoDataFrame
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.database import changing_session
from app.errors import Conflict, InvalidChange, NotFound
from app.models import Role, User
from app.schemas.zones import ZoneDetails, ZoneImport
from app.services.users import create_user
from app.services.zone_features import ReadFeature
from app.services.zone_imports import features_of, keep_draft, own_draft, publish_import, read_zone_file
from app.services.zones import publish_zone, zones_in_force
from tests.jurisdictions import jurisdiction

NOW = 1_732_190_000_000
SQUARE = {"type": "Polygon", "coordinates": [[[113.9, 22.5], [113.91, 22.5], [113.91, 22.51], [113.9, 22.5]]]}
DETAILS = ZoneImport(reason="the city's survey")


def feature(zone_id: str, geometry: Any = SQUARE, **properties: Any) -> dict[str, Any]:
    given = {"zone_id": zone_id, "kind": "test_area", "name_zh": "场", "name_en": "Yard", **properties}
    return {"type": "Feature", "geometry": geometry, "properties": given}


def collection(*features: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with changing_session(engine) as session:
        jurisdiction(session)
        yield session


def _user(session: Session) -> User:
    return create_user(
        session, email="r@city.example", password="a good password", role=Role.REGULATOR, display_name="R", now_ms=NOW
    )


def read(session: Session, data: bytes) -> list[ReadFeature]:
    return read_zone_file(session, data, decides_in={"CITY"}, jurisdiction="CITY")


def test_features_are_told_apart_from_what_is_there(session: Session) -> None:
    user = _user(session)
    publish_import(session, read(session, collection(feature("A"), feature("B"))), DETAILS, now_ms=NOW, actor=user)
    again = read(session, collection(feature("A"), feature("B", name_en="Park"), feature("C"), feature("C")))
    assert [(each.zone_id, each.state) for each in again] == [
        ("A", "unchanged"),
        ("B", "changed"),
        ("C", "new"),
        ("C", "invalid"),
    ]


def test_all_of_a_file_has_one_start_and_one_generation(session: Session) -> None:
    user = _user(session)
    rows = publish_import(
        session, read(session, collection(feature("A"), feature("B"))), DETAILS, now_ms=NOW, actor=user
    )
    assert {(row.starts_at_ms, row.generation, row.reason) for row in rows} == {
        (NOW, rows[0].generation, "the city's survey")
    }
    assert [row.zone.zone_id for row in zones_in_force(session, NOW)] == ["A", "B"]


def test_a_zone_that_was_published_meanwhile_keeps_the_file_out(session: Session) -> None:
    user = _user(session)
    features = read(session, collection(feature("A"), feature("B")))
    details = ZoneDetails.model_validate(
        {"kind": "test_area", "name_zh": "x", "name_en": "x", "geometry": SQUARE, "jurisdiction": "CITY", "reason": "x"}
    )
    publish_zone(session, zone_id="B", details=details, seen=0, now_ms=NOW)
    with pytest.raises(Conflict):
        publish_import(session, features, DETAILS, now_ms=NOW, actor=user)


def test_a_geopackages_columns_are_the_fields(session: Session, tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "zone_id": ["AIR-1", "SLOW-1"],
        "kind": ["air_corridor", "speed_limit"],
        "name_zh": ["航路", "限速"],
        "name_en": ["Corridor", "Slow"],
        "half_width_m": [50.0, None],
        "band_lower": [60.0, None],
        "band_upper": [120.0, None],
        "band_datum": ["AGL", None],
        "speed_limit_kmh": [None, 30.0],
    }
    shapes = [shapely.LineString([(113.9, 22.5), (113.91, 22.52)]), shapely.box(113.9, 22.5, 113.91, 22.51)]
    path = tmp_path / "zones.gpkg"
    GeoDataFrame(columns, geometry=shapes, crs=4326).to_crs(4547).to_file(path, driver="GPKG", engine="pyogrio")
    corridor, slow = read(session, path.read_bytes())
    assert corridor.content is not None, corridor.problems
    assert slow.content is not None, slow.problems
    assert corridor.content.vertical_band is not None
    assert corridor.content.vertical_band.upper == 120
    assert slow.content.speed_limit_mps == pytest.approx(30 / 3.6)


def test_a_draft_holds_exactly_what_was_read_and_is_its_readers(session: Session) -> None:
    user = _user(session)
    features = read(session, collection(feature("A", schedule={"time_zone": "UTC", "windows": []}), feature("B")))
    draft = keep_draft(session, features, actor=user, now_ms=NOW)
    back = features_of(own_draft(session, draft.public_id, user.id))
    assert [(each.state, each.zone_id, each.problems) for each in back] == [
        (each.state, each.zone_id, each.problems) for each in features
    ]
    with pytest.raises(NotFound):
        own_draft(session, draft.public_id, user.id + 1)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"geometry": None}, "geometry"),
        ({"geometry": {"type": "Point", "coordinates": [113.9, 22.5]}}, "geometry"),
        ({"kind": "test_raod"}, "kind"),
        ({"zone_id": "../etc"}, "zone_id"),
        ({"jurisdiction": "ELSEWHERE"}, "jurisdiction"),
        ({"names": {"zh": "场", "en": "Yard", "fr": "Cour"}}, "name_fr"),
        ({"band_lower": 3}, "band.datum"),
    ],
)
def test_each_bad_feature_is_told_at_its_field(session: Session, changed: dict[str, Any], path: str) -> None:
    properties = feature("A")["properties"] | {name: value for name, value in changed.items() if name != "geometry"}
    (one,) = read(session, collection(feature("A", changed.get("geometry", SQUARE)) | {"properties": properties}))
    assert (one.state, one.problems[0].path) == ("invalid", path)


def test_a_file_that_is_none_is_refused_as_a_whole(session: Session) -> None:
    with pytest.raises(InvalidChange) as caught:
        read(session, b"nothing")
    assert (caught.value.code, caught.value.field) == ("zone_file_of_no_kind", "file")
