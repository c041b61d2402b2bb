"""What came near, and what was done about it: in files of the bundle of their own, and on its page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.database import changing
from app.evidence.verify import faults_in
from app.models import (
    Cause,
    Concern,
    DirectiveRow,
    Emergency,
    EmergencyVehicle,
    EncounterRow,
    Permit,
    Sanction,
    SanctionState,
    SanctionStep,
    User,
    Zone,
)
from telemetry.directives import DirectiveKind
from tests.app.evidence.scene import BESIDE, CAR, MOMENT_MS, bundle, cars, street, unpacked

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def troubled(engine: Engine) -> Engine:
    """The street, with an encounter, an emergency, two sanctions in the window and one that ended before it."""
    keys = street(engine)
    with Session(changing(engine)) as session, session.begin():
        user = session.scalars(select(User)).first()
        permit = session.scalars(select(Permit)).one()
        zone = session.scalars(select(Zone)).first()
        assert user is not None
        assert zone is not None
        session.add(_encounter(keys))
        session.add(_emergency_vehicle(keys[CAR], zone, permit, user))
        for number, state, opened_ms, noticed_ms in (
            ("SAN-1", SanctionState.NOTICED, MOMENT_MS - 5_000, MOMENT_MS - 4_000),
            ("SAN-2", SanctionState.PROPOSED, MOMENT_MS - 3_000, None),
            ("SAN-3", SanctionState.DISMISSED, MOMENT_MS - 900_000, MOMENT_MS - 800_000),
        ):
            session.add(_sanction(number, permit, user, state, opened_ms, noticed_ms=noticed_ms))
    return engine


def _encounter(keys: dict[str, int]) -> EncounterRow:
    return EncounterRow(
        vehicle_key=keys[CAR],
        other_key=keys[BESIDE],
        began_ms=MOMENT_MS - 20_000,
        last_seen_ms=MOMENT_MS - 10_000,
        horizontal_m=90.0,
        vertical_m=None,
        closest_at_ms=MOMENT_MS - 15_000,
        closest_horizontal_m=61.4,
        closest_vertical_m=12.0,
    )


def _emergency_vehicle(vehicle: int, zone: Zone, permit: Permit, user: User) -> EmergencyVehicle:
    emergency = Emergency(
        number="EM-1",
        zone=zone,
        jurisdiction=permit.jurisdiction,
        reason="a fire",
        declared_by=user,
        declared_at_ms=MOMENT_MS - 30_000,
        planned_end_ms=None,
        end_reason="",
    )
    directive = DirectiveRow(
        directive_id="DIR-1",
        vehicle_key=vehicle,
        kind=DirectiveKind.LEAVE,
        cause=Cause.EMERGENCY,
        cause_id="EM-1",
        reason="a fire",
        terms={},
        issued_at_ms=MOMENT_MS - 30_000,
        deadline_ms=MOMENT_MS + 90_000,
        jurisdiction=permit.jurisdiction,
        generation=1,
    )
    return EmergencyVehicle(
        emergency=emergency,
        vehicle_key=vehicle,
        directive=directive,
        concern=Concern.INSIDE,
        told_at_ms=MOMENT_MS - 29_000,
        entered_at_ms=MOMENT_MS - 28_000,
    )


def _sanction(
    number: str, permit: Permit, user: User, state: SanctionState, opened_ms: int, *, noticed_ms: int | None
) -> Sanction:
    is_dismissed = state is SanctionState.DISMISSED
    return Sanction(
        sanction_id=number,
        permit=permit,
        step=SanctionStep.WARN,
        state=state,
        rule="",
        occasion=number,
        grounds=[],
        reason="too fast",
        opened_at_ms=opened_ms,
        opened_by_id=user.id,
        noticed_at_ms=noticed_ms,
        hearing_record="",
        decided_at_ms=noticed_ms if is_dismissed else None,
        appeal_until_ms=noticed_ms if is_dismissed else None,
        appeal="",
        ruling="",
    )


def told(engine: Engine, *, is_for_city: bool) -> dict[str, Any]:
    made = bundle(engine, is_for_city=is_for_city)
    assert faults_in(made) == []
    files = unpacked(made)
    return {name: json.loads(files[f"data/{name}.json"]) for name in ("encounters", "emergencies", "sanctions")} | {
        "page": files["index.html"].decode(),
        "readme": files["README.txt"].decode(),
    }


def test_the_city_reads_all_of_it(troubled: Engine) -> None:
    files = told(troubled, is_for_city=True)
    [met], [closed] = files["encounters"], files["emergencies"]
    assert (met["other"], met["closest_horizontal_m"], met["closest_vertical_m"]) == (BESIDE, 61.4, 12.0)
    assert (closed["number"], closed["concern"], closed["directive"]) == ("EM-1", "inside", "DIR-1")
    assert "@" in closed["declared_by"]
    assert [each["sanction_id"] for each in files["sanctions"]] == ["SAN-1", "SAN-2"]
    for words in (
        "与其他航空器过近",
        "Too close to another aircraft",
        "First seen inside",
        "Sanction (warning): proposed",
    ):
        assert words in files["page"]
    assert all(f"data/{name}.json" in files["readme"] for name in ("encounters", "emergencies", "sanctions"))


def test_an_operator_reads_no_names_and_no_proposals(troubled: Engine) -> None:
    files = told(troubled, is_for_city=False)
    [met], [closed] = files["encounters"], files["emergencies"]
    assert met["other"] is None
    assert not {"other_key", "declared_by", "declared_by_id"} & {*met, *closed}
    [sanction] = files["sanctions"]
    assert (sanction["sanction_id"], "opened_by_id" in sanction) == ("SAN-1", False)
    assert BESIDE not in files["page"]


def test_a_sanction_with_an_alert_of_the_window_as_its_ground_belongs_to_it_whenever_it_was_opened(
    troubled: Engine,
) -> None:
    [alert] = json.loads(unpacked(bundle(troubled))["data/alerts.json"])
    with Session(changing(troubled)) as session, session.begin():
        permit, user = session.scalars(select(Permit)).one(), session.scalars(select(User)).first()
        assert user is not None
        later = _sanction("SAN-4", permit, user, SanctionState.PROPOSED, MOMENT_MS + 900_000, noticed_ms=None)
        later.grounds = [{"type": "alert", "id": alert["alert_id"], "at_ms": MOMENT_MS}]
        session.add(later)
    assert "SAN-4" in {each["sanction_id"] for each in told(troubled, is_for_city=True)["sanctions"]}


def test_cars_that_met_nobody_have_empty_lists(engine: Engine) -> None:
    street(engine)
    assert cars(engine)
    files = told(engine, is_for_city=True)
    assert (files["encounters"], files["emergencies"], files["sanctions"]) == ([], [], [])
