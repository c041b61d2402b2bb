"""What an application lacks before it can be submitted, field by field."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.calendar import day_of, months_after_ms
from app.models import (
    Application,
    Jurisdiction,
    ServiceStatus,
    Stage,
    Vehicle,
    VehicleStatusRevision,
)
from app.schemas.applications import ApplicationDraft
from app.services.completeness import gaps
from app.services.recognition import recognise
from app.services.zone_offers import covers, zone_offers
from app.services.zones import publish_zone_revision
from geofences.zones import ZoneKind
from tests.app.applicants import END_MS, START_MS, begun, complete_draft
from tests.app.telling import tell_of
from tests.app.web.cast import DAY_MS, NOON_MS, ROAD


def codes(session: Session, application: Application, **changes: object) -> list[tuple[str, str]]:
    return [(gap.field, gap.code) for gap in gaps(session, application, complete_draft(**changes), NOON_MS)]


def test_a_complete_application_has_no_gap(session: Session) -> None:
    assert codes(session, begun(session)) == []


def test_an_empty_one_lists_everything(session: Session) -> None:
    application = begun(session)
    found = [gap.code for gap in gaps(session, application, ApplicationDraft(jurisdiction="QH"), NOON_MS)]
    assert found == [
        "stage_missing",
        "trial_missing",
        "vehicles_missing",
        "zones_missing",
        "period_missing",
        "period_missing",
        "modes_missing",
        "posts_missing",
        "safety_case_missing",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"trial_id": "T-2"}, ("trial_id", "trial_unknown")),
        ({"vehicles": ["SOUTH-R1"]}, ("vehicles", "vehicle_unknown")),
        ({"vehicles": ["NORTH-E1"]}, ("vehicles", "vehicle_of_other_kind")),
        ({"officers": []}, ("officers", "officers_missing")),
        ({"officers": ["N-RE"]}, ("officers", "nobody_onboard")),
        ({"officers": ["N-ON", "N-PI"]}, ("officers", "officer_of_other_kind")),
        ({"officers": ["N-ON", "NOBODY"]}, ("officers", "officer_unknown")),
        ({"zones": ["QH-C-01"]}, ("zones", "zone_of_other_kind")),
        ({"zones": ["QH-X-01"]}, ("zones", "zone_of_other_kind")),
        ({"zones": ["NOWHERE"]}, ("zones", "zone_unknown")),
        ({"zones": ["BA-R-01"]}, ("zones", "zone_not_recognised")),
        ({"valid_from_ms": None}, ("valid_from_ms", "period_missing")),
        ({"valid_until_ms": START_MS}, ("valid_until_ms", "ends_before_start")),
        ({"valid_from_ms": NOON_MS - 9 * DAY_MS, "valid_until_ms": NOON_MS}, ("valid_until_ms", "period_over")),
        ({"conditions": {"modes": ["manual"]}}, ("conditions.safety_officers", "posts_missing")),
        ({"safety_case": ""}, ("safety_case", "safety_case_missing")),
    ],
)
def test_each_gap_is_told_by_field(session: Session, changes: dict[str, object], expected: tuple[str, str]) -> None:
    assert expected in codes(session, begun(session), **changes)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"safety_officers": ["onboard", "none"]}, "officer_needed"),
        ({"safety_officers": ["onboard", "remote"]}, "ratio_missing"),
        ({"safety_officers": ["remote"], "vehicles_per_remote_officer": 4}, "ratio_too_high"),
        ({"passengers_allowed": True}, "no_passengers_yet"),
        ({"modes": []}, "modes_missing"),
    ],
)
def test_conditions_fit_the_stage(session: Session, conditions: dict[str, object], expected: str) -> None:
    asked = complete_draft().conditions.model_dump() | conditions
    assert expected in [code for _field, code in codes(session, begun(session), conditions=asked)]


def test_a_period_may_be_no_longer_than_the_stage_allows(session: Session) -> None:
    application = begun(session)
    longest_ms = months_after_ms(START_MS, 18)
    with_time = {"vehicles": ["NORTH-R1"], "officers": []}
    assert ("valid_until_ms", "period_too_long") not in codes(session, application, valid_until_ms=longest_ms)
    assert ("valid_until_ms", "period_too_long") in codes(
        session, application, valid_until_ms=longest_ms + 1, **with_time
    )


def test_licences_and_insurance_last_as_long_as_the_period(session: Session) -> None:
    application = begun(session)
    vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == "NORTH-R1")).one()
    vehicle.insured_until = day_of(END_MS - 1)
    tell_of(session, vehicle)
    assert codes(session, application) == []
    assert ("vehicles", "insurance_ends_before") in codes(session, application, valid_until_ms=END_MS + DAY_MS)
    assert ("officers", "licence_ends_before") in codes(session, application, valid_until_ms=NOON_MS + 401 * DAY_MS)
    vehicle.insured_sum_cny = None
    assert ("vehicles", "insurance_missing") in codes(session, application)


def test_a_vehicle_out_of_service_is_a_gap(session: Session) -> None:
    vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == "NORTH-R1")).one()
    session.add(
        VehicleStatusRevision(
            vehicle=vehicle,
            status=ServiceStatus.OUT_OF_SERVICE,
            starts_at_ms=NOON_MS,
            reason="brakes",
            recorded_at_ms=NOON_MS,
            generation=999,
        )
    )
    tell_of(session, vehicle)
    assert ("vehicles", "vehicle_out_of_service") in codes(session, begun(session))


def test_a_zone_that_ends_within_the_period_is_a_gap(session: Session) -> None:
    application = begun(session)
    publish_zone_revision(
        session,
        zone_id="QH-R-01",
        kind=ZoneKind.TEST_ROAD,
        geometry=ROAD,
        name_zh="R",
        name_en="R",
        half_width_m=10.0,
        starts_at_ms=NOON_MS,
        ends_at_ms=END_MS - 1,
        now_ms=NOON_MS,
    )
    assert ("zones", "zone_not_in_force") in codes(session, application)


def test_a_driverless_stage_needs_level_4_and_may_go_without_an_officer(session: Session) -> None:
    application = begun(session)
    asked = {"stage": Stage.DRIVERLESS_TEST, "officers": []}
    asked["conditions"] = {"modes": ["autonomous"], "safety_officers": ["none"]}
    assert codes(session, application, **asked) == []
    vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == "NORTH-R1")).one()
    vehicle.automation_level = 3
    tell_of(session, vehicle)
    assert codes(session, application, **asked) == [("vehicles", "level_too_low")]


def test_zones_of_those_who_recognise_are_offered_and_marked(session: Session) -> None:
    qianhai, baoan = (
        session.scalars(select(Jurisdiction).where(Jurisdiction.code == code)).one() for code in ("QH", "BA")
    )
    application = begun(session)
    assert [o.zone_id for o in zone_offers(session, qianhai, Stage.ROAD_TEST, NOON_MS)] == ["QH-R-01"]
    recognise(
        session,
        recogniser=baoan,
        issuer=qianhai,
        stages=[Stage.ROAD_TEST],
        valid_from_ms=NOON_MS,
        valid_until_ms=None,
        reason="agreed",
        now_ms=NOON_MS,
    )
    offered = zone_offers(session, qianhai, Stage.ROAD_TEST, NOON_MS)
    assert [(o.zone_id, o.is_abroad) for o in offered] == [("QH-R-01", False), ("BA-R-01", True)]
    assert [o.zone_id for o in zone_offers(session, qianhai, Stage.DEMONSTRATION, NOON_MS)] == ["QH-R-01"]
    assert [o.zone_id for o in zone_offers(session, qianhai, Stage.FLIGHT_TEST, NOON_MS)] == ["QH-C-01"]
    assert codes(session, application, zones=["QH-R-01", "BA-R-01"]) == []


@pytest.mark.parametrize(
    ("periods", "answer"),
    [
        ([(0, 10)], True),
        ([(0, 5), (5, 10)], True),
        ([(5, 10), (0, 5)], True),
        ([(0, 4), (5, 10)], False),
        ([(1, 10)], False),
        ([], False),
    ],
)
def test_periods_cover_without_a_gap(periods: list[tuple[int, int]], answer: bool) -> None:  # noqa: FBT001 -- a table
    assert covers(periods, 0, 10) is answer
