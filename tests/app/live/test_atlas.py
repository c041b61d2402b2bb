"""The picture of the zones in force: drawn once, and new with the instant at which it is another."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from shapely import LineString
from sqlalchemy import event

from app.database import changing_session, reading_session
from app.live.atlas import ZoneAtlas, ZonePicture
from app.services.zones import publish_zone_revision
from geofences.zones import ZoneKind
from tests.app.web.cast import ROAD, City


def publish(city: City, zone_id: str, *, in_ms: int = 0, for_ms: int | None = None, name: str = "") -> None:
    with changing_session(city.engine) as session:
        publish_zone_revision(
            session,
            zone_id=zone_id,
            kind=ZoneKind.TEST_ROAD,
            geometry=LineString([(113.91, 22.52), (113.91, 22.53)]),
            name_zh=name or zone_id,
            name_en=name or zone_id,
            half_width_m=8.0,
            starts_at_ms=city.time() + in_ms,
            ends_at_ms=None if for_ms is None else city.time() + in_ms + for_ms,
            now_ms=city.time(),
        )


def shown(city: City, atlas: ZoneAtlas, *, centreline: bool = False) -> ZonePicture:
    with reading_session(city.engine) as session:
        return atlas.picture(session, city.time(), centreline=centreline)


@contextmanager
def shapes_read(city: City) -> Iterator[list[str]]:
    """The statements that read shapes."""
    found: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if "zone_revisions.geometry" in statement:
            found.append(statement)

    event.listen(city.engine, "before_cursor_execute", hear)
    yield found
    event.remove(city.engine, "before_cursor_execute", hear)


def test_it_is_drawn_once(city: City) -> None:
    atlas = ZoneAtlas()
    first = shown(city, atlas)
    with shapes_read(city) as statements:
        assert shown(city, atlas) is first
    assert statements == []
    assert gzip.decompress(first.zipped) == first.body
    assert first.kinds == {ZoneKind.TEST_ROAD}


def test_a_change_of_something_else_draws_nothing(city: City) -> None:
    atlas = ZoneAtlas()
    first = shown(city, atlas)
    publish(city, "LATER", in_ms=10_000)
    with shapes_read(city) as statements:
        assert shown(city, atlas) is first
    assert statements == []


def test_a_zone_appears_at_its_start_and_goes_at_its_end(city: City) -> None:
    atlas = ZoneAtlas()
    publish(city, "SOON", in_ms=10_000, for_ms=5_000)
    tags = [shown(city, atlas).tag]
    city.time.pass_ms(9_999)
    assert set(shown(city, atlas).revisions) == {"QH-R-01"}
    city.time.pass_ms(1)
    tags.append(shown(city, atlas).tag)
    assert set(shown(city, atlas).revisions) == {"QH-R-01", "SOON"}
    city.time.pass_ms(5_000)
    tags.append(shown(city, atlas).tag)
    assert set(shown(city, atlas).revisions) == {"QH-R-01"}
    assert len(set(tags)) == 3


def test_only_what_is_new_is_drawn(city: City) -> None:
    atlas = ZoneAtlas()
    publish(city, "NEW")
    shown(city, atlas)
    city.time.pass_ms(1_000)
    publish(city, "NEW", name="renamed")
    with shapes_read(city) as statements:
        features = {each["id"]: each for each in json.loads(shown(city, atlas).body)["features"]}
    assert len(statements) == 1
    assert features["NEW"]["properties"]["names"]["en"] == "renamed"
    assert features["QH-R-01"]["properties"]["starts_at_ms"] < city.time()


def test_every_process_draws_the_same(city: City) -> None:
    first = shown(city, ZoneAtlas())
    city.time.pass_ms(60_000)
    assert shown(city, ZoneAtlas()).tag == first.tag


def test_areas_and_lines_are_two_pictures(city: City) -> None:
    atlas = ZoneAtlas()
    area, line = shown(city, atlas), shown(city, atlas, centreline=True)
    assert area.tag != line.tag
    west, south, east, north = ROAD.bounds
    assert line.bounds == [[south, west], [north, east]]
    assert area.bounds is not None
    assert area.bounds[0][1] < west
    assert shown(city, atlas) is area


def test_a_few_zones_of_it_by_their_ids(city: City) -> None:
    publish(city, "NEW")
    with reading_session(city.engine) as session:
        found = json.loads(ZoneAtlas().collection(session, city.time(), {"NEW", "UNKNOWN"}))
    assert [feature["id"] for feature in found["features"]] == ["NEW"]


@pytest.mark.parametrize("path", ["/api/v1/public/zones", "/api/v1/public/zones?centreline=1", "/city-plan.json"])
def test_whoever_has_it_is_not_sent_it_again(city: City, path: str) -> None:
    client = city.client()
    plain, zipped = client.get(path), client.get(path, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(zipped.data) == plain.data
    assert plain.headers["ETag"] != zipped.headers["ETag"]
    again = client.get(path, headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_published_zone_is_on_the_next_page(city: City) -> None:
    client = city.client()
    before = client.get("/api/v1/public/zones")
    publish(city, "NEW")
    after = client.get("/api/v1/public/zones", headers={"If-None-Match": before.headers["ETag"]})
    assert [feature["id"] for feature in after.get_json(force=True)["features"]] == ["NEW", "QH-R-01"]
    assert after.headers["Cache-Control"] == "public, no-cache"
