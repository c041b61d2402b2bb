"""Encounters as the worker writes them and as alerts name them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine, select

from app.database import changing_session, reading_session
from app.models import Alert, EncounterRow
from app.services.encounters import nearest_encounters
from app.services.generations import current_generation
from app.services.organisations import register_organisation
from app.services.vehicles import register_vehicle
from app.storage import open_store
from telemetry.findings import Finding, Severity
from telemetry.ports import Encounter
from telemetry.samples import VehicleKind
from tests.app.batches import flush_of, judged_batch


@pytest.fixture
def aircraft(engine: Engine) -> list[int]:
    """Three of them, by key."""
    with changing_session(engine) as session:
        operator = register_organisation(session, code="op", name_zh="甲", name_en="Op", now_ms=1)
        return [
            register_vehicle(session, vehicle_id=name, kind=VehicleKind.AIR, organisation=operator, now_ms=1)[0].id
            for name in ("A-1", "A-2", "A-3")
        ]


def encounter(vehicle: int, other: int, **changes: object) -> Encounter:
    one = Encounter(vehicle, other, 1_000, 2_000, 80.0, 12.0, 3_000, 40.0, None)
    return replace(one, **changes)  # type: ignore[arg-type] # test values


def write(engine: Engine, *encounters: Encounter) -> None:
    with reading_session(engine) as session:
        nothing = judged_batch(0, generation=current_generation(session))
    open_store(engine).commit(replace(flush_of(nothing), encounters=encounters))


def rows(engine: Engine) -> list[tuple[object, ...]]:
    with reading_session(engine) as session:
        columns = [column for column in EncounterRow.__table__.c if column.name != "id"]
        return [tuple(row) for row in session.execute(select(*columns).order_by(*columns))]


def test_an_encounter_is_one_row_that_shows_what_was_seen_last(engine: Engine, aircraft: list[int]) -> None:
    one, two, _ = aircraft
    write(engine, encounter(one, two), encounter(two, one))
    write(engine, encounter(one, two, last_seen_ms=3_000, horizontal_m=60.0, vertical_m=None))
    write(engine, encounter(one, two))  # an older flush once more
    write(engine, encounter(one, two, began_ms=90_000, last_seen_ms=90_000))
    assert rows(engine) == [
        (one, two, 1_000, 3_000, 60.0, None, 3_000, 40.0, None),
        (one, two, 90_000, 90_000, 80.0, 12.0, 3_000, 40.0, None),
        (two, one, 1_000, 2_000, 80.0, 12.0, 3_000, 40.0, None),
    ]


def test_an_alert_names_the_nearest_aircraft_that_was_met_in_its_time(engine: Engine, aircraft: list[int]) -> None:
    one, two, three = aircraft
    write(
        engine,
        encounter(one, two, last_seen_ms=5_000),
        encounter(one, three, last_seen_ms=5_000, closest_horizontal_m=20.0),
        encounter(one, two, began_ms=60_000, last_seen_ms=65_000),
    )
    with changing_session(engine) as session:
        early = alert(one, 4_000, closed_at_ms=9_000)
        late = alert(one, 61_000)
        never = alert(one, 200_000)
        other = alert(one, 4_000, finding=Finding.OVERSPEED)
        session.add_all([early, late, never, other])
        session.flush()
        named = nearest_encounters(session, [early, late, never, other])
        assert {key: row.other.id for key, row in named.items()} == {early.id: three, late.id: two}


def alert(
    vehicle: int, first_seen_ms: int, closed_at_ms: int | None = None, finding: Finding = Finding.SEPARATION
) -> Alert:
    return Alert(
        vehicle_key=vehicle,
        finding=int(finding),
        severity=Severity.CRITICAL,
        opened_at_ms=first_seen_ms + 1_000,
        opened_seq=1,
        first_seen_ms=first_seen_ms,
        last_seen_ms=first_seen_ms + 1_000,
        closed_at_ms=closed_at_ms,
        lon=113.9,
        lat=22.5,
    )
