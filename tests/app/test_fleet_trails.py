"""Sections of a fleet: thinned by the database, on both, and still true about ends, gaps and changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Engine, select

from app.database import changing_session, reading_session
from app.errors import InvalidChange
from app.models import Vehicle
from app.services.fleet_trails import LONGEST_SECTION_MS, FleetSection, fleet_section
from app.services.organisations import register_organisation
from app.services.trails import LONGEST_MS
from app.services.vehicles import register_vehicle
from app.storage import open_store
from telemetry.findings import Finding
from telemetry.samples import JudgedBatch, Mode, VehicleKind
from telemetry.thinning import GAP_MS
from tests.app.batches import START_MS, flush_of, judged_batch

_T0 = START_MS // 10_000 * 10_000
_IDS = ("one-a", "one-b", "two-a")


@pytest.fixture
def keys(engine: Engine) -> dict[str, int]:
    """Vehicles of two operators, by their public ids."""
    with changing_session(engine) as session:
        for side in ("one", "two"):
            company = register_organisation(session, code=side, name_zh=side, name_en=side, now_ms=0)
            for vehicle_id in _IDS:
                if vehicle_id.startswith(side):
                    register_vehicle(
                        session, vehicle_id=vehicle_id, kind=VehicleKind.ROAD, organisation=company, now_ms=0
                    )
        return {vehicle.vehicle_id: vehicle.id for vehicle in session.scalars(select(Vehicle))}


def _store(
    engine: Engine,
    key: int,
    seconds: Sequence[float],
    modes: Sequence[int] | None = None,
    verdicts: Sequence[int] | None = None,
) -> JudgedBatch:
    """Samples of one vehicle, so many seconds after _T0."""
    with reading_session(engine) as session:
        generation = max(session.scalars(select(Vehicle.generation)))
    count = len(seconds)
    made = judged_batch(count, vehicles=1, generation=generation)
    zeros = np.zeros(count, dtype=np.int64)
    samples = replace(
        made.samples,
        vehicle=zeros + key,
        timestamp_ms=_T0 + np.round(np.array(seconds) * 1000).astype(np.int64),
        seq=np.arange(1, count + 1),
        mode=np.array(modes or zeros, dtype=np.int8),
    )
    made = replace(made, samples=samples, verdict=np.array(verdicts or zeros, dtype=np.int64))
    open_store(engine).commit(flush_of(made))
    return made


def _section(engine: Engine, since_s: float, until_s: float, step_ms: int, **options: int) -> FleetSection:
    with reading_session(engine) as session:
        since_ms, until_ms = (_T0 + round(1000 * each) for each in (since_s, until_s))
        return fleet_section(session, since_ms=since_ms, until_ms=until_ms, step_ms=step_ms, **options)


def _seconds(found: FleetSection, vehicle: int = 0) -> list[float]:
    own = slice(*found.bounds[vehicle : vehicle + 2].tolist())
    seconds: list[float] = ((found.points.timestamp_ms[own] - _T0) / 1000).tolist()
    return seconds


def test_of_each_step_the_last_and_of_the_section_the_first_sample_stay(engine: Engine, keys: dict[str, int]) -> None:
    made = _store(engine, keys["one-a"], [0.5 * i for i in range(61)])
    found = _section(engine, 1, 28, 5_000)
    assert _seconds(found) == [1.0, 4.5, 9.5, 14.5, 19.5, 24.5, 27.5]
    assert [vehicle.vehicle_id for vehicle in found.vehicles] == ["one-a"]
    rows = [2, 9, 19, 29, 39, 49, 55]
    assert found.points.lon.tobytes() == made.samples.lon[rows].tobytes()
    assert np.array_equal(found.points.altitude_m, made.samples.altitude_m[rows], equal_nan=True)
    assert found.gaps.tolist() == []


def test_every_mode_and_verdict_of_a_step_stays(engine: Engine, keys: dict[str, int]) -> None:
    manual, outside = int(Mode.MANUAL), int(Finding.OUTSIDE_AREA)
    _store(engine, keys["one-a"], range(10), [0, 0, manual] + 7 * [0], 6 * [0] + [outside, outside, 0, 0])
    assert _seconds(_section(engine, 0, 10, 10_000)) == [0, 2, 6, 7, 9]
    assert _seconds(_section(engine, -10, 10, 10_000)) == [2, 6, 7, 9], "of nothing remarkable the last is enough"


def test_a_gap_is_told_by_all_samples_and_not_by_those_that_stay(engine: Engine, keys: dict[str, int]) -> None:
    gap_s = GAP_MS / 1000
    calm = [9.0, 10.0, 19.9, 20.0]  # told are 9, 10, 19.9 and 20: as far apart as a step can make them
    loud = [20.0 + gap_s + 0.1, 49.9]
    _store(engine, keys["one-a"], [*calm, *loud])
    _store(engine, keys["one-b"], [0.0, gap_s, 2 * gap_s + 1])
    found = _section(engine, 0, 60, 10_000)
    assert [(each.vehicle_id, *_seconds(found, place)) for place, each in enumerate(found.vehicles)] == [
        ("one-a", 9.0, 19.9, 20.0, 30.1, 49.9),
        ("one-b", 0.0, 10.0, 21.0),
    ]
    assert found.gaps.tolist() == [3, 4, 7]


def test_sections_follow_each_other_without_loss(engine: Engine, keys: dict[str, int]) -> None:
    for key in keys.values():
        _store(engine, key, [0.3 * i for i in range(40)])
    read, since_s, sections = [], 0.0, 0
    while since_s < 12:
        part = _section(engine, since_s, 12, 1, many_points=20)
        read += [*zip(part.points.vehicle.tolist(), part.points.seq.tolist(), strict=True)]
        since_s, sections = (part.until_ms - _T0) / 1000, sections + 1
    assert sections > 3
    assert sorted(read) == [(key, seq) for key in sorted(keys.values()) for seq in range(1, 41)]


def test_a_section_of_one_operator_has_its_vehicles_only(engine: Engine, keys: dict[str, int]) -> None:
    for key in keys.values():
        _store(engine, key, range(3))
    with reading_session(engine) as session:
        operator = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == "two-a")).one().organisation_id
    found = _section(engine, 0, 10, 1_000, organisation_id=operator)
    assert ([each.vehicle_id for each in found.vehicles], found.bounds.tolist()) == (["two-a"], [0, 3])


@pytest.mark.usefixtures("keys")
def test_nothing_stored_is_an_empty_section_and_a_long_period_ends_early(engine: Engine) -> None:
    found = _section(engine, 0, 86_400, 5_000)
    assert (len(found.points), found.vehicles, found.bounds.tolist(), found.gaps.tolist()) == (0, [], [0], [])
    assert found.until_ms == _T0 + LONGEST_SECTION_MS
    with pytest.raises(InvalidChange):
        _section(engine, 0, LONGEST_MS / 1000 + 1, 5_000)
