from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from shapely import LineString
from sqlalchemy import Engine, select, text

from app.calendar import day_of, start_of_day_ms
from app.database import changing_session, reading_session
from app.models import Sample, UsageDay, UsageTally
from app.services import usage_tally
from app.services.organisations import register_organisation
from app.services.usage import Usage, usage_of
from app.services.usage_tally import days_due, tally_day, tally_usage
from app.services.vehicles import register_vehicle
from app.services.zones import publish_zone_revision
from geofences.datum import VerticalReference
from geofences.zones import ZoneKind
from telemetry.findings import Finding
from telemetry.samples import Mode, VehicleKind

DAY = date(2026, 3, 1)
NOON_MS = start_of_day_ms(DAY) + 43_200_000
#: 0.0001 degrees of latitude.
STEP_M = 11.119


@pytest.fixture
def roads(engine: Engine) -> Engine:
    """Two roads that share their middle: A up to 22.53, B from 22.525 on. One car of each of two operators."""
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE samples_rest PARTITION OF samples DEFAULT"))
    with changing_session(engine) as session:
        for side in ("NORTH", "SOUTH"):
            company = register_organisation(session, code=side, name_zh=side, name_en=side, now_ms=0)
            register_vehicle(session, vehicle_id=f"{side}-1", kind=VehicleKind.ROAD, organisation=company, now_ms=0)
        for zone_id, south, north in (("A", 22.52, 22.53), ("B", 22.525, 22.535)):
            publish_zone_revision(
                session,
                zone_id=zone_id,
                kind=ZoneKind.TEST_ROAD,
                geometry=LineString([(113.9, south), (113.9, north)]),
                name_zh=zone_id,
                name_en=zone_id,
                half_width_m=10.0,
                starts_at_ms=0,
                now_ms=0,
                imported=True,
            )
    return engine


def drive(
    engine: Engine,
    vehicle: int,
    *,
    from_lat: float,
    steps: int,
    start_ms: int = NOON_MS,
    seq: int = 1,
    **changes: object,
) -> None:
    """Northward, a step a second."""
    with changing_session(engine) as session:
        for step in range(steps + 1):
            values: dict[str, object] = {
                "received_ms": start_ms,
                "lon": 113.9,
                "lat": from_lat + step * 0.0001,
                "altitude_datum": -1,
                "speed_mps": STEP_M,
                "mode": Mode.AUTONOMOUS,
                "safety_officer": 1,
                "officer_load": -1,
                "passengers": -1,
                "verdict": 0,
                "undecided": 0,
                "late": 0,
                "zone_revision": -1,
                "permit_revision": -1,
                "generation": 1,
            }
            session.add(
                Sample(timestamp_ms=start_ms + step * 1000, vehicle=vehicle, seq=seq + step, **(values | changes))
            )


def tally(engine: Engine, day: date = DAY) -> None:
    tally_day(engine, day, NOON_MS, VerticalReference())


def usage(engine: Engine, **chosen: object) -> Usage:
    with reading_session(engine) as session:
        return usage_of(session, **chosen)  # type: ignore[arg-type]  # named by the tests


def test_a_stretch_counts_where_it_was_driven_and_an_overlap_only_once(roads: Engine) -> None:
    drive(roads, 1, from_lat=22.5201, steps=140)
    tally(roads)
    assert usage(roads).distance_km == pytest.approx(140 * STEP_M / 1000, rel=1e-3)
    assert usage(roads).hours == pytest.approx(140 / 3600)
    on_a, on_b = usage(roads, zone_ids=["A"]).distance_km, usage(roads, zone_ids=["B"]).distance_km
    assert on_a == pytest.approx(99 * STEP_M / 1000, rel=0.02)
    assert on_b == pytest.approx(91 * STEP_M / 1000, rel=0.02)
    assert usage(roads, zone_ids=["A", "B"]).distance_km == pytest.approx(usage(roads).distance_km)
    assert usage(roads, zone_ids=[]).distance_km == 0


def test_each_operator_has_its_own(roads: Engine) -> None:
    drive(roads, 1, from_lat=22.5201, steps=20)
    drive(roads, 2, from_lat=22.5201, steps=40)
    tally(roads)
    assert usage(roads, organisation_id=2).distance_km == pytest.approx(40 * STEP_M / 1000, rel=1e-3)
    assert usage(roads, vehicle_ids=["NORTH-1"]).distance_km == pytest.approx(20 * STEP_M / 1000, rel=1e-3)


def test_manual_driving_is_no_automation(roads: Engine) -> None:
    drive(roads, 1, from_lat=22.5201, steps=30, mode=Mode.MANUAL)
    tally(roads)
    found = usage(roads)
    assert (found.autonomous_distance_km, found.autonomous_hours) == (0, 0)
    assert found.distance_km > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": int(Finding.IMPLAUSIBLE_JUMP)},
        {"verdict": int(Finding.CLOCK_SKEW)},
        {"speed_mps": 0.0},
    ],
)
def test_what_is_not_believed_or_stands_counts_nothing(roads: Engine, changes: dict[str, object]) -> None:
    drive(roads, 1, from_lat=22.5201, steps=30, **changes)
    tally(roads)
    assert usage(roads).distance_km == 0


def test_a_gap_counts_nothing(roads: Engine) -> None:
    drive(roads, 1, from_lat=22.5201, steps=10)
    drive(roads, 1, from_lat=22.5231, steps=10, start_ms=NOON_MS + 30_000, seq=50)
    tally(roads)
    assert usage(roads).distance_km == pytest.approx(20 * STEP_M / 1000, rel=1e-3)


def test_tallying_again_changes_nothing_and_late_samples_are_added(roads: Engine) -> None:
    drive(roads, 1, from_lat=22.5201, steps=10)
    tally(roads)
    tally(roads)
    before = usage(roads)
    assert before.distance_km == pytest.approx(10 * STEP_M / 1000, rel=1e-3)
    drive(roads, 1, from_lat=22.5301, steps=10, start_ms=NOON_MS - 60_000, seq=200, late=1)
    tally(roads)
    assert usage(roads).distance_km == pytest.approx(20 * STEP_M / 1000, rel=1e-3)
    with reading_session(roads) as session:
        assert session.scalars(select(UsageTally.samples)).all() == [22]


def test_the_size_of_the_portions_changes_nothing(roads: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for vehicle in (1, 2):
        drive(roads, vehicle, from_lat=22.5201, steps=40)
    monkeypatch.setattr(usage_tally, "_PORTION", 7)
    monkeypatch.setattr(usage_tally, "_REPLACED_AT_ONCE", 1)
    tally(roads)
    assert usage(roads).distance_km == pytest.approx(80 * STEP_M / 1000, rel=1e-3)


def test_a_process_that_has_counted_less_gives_way(roads: Engine) -> None:
    drive(roads, 1, from_lat=22.5201, steps=10)
    with changing_session(roads) as session:
        session.add(UsageTally(vehicle_id=1, day=DAY, samples=11, tallied_at_ms=1))
        session.flush()
        assert not usage_tally._claim(session, 1, DAY, 11, 2)
        assert not usage_tally._claim(session, 1, DAY, 10, 2)
        assert usage_tally._claim(session, 1, DAY, 12, 2)


def test_days_begin_at_midnight_in_shanghai(roads: Engine) -> None:
    midnight_ms = start_of_day_ms(DAY + timedelta(days=1))
    drive(roads, 1, from_lat=22.5201, steps=20, start_ms=midnight_ms - 10_000)
    for day in (DAY, DAY + timedelta(days=1)):
        tally(roads, day)
    with reading_session(roads) as session:
        rows = [(row.day, row.samples) for row in session.scalars(select(UsageDay).order_by(UsageDay.day))]
    assert rows == [(DAY, 9), (DAY + timedelta(days=1), 10)]
    assert usage(roads, since_ms=midnight_ms).hours == pytest.approx(10 / 3600)


def test_every_day_that_is_kept_gets_its_turn() -> None:
    looks = [NOON_MS + turn * 1000 * round(usage_tally.EVERY_S) for turn in range(400)]
    assert {(day_of(at_ms) - day).days for at_ms in looks for day in days_due(at_ms)} == set(range(402))
    assert all({0, 1} <= {(day_of(at_ms) - day).days for day in days_due(at_ms)} for at_ms in looks)


def test_the_chore_runs(roads: Engine) -> None:
    drive(roads, 1, from_lat=22.5201, steps=10)
    tally_usage(roads, NOON_MS)
    assert usage(roads).distance_km > 0


def test_samples_read_as_whole_numbers_stay_exact() -> None:
    fixes = usage_tally._fixes([(1, 2**53 + 1, 3, 113.9, 22.5, None, -1, None, 0, 0)])
    assert fixes.timestamp_ms.tolist() == [2**53 + 1]
    assert np.isnan(fixes.altitude_m).all()
