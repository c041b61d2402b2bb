"""What if, over what is stored: drafts of zones and of terms, bounds, and whose vehicles may be asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import shapely
from sqlalchemy import select

from app.database import reading_session
from app.errors import InvalidChange, NotFound, Overloaded
from app.models import AuditHead, RegistryGeneration, Vehicle
from app.schemas.what_if import WhatIf
from app.services import what_if
from app.services.what_if import answer_to, question_of, vehicle_ids
from geofences.zones import ZoneKind
from telemetry.findings import Finding
from telemetry.samples import VehicleKind
from telemetry.whatif import Comparison
from tests.city import City, DrawnZone, Grant, build_city
from tests.telemetry.cast import CAR, OTHER_CAR, T0, drive, square

_PERIOD = {"since_ms": T0, "until_ms": T0 + 60_000}
_ALL_DAY = {"days": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], "start": "00:00", "end": "24:00"}


def _square(east_m: float) -> str:
    return str(shapely.to_geojson(square(0, 0, east_m, 1000)))


def _zone(east_m: float, zone_id: str = "area", kind: str = "test_area") -> dict[str, Any]:
    return _PERIOD | {"zone": {"zone_id": zone_id, "kind": kind, "geometry": _square(east_m)}}


@pytest.fixture
def driven(tmp_path: Path, database_url: str) -> City:
    """Two cars that drive east for 40 s, through an area that both are granted, at 5 m/s."""
    area = DrawnZone("area", ZoneKind.TEST_AREA, square(0, 0, 1000, 1000))
    city = build_city(
        tmp_path, [area], [Grant(VehicleKind.ROAD, [CAR.vehicle_id, OTHER_CAR.vehicle_id], ["area"])], database_url
    )
    pipeline = city.pipeline()
    for who, north_m in ((CAR, 200), (OTHER_CAR, 300)):
        path = [(300 + 5 * i, north_m) for i in range(40)]
        pipeline.process(drive(path, who=who, officer_id=None, safety_officer="none"))
    return city


def _asked(city: City, query: dict[str, Any], organisation_id: int | None = None) -> Comparison:
    with reading_session(city.engine) as session:
        question = question_of(session, WhatIf.model_validate(query), organisation_id=organisation_id)
    return answer_to(question, city.engine, city.registry(), 2.0)


def test_a_narrower_zone_and_the_same_one(driven: City) -> None:
    found = _asked(driven, _zone(400))
    [shift] = found.shifts
    # From 405 m on; at 400 m the accuracy circle is on the boundary, which decides nothing.
    assert (shift.finding, shift.is_new, shift.samples) == (Finding.OUTSIDE_AREA, True, 2 * 19)
    assert (found.samples, found.vehicles, len(found.opened)) == (80, 2, 2)
    same = _asked(driven, _zone(1000))
    assert (same.samples, same.shifts, same.opened, same.spared) == (80, [], [], [])


def test_a_new_restricted_zone(driven: City) -> None:
    [shift] = _asked(driven, _zone(320, "closed", "restricted")).shifts
    assert (shift.finding, shift.is_new) == (Finding.RESTRICTED_AREA, True)


def test_other_terms_of_a_permit(driven: City) -> None:
    found = _asked(driven, _PERIOD | {"permit": "permit-0", "terms": {"speed_cap_kmh": 10.0}})
    [shift] = found.shifts
    assert (shift.finding, shift.samples, len(shift.vehicles)) == (Finding.OVERSPEED, 80, 2)
    fewer = _asked(driven, _PERIOD | {"permit": "permit-0", "terms": {"vehicles": [CAR.vehicle_id]}})
    [shift] = fewer.shifts
    assert (shift.finding, shift.vehicles) == (Finding.PERMIT_MISSING, {driven.keys[OTHER_CAR.vehicle_id]})
    with_hours = _asked(driven, _PERIOD | {"permit": "permit-0", "terms": {"hours": _ALL_DAY}})
    assert with_hours.shifts == []


def test_another_stage_of_a_permit(driven: City) -> None:
    asked = _PERIOD | {"permit": "permit-0"}
    [shift] = _asked(driven, asked | {"terms": {"stage": "road_test"}}).shifts
    assert (shift.finding, shift.is_new, shift.samples) == (Finding.SAFETY_OFFICER_MISSING, True, 80)
    assert _asked(driven, asked | {"terms": {"stage": "driverless_test"}}).shifts == []
    with pytest.raises(InvalidChange) as refused:
        _asked(driven, asked | {"terms": {"stage": "route_proving"}})
    assert refused.value.code == "stage_of_other_domain"


def test_only_the_vehicles_that_are_named(driven: City) -> None:
    found = _asked(driven, _zone(400) | {"vehicles": [CAR.vehicle_id]})
    assert (found.samples, found.vehicles) == (40, 1)
    with reading_session(driven.engine) as session:
        assert vehicle_ids(session, found.shifts[0].vehicles) == {driven.keys[CAR.vehicle_id]: CAR.vehicle_id}


def test_nothing_is_stored(driven: City) -> None:
    with reading_session(driven.engine) as session:
        before = [session.scalars(select(column)).all() for column in (AuditHead.number, RegistryGeneration.generation)]
        alerts = driven.alerts()
    _asked(driven, _zone(400))
    with reading_session(driven.engine) as session:
        after = [session.scalars(select(column)).all() for column in (AuditHead.number, RegistryGeneration.generation)]
    assert (after, driven.alerts()) == (before, alerts)
    assert driven.replay_differences() == []


def test_what_cannot_be_asked(driven: City, monkeypatch: pytest.MonkeyPatch) -> None:
    with reading_session(driven.engine) as session:
        own = session.scalars(select(Vehicle.organisation_id)).first()
    assert own is not None
    permit = _PERIOD | {"permit": "permit-0"}
    for query, organisation, code in (
        (_zone(400) | {"until_ms": T0 + what_if.LONGEST_MS + 1}, None, "period_too_long"),
        (_zone(400) | {"vehicles": ["NOBODY"]}, None, "unknown_vehicle"),
        (_zone(400) | {"vehicles": [CAR.vehicle_id]}, own + 1, "unknown_vehicle"),
        (_zone(400), own + 1, "no_vehicles"),
        (_zone(400, kind="restricted"), None, "zone_kind_changed"),
        (permit | {"terms": {"zones": ["nowhere"]}}, None, "unknown_zone"),
        (permit | {"terms": {"officers": ["nobody"]}}, None, "not_the_holders"),
    ):
        with pytest.raises(InvalidChange) as refused:
            _asked(driven, query, organisation)
        assert refused.value.code == code
    with pytest.raises(NotFound):
        _asked(driven, _PERIOD | {"permit": "none", "terms": {"speed_cap_kmh": 10.0}})
    monkeypatch.setattr(what_if, "MOST_SAMPLES", 79)
    with pytest.raises(InvalidChange, match="samples"):
        _asked(driven, _zone(400))


def test_one_at_a_time(driven: City) -> None:
    with what_if._alone(), pytest.raises(Overloaded):
        _asked(driven, _zone(400))
