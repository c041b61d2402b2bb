from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from shapely.geometry import LineString, Polygon
from sqlalchemy import Engine

from app.database import changing_session, open_engine
from app.models import Stage
from app.registry import DatabaseRegistry, open_registry
from app.services.conditions import Conditions
from app.services.officers import record_licence
from app.services.organisations import register_organisation
from app.services.permits import issue_permit, permit_by_number, revise_permit
from app.services.vehicles import register_vehicle
from app.services.zones import publish_zone_revision
from app.settings import Settings
from geofences.datum import VerticalReference
from geofences.schedule import Schedule
from geofences.zones import FOREVER_MS, Datum, Unit, VerticalBand, ZoneKind
from telemetry.errors import StoreUnavailable
from telemetry.ports import PermitState
from telemetry.samples import VehicleKind
from tests.jurisdictions import jurisdiction

NOW = 1_732_190_000_000
HOLED = Polygon(
    [(113.9, 22.5), (113.91, 22.5), (113.91, 22.51), (113.9, 22.51), (113.9, 22.5)],
    [[(113.902, 22.502), (113.904, 22.502), (113.904, 22.504), (113.902, 22.502)]],
)
ROAD = LineString([(113.9012345678901, 22.5), (113.91, 22.500000000000004)])
WINDOWS = {"time_zone": "Asia/Shanghai", "windows": [{"days": ["MON"], "start": "22:00", "end": "06:00"}]}


@pytest.fixture
def registry(engine: Engine) -> DatabaseRegistry:
    """Generations: 1 vehicle, 2 road, 3 restricted zone, 4 permit, 5 licence."""
    with changing_session(engine) as session:
        operator = register_organisation(session, code="op", name_zh="甲", name_en="Op", now_ms=NOW)
        kind = VehicleKind.AIR
        vehicle, _ = register_vehicle(session, vehicle_id="E-1", kind=kind, organisation=operator, now_ms=NOW)
        publish_zone_revision(
            session,
            zone_id="R1",
            kind=ZoneKind.TEST_ROAD,
            geometry=ROAD,
            half_width_m=12.5,
            name_zh="路",
            name_en="Road",
            starts_at_ms=NOW,
            now_ms=NOW,
            schedule=Schedule.from_dict(WINDOWS),
            authority="SZ",
            jurisdiction="CN-SZ",
        )
        publish_zone_revision(
            session,
            zone_id="N1",
            kind=ZoneKind.RESTRICTED,
            geometry=HOLED,
            name_zh="禁区",
            name_en="No-go",
            starts_at_ms=NOW,
            now_ms=NOW,
            band=VerticalBand(None, 400.0, Datum.AMSL, Unit.FOOT),
        )
        issue_permit(
            session,
            number="P-1",
            stage=Stage.FLIGHT_TEST,
            holder=operator,
            jurisdiction=jurisdiction(session, "CN-SZ"),
            vehicles=[vehicle],
            zone_ids=["R1"],
            conditions=Conditions(hours=Schedule.from_dict(WINDOWS), speed_cap_mps=30.0, passengers_allowed=False),
            valid_from_ms=NOW,
            valid_until_ms=NOW + 10**6,
            now_ms=NOW,
        )
        record_licence(session, officer_id="SO-1", organisation=operator, expires_at_ms=NOW + 5, now_ms=NOW)
    return DatabaseRegistry(engine, VerticalReference(4.0, -3.0))


def test_everything_that_judgement_needs_is_in_the_snapshot(registry: DatabaseRegistry) -> None:
    snapshot = registry.snapshot()
    assert snapshot.generation == registry.generation() == 5
    assert [(v.vehicle_id, v.kind) for v in snapshot.vehicles] == [("E-1", VehicleKind.AIR)]
    road, no_go = snapshot.zones
    assert (road.zone_id, road.half_width_m, road.authority) == ("R1", 12.5, "SZ")
    assert (road.starts_at_ms, road.ends_at_ms) == (NOW, FOREVER_MS)
    assert road.schedule == Schedule.from_dict(WINDOWS)
    assert no_go.band == VerticalBand(None, 400.0, Datum.AMSL, Unit.FOOT)
    (permit,) = snapshot.permits
    assert (permit.state, permit.zone_ids) == (PermitState.ISSUED, frozenset({"R1"}))
    assert permit.vehicles == {snapshot.vehicles[0].key}
    assert (permit.speed_cap_mps, permit.passengers_allowed, permit.hours) == (30.0, False, road.schedule)
    assert (permit.holder, permit.officers) == (snapshot.officers["SO-1"].organisation, frozenset())
    assert {name: officer.licence_expires_ms for name, officer in snapshot.officers.items()} == {"SO-1": NOW + 5}
    assert snapshot.vertical == VerticalReference(4.0, -3.0)


def test_geometry_comes_back_exactly(registry: DatabaseRegistry) -> None:
    road, no_go = registry.snapshot().zones
    assert road.geometry.wkb == ROAD.wkb
    assert no_go.geometry.wkb == HOLED.wkb


def test_the_registry_is_known_as_it_was_at_each_generation(registry: DatabaseRegistry) -> None:
    sizes = [(len(s.vehicles), len(s.zones), len(s.permits), len(s.officers)) for s in map(registry.snapshot, range(6))]
    assert sizes == [(0, 0, 0, 0), (1, 0, 0, 0), (1, 1, 0, 0), (1, 2, 0, 0), (1, 2, 1, 0), (1, 2, 1, 1)]


def test_a_later_decision_changes_later_snapshots_only(engine: Engine, registry: DatabaseRegistry) -> None:
    before = registry.snapshot()
    with changing_session(engine) as session:
        permit = permit_by_number(session, "P-1")
        revise_permit(session, permit, state=PermitState.SUSPENDED, reason="事故", now_ms=NOW + 100)
        record_licence(session, officer_id="SO-1", organisation=permit.holder, expires_at_ms=NOW + 9, now_ms=NOW)
    after = registry.snapshot()
    assert after.generation == 8, "the suspension tells the vehicle to halt"
    assert [(p.state, p.starts_at_ms, p.ends_at_ms) for p in after.permits] == [
        (PermitState.ISSUED, NOW, NOW + 100),
        (PermitState.SUSPENDED, NOW + 100, FOREVER_MS),
    ]
    assert after.officers == {"SO-1": replace(before.officers["SO-1"], licence_expires_ms=NOW + 9)}
    again = registry.snapshot(before.generation)
    assert replace(again, zones=()) == replace(before, zones=())


def test_the_vertical_reference_comes_from_the_settings(engine: Engine) -> None:
    env = {"PILOTAGE_SECRET_KEY": "s" * 32, "PILOTAGE_GROUND_ELEVATION_M": "4"}
    registry = open_registry(engine, Settings.from_environment(env))
    assert registry.snapshot().vertical == VerticalReference(4.0, None)


def test_a_registry_without_database_is_unavailable(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    with pytest.raises(StoreUnavailable):
        DatabaseRegistry(engine, VerticalReference()).generation()
    engine.dispose()
