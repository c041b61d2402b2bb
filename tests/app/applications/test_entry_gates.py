"""What the platform's own data says about a higher stage."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.calendar import day_of
from app.errors import Conflict
from app.models import (
    Fault,
    Harm,
    IncidentKind,
    Role,
    Stage,
    UsageDay,
    UsagePlace,
    UsageTally,
    Vehicle,
    Zone,
)
from app.schemas.incidents import FaultDecision, IncidentReport
from app.services.applications import (
    draft_of,
    gates_of,
)
from app.services.incident_life import decide_fault
from app.services.incidents import incident_by_id, report_incident
from tests.app.applicants import begun, complete_draft, user
from tests.app.telling import tell_of
from tests.app.web.cast import DAY_MS, NOON_MS


def drove(session: Session, *, km: float, hours: float, zone_id: str = "QH-R-01") -> None:
    zone = session.scalars(select(Zone).where(Zone.zone_id == zone_id)).one()
    place = session.scalar(select(UsagePlace).where(UsagePlace.key == str(zone.id)))
    if place is None:
        place = UsagePlace(key=str(zone.id), zones=[zone])
        session.add(place)
        session.flush()
    vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == "NORTH-R1")).one()
    session.add(
        UsageDay(
            vehicle_id=vehicle.id,
            day=day_of(NOON_MS - DAY_MS),
            place_id=place.id,
            distance_m=km * 2000,
            duration_s=hours * 7200,
            autonomous_distance_m=km * 1000,
            autonomous_duration_s=hours * 3600,
            samples=1,
        )
    )
    session.flush()


@pytest.mark.parametrize(
    ("km", "hours", "passed"), [(999, 239, False), (1_000, 0, True), (0, 240, True), (0, 0, False)]
)
def test_demonstration_needs_kilometres_or_hours_in_automation(
    session: Session,
    km: float,
    hours: float,
    passed: bool,  # noqa: FBT001 -- a table
) -> None:
    application = begun(session, stage=Stage.DEMONSTRATION)
    drove(session, km=km, hours=hours)
    drove(session, km=9_999, hours=9_999, zone_id="BA-R-01")
    gate = gates_of(session, application, draft_of(application), NOON_MS)[0]
    assert (gate.code, gate.passed) == ("experience", passed)
    assert gate.measured == {"distance_km": km, "hours": hours, "all_distance_km": 2 * km, "all_hours": 2 * hours}


def test_thresholds_belong_to_the_jurisdiction(session: Session) -> None:
    application = begun(session, stage=Stage.DEMONSTRATION)
    application.jurisdiction.thresholds = {"demonstration": {"min_distance_km": 5, "min_hours": 0}}
    tell_of(session, application.jurisdiction)
    drove(session, km=6, hours=0)
    gates = gates_of(session, application, draft_of(application), NOON_MS)
    assert [(gate.code, gate.passed) for gate in gates] == [("experience", True)]


def test_an_accident_on_another_road_closes_no_gate(session: Session) -> None:
    application = begun(session, stage=Stage.DEMONSTRATION)
    manager, occurred_at_ms = user(session), NOON_MS - DAY_MS
    assert manager.organisation is not None
    report_incident(
        session,
        IncidentReport(
            vehicle_id="NORTH-R1",
            jurisdiction="QH",
            occurred_at_ms=occurred_at_ms,
            kind=IncidentKind.COLLISION,
            harm=Harm.DAMAGE,
            summary="A bumper.",
        ),
        organisation=manager.organisation,
        actor=manager,
        now_ms=NOON_MS,
    )
    drove(session, km=1, hours=1, zone_id="BA-R-01")
    vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == "NORTH-R1")).one()
    tally = UsageTally(vehicle_id=vehicle.id, day=day_of(occurred_at_ms), samples=1, tallied_at_ms=occurred_at_ms - 1)
    session.add(tally)

    def gate() -> tuple[bool, dict[str, float]]:
        session.flush()
        found = next(
            g for g in gates_of(session, application, draft_of(application), NOON_MS) if g.code == "accident_free"
        )
        return found.passed, found.measured

    assert gate() == (False, {"at_fault": 0, "undecided": 1, "elsewhere": 0}), "tallied before the accident"
    tally.tallied_at_ms = occurred_at_ms
    assert gate() == (True, {"at_fault": 0, "undecided": 0, "elsewhere": 1})
    drove(session, km=1, hours=1, zone_id="QH-R-01")
    assert gate() == (False, {"at_fault": 0, "undecided": 1, "elsewhere": 0}), "it was on the requested road as well"


def test_an_undecided_accident_is_not_none(session: Session) -> None:
    application = begun(session, stage=Stage.DEMONSTRATION)
    manager = user(session)
    assert manager.organisation is not None
    reported = report_incident(
        session,
        IncidentReport(
            vehicle_id="NORTH-R1",
            jurisdiction="QH",
            occurred_at_ms=NOON_MS - 1,
            kind=IncidentKind.COLLISION,
            harm=Harm.DAMAGE,
            summary="A bumper.",
        ),
        organisation=manager.organisation,
        actor=manager,
        now_ms=NOON_MS,
    )

    def gate() -> tuple[bool, float, float]:
        found = next(
            g for g in gates_of(session, application, draft_of(application), NOON_MS) if g.code == "accident_free"
        )
        return found.passed, found.measured["at_fault"], found.measured["undecided"]

    assert gate() == (False, 0, 1)
    for fault, expected in (("yes", (False, 1, 0)), ("no", (True, 0, 0))):
        decide_fault(
            session,
            incident_by_id(session, reported.incident_id),
            FaultDecision.model_validate({"fault": fault, "reason": "seen"}),
            expected_version=reported.version,
            actor=user(session, Role.REGULATOR),
            now_ms=NOON_MS,
        )
        assert gate() == expected
    assert reported.fault is Fault.NO
    with pytest.raises(Conflict):
        decide_fault(
            session,
            reported,
            FaultDecision(fault="yes", reason="again"),
            expected_version=1,
            actor=user(session, Role.REGULATOR),
            now_ms=NOON_MS,
        )


def test_the_insured_sum_names_the_vehicles_below(session: Session) -> None:
    vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == "NORTH-R1")).one()
    vehicle.insured_sum_cny = 4_999_999
    tell_of(session, vehicle)
    application = begun(session)
    (gate,) = gates_of(session, application, draft_of(application), NOON_MS)
    assert (gate.code, gate.passed, gate.subjects) == ("insured_sum", False, ["NORTH-R1"])


def test_the_insured_sum_of_anothers_vehicle_is_not_told(session: Session) -> None:
    vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == "SOUTH-R1")).one()
    vehicle.insured_sum_cny = 9_000_000
    tell_of(session, vehicle)
    application = begun(session)
    draft = complete_draft(stage=Stage.DEMONSTRATION, vehicles=["NORTH-R1", "SOUTH-R1"])
    gate = gates_of(session, application, draft, NOON_MS)[-1]
    assert (gate.code, gate.passed, gate.subjects) == ("insured_sum", False, ["SOUTH-R1"])
    assert gate.measured == {"insured_sum_cny": 0}
