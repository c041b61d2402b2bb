"""What a decision on a permit demands of its vehicles, and what it gives back."""

from __future__ import annotations

import pytest
import shapely
from shapely import LineString
from sqlalchemy import Engine

from app.database import changing_session, reading_session
from app.models import Outcome
from app.services.permit_life import Decision
from app.services.zones import publish_zone_revision
from geofences.zones import ZoneKind
from telemetry.directives import DirectiveKind
from telemetry.ports import PermitState
from tests.app.directive_cast import CAR, DRIVING, OTHER, Road, reinstate, suspend
from tests.app.permit_cast import NOW, decided, issue, newest, restricted


@pytest.fixture
def road(engine: Engine) -> Road:
    return Road(engine)


def test_a_permit_that_covers_a_halted_car_lets_it_go_on(road: Road) -> None:
    suspend(road)
    with changing_session(road.engine) as session:
        issue(session, "CITY-2024-0002")
    assert road.newest().directives == ()
    assert [each.directive_id for each in road.newest().released] == [road.only().directive_id]


def test_a_reinstatement_gives_back_only_what_the_permit_allows_again(road: Road) -> None:
    with changing_session(road.engine) as session:
        restricted(session, zones=["R1"], speed_cap_kmh=20)
    with changing_session(road.engine) as session:
        decided(session, Decision.SUSPENDED, seen=2, now_ms=road.now_ms)
    with changing_session(road.engine) as session:
        decided(session, Decision.REINSTATED, seen=3, now_ms=road.now_ms + 1)
    assert [each.kind for each in road.newest().directives] == [DirectiveKind.LEAVE, DirectiveKind.SLOW]
    assert len(road.newest().released) == 1


def test_where_a_road_that_stays_crosses_one_that_is_lost_a_car_may_be(road: Road) -> None:
    with changing_session(road.engine) as session:
        publish_zone_revision(
            session,
            zone_id="R1",
            kind=ZoneKind.TEST_ROAD,
            geometry=LineString([(113.905, 22.50), (113.905, 22.53)]),
            half_width_m=10.0,
            name_zh="路1",
            name_en="Road 1",
            starts_at_ms=NOW + 1,
            now_ms=NOW + 1,
        )
        restricted(session, zones=["R1"])
    place = shapely.geometry.shape(road.only().terms["place"])
    assert place.geom_type == "MultiPolygon", "on both sides of the crossing"
    assert not place.intersects(shapely.Point(113.905, 22.52))
    assert place.intersects(shapely.Point(113.902, 22.52))


def test_a_reinstatement_takes_back_what_the_suspension_demanded(road: Road) -> None:
    suspend(road)
    reinstate(road)
    assert road.only().outcome is Outcome.WITHDRAWN
    assert road.told() == [[DirectiveKind.HALT], []]


def test_a_car_that_another_permit_covers_drives_on(road: Road) -> None:
    with changing_session(road.engine) as session:
        issue(session, "CITY-2024-0002")
    suspend(road)
    assert road.directives() == road.directives(OTHER) == []
    with reading_session(road.engine) as session:
        assert newest(session).state is PermitState.SUSPENDED


def test_a_restriction_demands_what_it_takes_away(road: Road) -> None:
    with changing_session(road.engine) as session:
        restricted(session, vehicles=[CAR], zones=["R1"], speed_cap_kmh=20)
    assert [row.kind for row in road.directives()] == [DirectiveKind.LEAVE, DirectiveKind.SLOW]
    assert [row.kind for row in road.directives(OTHER)] == [DirectiveKind.HALT]
    assert road.told()[-1] == [DirectiveKind.LEAVE, DirectiveKind.SLOW]
    road.drives(DRIVING, 5)
    leave, slow = road.directives()
    assert leave.terms["zones"] == ["R2"]
    assert leave.terms["place"]["type"] == "Polygon", "the vehicle's program has to know what to leave"
    assert leave.complied_at_ms is not None, "it drives on a road that it still has"
    assert slow.complied_at_ms is None, "28.8 km/h"
    road.drives(5.0, 4)
    assert road.directives()[1].complied_at_ms is not None
