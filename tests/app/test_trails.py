"""Trails are read from what is stored, of the right vehicles and of the right instants, on both databases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Engine, select

from app.database import changing_session, reading_session
from app.errors import InvalidChange
from app.models import Vehicle
from app.services.organisations import register_organisation
from app.services.trails import LONGEST_MS, Section, trail
from app.services.vehicles import register_vehicle
from app.storage import open_store
from telemetry.samples import JudgedBatch, VehicleKind
from tests.app.batches import START_MS, flush_of, judged_batch

_VEHICLES, _SECONDS = 4, 100
_END_MS = START_MS + 1_000_000


@pytest.fixture
def batch(engine: Engine) -> JudgedBatch:
    """Four vehicles of two operators, one sample a second each; nothing remarkable."""
    with changing_session(engine) as session:
        for side in ("one", "two"):
            company = register_organisation(session, code=side, name_zh=side, name_en=side, now_ms=0)
            for number in range(_VEHICLES // 2):
                register_vehicle(
                    session, vehicle_id=f"{side}-{number}", kind=VehicleKind.ROAD, organisation=company, now_ms=0
                )
        keys = session.scalars(select(Vehicle.id).order_by(Vehicle.id)).all()
    made = judged_batch(_VEHICLES * _SECONDS, vehicles=_VEHICLES, generation=_generation(engine))
    calm = np.zeros(len(made.samples), dtype=np.int64)
    samples = replace(made.samples, vehicle=np.array(keys)[made.samples.vehicle - 1], mode=calm.astype(np.int8))
    made = replace(made, samples=samples, verdict=calm)
    open_store(engine).commit(flush_of(made))
    return made


def _generation(engine: Engine) -> int:
    with reading_session(engine) as session:
        return max(session.scalars(select(Vehicle.generation)))


def _trail(engine: Engine, vehicle_id: str, since_ms: int, until_ms: int, **options: int) -> Section:
    with reading_session(engine) as session:
        vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == vehicle_id)).one()
        return trail(session, vehicle, since_ms=since_ms, until_ms=until_ms, **options)


def test_a_trail_is_what_was_stored_of_the_vehicle(engine: Engine, batch: JudgedBatch) -> None:
    [found] = _trail(engine, "one-1", START_MS + 1, START_MS + 10_001).trails
    rows = (batch.samples.vehicle == found.vehicle.id) & (batch.samples.timestamp_ms <= START_MS + 10_000)
    assert found.points.seq.tolist() == batch.samples.seq[rows].tolist()
    assert found.points.lon.tobytes() == batch.samples.lon[rows].tobytes()
    assert np.array_equal(found.points.altitude_m, batch.samples.altitude_m[rows], equal_nan=True)
    assert found.points.late.tolist() == batch.late[rows].tolist()
    assert (found.total, found.gaps.tolist()) == (10, [])


@pytest.mark.usefixtures("batch")
def test_a_trail_is_thinned_and_keeps_its_ends(engine: Engine) -> None:
    [found] = _trail(engine, "one-0", START_MS, _END_MS, most=7).trails
    assert (len(found.points), found.total) == (7, _SECONDS)
    assert found.points.seq[[0, -1]].tolist() == [1, _SECONDS]


@pytest.mark.usefixtures("batch")
def test_nothing_stored_is_no_trail(engine: Engine) -> None:
    assert _trail(engine, "one-0", START_MS - 10, START_MS).trails == ()


@pytest.mark.parametrize(("length_ms", "code"), [(0, "period_empty"), (LONGEST_MS + 1, "period_too_long")])
@pytest.mark.usefixtures("batch")
def test_a_period_has_a_length(engine: Engine, length_ms: int, code: str) -> None:
    with pytest.raises(InvalidChange) as refused:
        _trail(engine, "one-0", START_MS, START_MS + length_ms)
    assert refused.value.code == code
