from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.calendar import day_of, months_after_ms
from app.database import changing_session, open_engine, reading_session
from app.errors import Conflict, InvalidChange, NotFound
from app.models import (
    Application,
    ApplicationState,
    Attachment,
    AuditEntry,
    Fault,
    Harm,
    IncidentKind,
    Jurisdiction,
    Notice,
    Permit,
    Role,
    ServiceStatus,
    Stage,
    UsageDay,
    UsagePlace,
    UsageTally,
    Vehicle,
    VehicleStatusRevision,
    Zone,
)
from app.schemas.applications import ApplicationDraft, ChangeRequest, FieldComment, NewApplication
from app.schemas.incidents import FaultDecision, IncidentReport
from app.services.application_terms import conditions_of, draft_of_permit
from app.services.applications import (
    application_by_number,
    attach,
    create_application,
    detach,
    draft_of,
    gates_of,
    save_draft,
    submit,
    withdraw,
)
from app.services.completeness import gaps
from app.services.incident_life import decide_fault
from app.services.incidents import incident_by_id, report_incident
from app.services.permits import newest_revision, revise_permit
from app.services.recognition import recognise
from app.services.review import (
    content_of,
    differences,
    grant,
    history,
    newest_submitted,
    open_comments,
    reject,
    request_changes,
    take_under_review,
)
from app.services.zone_offers import covers, zone_offers
from app.services.zones import publish_zone_revision
from geofences.zones import ZoneKind
from telemetry.samples import Mode
from tests.app.applicants import END_MS, START_MS, begun, complete_draft, granting, prepare, submitted, user
from tests.app.telling import tell_of
from tests.app.web.cast import DAY_MS, NOON_MS, ROAD, Time, build_registry, register_cast
from tests.files import PDF


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hashing the passwords of the cast takes its time: done once, and copied."""
    path = build_registry(tmp_path_factory.mktemp("applicants"))
    engine = open_engine(f"sqlite:///{path}")
    with changing_session(engine) as session:
        prepare(session)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture
def town(prepared: Path, tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{shutil.copy(prepared, tmp_path / 'town.sqlite3')}")
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def either_town(request: pytest.FixtureRequest) -> Engine:
    """The same town in either database."""
    if request.param == "sqlite":
        engine: Engine = request.getfixturevalue("town")
        return engine
    engine = request.getfixturevalue("postgresql_engine")
    register_cast(engine, Time())
    with changing_session(engine) as session:
        prepare(session)
    return engine


@pytest.fixture
def session(town: Engine) -> Iterator[Session]:
    with changing_session(town) as session:
        yield session


def codes(session: Session, application: Application, **changes: object) -> list[tuple[str, str]]:
    return [(gap.field, gap.code) for gap in gaps(session, application, complete_draft(**changes), NOON_MS)]


# --- drafting ---------------------------------------------------------------------------------------


def test_a_draft_keeps_whatever_is_filled_in(session: Session) -> None:
    application = begun(session)
    half = ApplicationDraft(jurisdiction="QH", vehicles=["NORTH-R1", "NORTH-R1"], valid_until_ms=5)
    save_draft(session, application, half, expected_version=application.version, actor=user(session), now_ms=NOON_MS)
    assert draft_of(application_by_number(session, application.number)) == half
    assert half.vehicles == ["NORTH-R1"]


def test_a_draft_that_was_changed_meanwhile_is_not_overwritten(session: Session) -> None:
    application = begun(session)
    with pytest.raises(Conflict):
        save_draft(
            session,
            application,
            ApplicationDraft(jurisdiction="QH"),
            expected_version=application.version - 1,
            actor=user(session),
            now_ms=NOON_MS,
        )


def test_saving_what_is_there_already_changes_nothing(session: Session) -> None:
    application = begun(session)
    version = application.version
    save_draft(session, application, complete_draft(), expected_version=version, actor=user(session), now_ms=NOON_MS)
    assert application.version == version


def test_files_come_and_go_with_the_draft(session: Session) -> None:
    application = begun(session)
    before = application.version
    stored = attach(
        session,
        application,
        file_name="plan.pdf",
        content=PDF,
        expected_version=before,
        actor=user(session),
        now_ms=NOON_MS,
    )
    assert application.version == before + 1
    with pytest.raises(NotFound):
        detach(session, application, "x", expected_version=before + 1, actor=user(session), now_ms=NOON_MS)
    detach(session, application, stored.public_id, expected_version=before + 1, actor=user(session), now_ms=NOON_MS)
    assert session.scalars(select(Attachment)).all() == []


def test_a_submitted_file_stays_for_its_revision(session: Session) -> None:
    application = begun(session)
    manager, regulator = user(session), user(session, Role.REGULATOR)

    def version() -> int:
        return application.version

    stored = attach(
        session,
        application,
        file_name="p",
        content=PDF,
        expected_version=version(),
        actor=manager,
        now_ms=NOON_MS,
    )
    submit(session, application, comment="", expected_version=version(), actor=manager, now_ms=NOON_MS)
    with pytest.raises(InvalidChange, match="submitted"):
        detach(session, application, stored.public_id, expected_version=version(), actor=manager, now_ms=NOON_MS)
    request_changes(
        session, application, ChangeRequest(reason="more"), expected_version=version(), actor=regulator, now_ms=NOON_MS
    )
    detach(session, application, stored.public_id, expected_version=version(), actor=manager, now_ms=NOON_MS)
    assert session.scalars(select(Attachment.public_id)).all() == [stored.public_id]
    assert application.attachments == []


def test_there_is_a_limit_of_files(session: Session) -> None:
    application = begun(session)

    def add() -> None:
        attach(
            session,
            application,
            file_name="p",
            content=PDF,
            expected_version=application.version,
            actor=user(session),
            now_ms=NOON_MS,
        )

    for _ in range(20):
        add()
    with pytest.raises(InvalidChange) as refused:
        add()
    assert refused.value.code == "too_many_files"


# --- completeness -----------------------------------------------------------------------------------


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


# --- entry gates ------------------------------------------------------------------------------------


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


# --- submission and review --------------------------------------------------------------------------


def test_an_incomplete_application_cannot_be_submitted(session: Session) -> None:
    application = begun(session, vehicles=[])
    with pytest.raises(InvalidChange) as refused:
        submit(
            session,
            application,
            comment="",
            expected_version=application.version,
            actor=user(session),
            now_ms=NOON_MS,
        )
    assert refused.value.code == "application_incomplete"


def test_a_submission_is_kept_and_the_regulators_are_told(session: Session) -> None:
    application = submitted(session)
    assert application.state is ApplicationState.SUBMITTED
    assert content_of(newest_submitted(application)).vehicles == ["NORTH-R1"]
    notice = session.scalars(select(Notice).where(Notice.kind == "application.submitted")).one()
    assert notice.jurisdiction_id == application.jurisdiction_id
    with pytest.raises(InvalidChange):
        save_draft(
            session,
            application,
            complete_draft(zones=[]),
            expected_version=application.version,
            actor=user(session),
            now_ms=NOON_MS,
        )


def test_changes_are_asked_for_by_field_and_both_revisions_compared(session: Session) -> None:
    application = submitted(session)
    manager, regulator = user(session), user(session, Role.REGULATOR)
    take_under_review(session, application, expected_version=application.version, actor=regulator, now_ms=NOON_MS)
    request = ChangeRequest(reason="Slower.", comments=[FieldComment(field="conditions", comment="30 km/h at most")])
    request_changes(
        session, application, request, expected_version=application.version, actor=regulator, now_ms=NOON_MS
    )
    assert open_comments(session, application) == {"": ["Slower."], "conditions": ["30 km/h at most"]}
    asked = complete_draft().conditions.model_dump() | {"speed_cap_kmh": 30}
    draft = complete_draft(conditions=asked)
    save_draft(session, application, draft, expected_version=application.version, actor=manager, now_ms=NOON_MS)
    submit(session, application, comment="done", expected_version=application.version, actor=manager, now_ms=NOON_MS)
    assert open_comments(session, application) == {}
    first, second = (content_of(revision) for revision in application.revisions)
    changed = [each for each in differences(first, second) if each.changed]
    assert [(each.field, each.before, each.after) for each in changed] == [
        ("conditions.speed_cap_kmh", ["36.0"], ["30.0"])
    ]
    assert [event.state for event in history(session, application)] == [
        ApplicationState.DRAFT,
        ApplicationState.SUBMITTED,
        ApplicationState.UNDER_REVIEW,
        ApplicationState.CHANGES_REQUESTED,
        ApplicationState.CHANGES_REQUESTED,
        ApplicationState.SUBMITTED,
    ]


def test_a_grant_issues_the_permit_on_the_regulators_terms(session: Session) -> None:
    application = submitted(session)
    asked = complete_draft().conditions.model_dump() | {"speed_cap_kmh": 18}
    revision = grant(
        session,
        application,
        granting(conditions=asked),
        expected_version=application.version,
        actor=user(session, Role.REGULATOR),
        now_ms=NOON_MS,
    )
    assert revision.permit.number == "QH-2026-0001"
    assert revision.terms["speed_cap_mps"] == pytest.approx(5)
    assert revision.terms["hours"]["time_zone"] == "Asia/Shanghai"
    assert [officer.officer_id for officer in revision.officers] == ["N-ON"]
    assert application.state is ApplicationState.GRANTED
    assert application.permit is revision.permit
    actions = session.info["audit_pending"]
    assert {"permit.issued", "application.granted"} <= {entry["action"] for entry in actions}


def test_a_failed_entry_gate_needs_a_reason_which_is_kept(session: Session) -> None:
    application = submitted(session, stage=Stage.DEMONSTRATION)
    regulator = user(session, Role.REGULATOR)
    with pytest.raises(InvalidChange) as refused:
        grant(session, application, granting(), expected_version=application.version, actor=regulator, now_ms=NOON_MS)
    assert (refused.value.code, refused.value.field) == ("exception_missing", "exception_reason")
    grant(
        session,
        application,
        granting(exception_reason="Tested abroad."),
        expected_version=application.version,
        actor=regulator,
        now_ms=NOON_MS,
    )
    assert history(session, application)[-1].comment == "All is well.\n[experience] Tested abroad."


def test_what_has_become_incomplete_cannot_be_granted(session: Session) -> None:
    application = submitted(session)
    vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == "NORTH-R1")).one()
    vehicle.insured_until = date(2026, 3, 2)
    tell_of(session, vehicle)
    with pytest.raises(InvalidChange) as refused:
        grant(
            session,
            application,
            granting(),
            expected_version=application.version,
            actor=user(session, Role.REGULATOR),
            now_ms=NOON_MS,
        )
    assert refused.value.code == "application_incomplete"


def test_an_application_may_change_a_permit(session: Session) -> None:
    first = submitted(session)
    manager, regulator = user(session), user(session, Role.REGULATOR)
    assert manager.organisation is not None
    issued = grant(session, first, granting(), expected_version=first.version, actor=regulator, now_ms=NOON_MS)
    number = issued.permit.number
    change = create_application(
        session,
        NewApplication(jurisdiction="QH", trial_id="T-1", permit=number),
        holder=manager.organisation,
        actor=manager,
        now_ms=NOON_MS,
    )
    assert draft_of(change) == complete_draft(safety_case="")
    save_draft(
        session,
        change,
        complete_draft(valid_until_ms=END_MS + DAY_MS),
        expected_version=change.version,
        actor=manager,
        now_ms=NOON_MS,
    )
    submit(session, change, comment="", expected_version=change.version, actor=manager, now_ms=NOON_MS)
    grant(
        session,
        change,
        granting(valid_until_ms=END_MS + DAY_MS, permit_revision=1),
        expected_version=change.version,
        actor=regulator,
        now_ms=NOON_MS,
    )
    assert [permit.number for permit in session.scalars(select(Permit))] == [number]
    newest = newest_revision(session, issued.permit)
    assert (newest.number, newest.valid_until_ms) == (2, END_MS + DAY_MS)


def test_a_change_replaces_only_what_its_regulator_has_seen(session: Session) -> None:
    first = submitted(session)
    manager, regulator = user(session), user(session, Role.REGULATOR)
    assert manager.organisation is not None
    issued = grant(session, first, granting(), expected_version=first.version, actor=regulator, now_ms=NOON_MS)
    change = create_application(
        session,
        NewApplication(jurisdiction="QH", trial_id="T-1", permit=issued.permit.number),
        holder=manager.organisation,
        actor=manager,
        now_ms=NOON_MS,
    )
    save_draft(session, change, complete_draft(), expected_version=change.version, actor=manager, now_ms=NOON_MS)
    submit(session, change, comment="", expected_version=change.version, actor=manager, now_ms=NOON_MS)
    revise_permit(session, issued.permit, reason="Slower.", now_ms=NOON_MS, actor=regulator)
    at = {"expected_version": change.version, "actor": regulator, "now_ms": NOON_MS}
    with pytest.raises(InvalidChange) as refused:
        grant(session, change, granting(), **at)  # type: ignore[arg-type]  # the same three for each try
    assert refused.value.code == "permit_revision_missing"
    with pytest.raises(Conflict):
        grant(session, change, granting(permit_revision=1), **at)  # type: ignore[arg-type]  # as above
    assert newest_revision(session, issued.permit).number == 2


def test_terms_survive_the_way_to_a_permit_and_back(session: Session) -> None:
    application = submitted(session)
    revision = grant(
        session,
        application,
        granting(),
        expected_version=application.version,
        actor=user(session, Role.REGULATOR),
        now_ms=NOON_MS,
    )
    draft = draft_of_permit(revision.permit, revision, trial_id="T-1")
    assert conditions_of(draft).to_dict() == revision.terms
    assert conditions_of(draft).modes == {Mode.AUTONOMOUS, Mode.MANUAL}


SUNRISE = {"days": ["ANY"], "start": {"event": "SR", "offset_min": -30}, "end": "18:00"}
MORNING = {"days": ["MON"], "start": "08:00", "end": "10:00"}


@pytest.mark.parametrize(
    "hours",
    [
        {"time_zone": "Asia/Shanghai", "position": {"lon": 113.9, "lat": 22.5}, "windows": [SUNRISE]},
        {"time_zone": "Asia/Shanghai", "position": {"lon": 113.9, "lat": 22.5}, "windows": [MORNING, SUNRISE]},
        {"time_zone": "Asia/Tokyo", "windows": [MORNING]},
        {"time_zone": "Asia/Shanghai", "windows": [MORNING] * 15},
        {"time_zone": "Asia/Shanghai", "windows": []},
    ],
)
def test_hours_that_an_application_cannot_state_are_a_gap_until_somebody_decides(
    session: Session, hours: dict[str, Any]
) -> None:
    """Left out, they would allow every hour."""
    first = submitted(session)
    at = {"expected_version": first.version, "actor": user(session, Role.REGULATOR), "now_ms": NOON_MS}
    revision = grant(session, first, granting(), **at)  # type: ignore[arg-type]  # as above
    revision.terms = revision.terms | {"hours": hours}
    draft = draft_of_permit(revision.permit, revision, trial_id="T-1")
    assert (draft.hours, draft.hours_decided) == ([], False)
    found = [gap.code for gap in gaps(session, first, draft, NOON_MS)]
    assert "hours_undecided" in found
    for decided in ({"hours_decided": True}, {"hours": complete_draft().hours}):
        found = [gap.code for gap in gaps(session, first, draft.model_copy(update=decided), NOON_MS)]
        assert "hours_undecided" not in found


@pytest.mark.parametrize("decided", ["rejected", "withdrawn"])
def test_what_is_decided_is_decided(session: Session, decided: str) -> None:
    application = submitted(session)
    regulator = user(session, Role.REGULATOR)
    if decided == "rejected":
        reject(session, application, reason="no", expected_version=application.version, actor=regulator, now_ms=NOON_MS)
    else:
        withdraw(
            session,
            application,
            reason="no",
            expected_version=application.version,
            actor=user(session),
            now_ms=NOON_MS,
        )
    assert application.state.value == decided
    with pytest.raises(InvalidChange):
        withdraw(
            session,
            application,
            reason="again",
            expected_version=application.version,
            actor=user(session),
            now_ms=NOON_MS,
        )
    with pytest.raises(InvalidChange):
        grant(session, application, granting(), expected_version=application.version, actor=regulator, now_ms=NOON_MS)


def test_of_two_decisions_at_once_one_wins_and_the_other_is_told(either_town: Engine) -> None:
    town = either_town
    with changing_session(town) as session:
        application = submitted(session)
        number, version = application.number, application.version
    # SQLite lets one writer in at a time; on PostgreSQL both have read before either writes.
    together = threading.Barrier(2 if town.dialect.name == "postgresql" else 1)
    outcomes: list[str] = []

    def decide(*, granted: bool) -> None:
        try:
            with changing_session(town) as session:
                found = application_by_number(session, number)
                together.wait(10)
                regulator = user(session, Role.REGULATOR)
                if granted:
                    grant(session, found, granting(), expected_version=version, actor=regulator, now_ms=NOON_MS)
                else:
                    reject(session, found, reason="no", expected_version=version, actor=regulator, now_ms=NOON_MS)
            outcomes.append("done")
        except Conflict:
            outcomes.append("told")

    threads = [threading.Thread(target=decide, kwargs={"granted": granted}) for granted in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["done", "told"]
    with reading_session(town) as session:
        state = application_by_number(session, number).state
        permits = session.scalars(select(Permit)).all()
        assert len(permits) == (1 if state is ApplicationState.GRANTED else 0)


def test_every_step_is_in_the_audit_log(either_town: Engine) -> None:
    with changing_session(either_town) as session:
        submitted(session)
    with reading_session(either_town) as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_type == "application")).all()
    assert actions == ["application.created", "application.draft_saved", "application.submitted"]
