"""An operator who can apply for a permit, on top of tests.app.web.cast: insured car, licensed people, a trial."""

from __future__ import annotations

from datetime import date

from shapely import LineString
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Application, Capacity, Organisation, Role, Stage, Trial, TrialDomain, User, Vehicle
from app.schemas.applications import ApplicationDraft, Grant, NewApplication
from app.services.applications import create_application, save_draft, submit
from app.services.officers import record_licence
from app.services.zones import publish_zone_revision
from geofences.zones import ZoneKind
from tests.app.telling import tell_of
from tests.app.web.cast import DAY_MS, NOON_MS, email_of

START_MS = NOON_MS + DAY_MS
END_MS = NOON_MS + 180 * DAY_MS


def prepare(session: Session) -> None:
    """What a complete application of NORTH needs; a corridor and a road across the border besides."""
    north = session.scalars(select(Organisation).where(Organisation.code == "NORTH")).one()
    for vehicle in session.scalars(select(Vehicle).where(Vehicle.organisation_id == north.id)):
        vehicle.insured_sum_cny, vehicle.insured_until = 5_000_000, date(2030, 1, 1)
        vehicle.automation_level = 4
        tell_of(session, vehicle, now_ms=NOON_MS)
    for officer_id, capacity in (
        ("N-ON", Capacity.ONBOARD_SAFETY_OFFICER),
        ("N-RE", Capacity.REMOTE_SAFETY_OFFICER),
        ("N-PI", Capacity.ONBOARD_PILOT),
    ):
        licence = record_licence(
            session, officer_id=officer_id, organisation=north, expires_at_ms=NOON_MS + 400 * DAY_MS, now_ms=NOON_MS
        )
        licence.officer.capacity = capacity
    trial = Trial(
        trial_id="T-1",
        organisation=north,
        name_zh="接驳",
        name_en="Shuttle",
        domain=TrialDomain.ROAD,
        stage=Stage.ROAD_TEST,
        goal="To learn.",
        starts_at_ms=NOON_MS,
        ends_at_ms=NOON_MS + 300 * DAY_MS,
    )
    session.add(trial)
    tell_of(session, trial, now_ms=NOON_MS)
    for zone_id, kind, jurisdiction, lon in (
        ("QH-C-01", ZoneKind.AIR_CORRIDOR, "QH", 113.91),
        ("BA-R-01", ZoneKind.TEST_ROAD, "BA", 113.92),
        ("QH-X-01", ZoneKind.RESTRICTED, "QH", 113.93),
    ):
        publish_zone_revision(
            session,
            zone_id=zone_id,
            kind=kind,
            geometry=LineString([(lon, 22.52), (lon, 22.529)]),
            name_zh=zone_id,
            name_en=zone_id,
            half_width_m=10.0,
            jurisdiction=jurisdiction,
            starts_at_ms=NOON_MS - DAY_MS,
            now_ms=NOON_MS,
            imported=True,
        )


def user(session: Session, person: Role | str = Role.OPERATOR_MANAGER) -> User:
    return session.scalars(select(User).where(User.email == email_of(person))).one()


def complete_draft(**changes: object) -> ApplicationDraft:
    values: dict[str, object] = {
        "jurisdiction": "QH",
        "trial_id": "T-1",
        "stage": Stage.ROAD_TEST,
        "vehicles": ["NORTH-R1"],
        "officers": ["N-ON"],
        "zones": ["QH-R-01"],
        "valid_from_ms": START_MS,
        "valid_until_ms": END_MS,
        "hours": [{"days": ["MON", "TUE"], "start": "09:00", "end": "17:00"}],
        "conditions": {
            "speed_cap_kmh": 36,
            "modes": ["autonomous", "manual"],
            "safety_officers": ["onboard"],
            "passengers_allowed": False,
        },
        "safety_case": "We drive slowly.",
    }
    return ApplicationDraft.model_validate(values | changes)


def begun(session: Session, **changes: object) -> Application:
    """A draft of NORTH's manager."""
    manager = user(session)
    assert manager.organisation is not None
    application = create_application(
        session, NewApplication(jurisdiction="QH"), holder=manager.organisation, actor=manager, now_ms=NOON_MS
    )
    save_draft(
        session,
        application,
        complete_draft(**changes),
        expected_version=application.version,
        actor=manager,
        now_ms=NOON_MS,
    )
    return application


def submitted(session: Session, **changes: object) -> Application:
    application = begun(session, **changes)
    submit(session, application, comment="", expected_version=application.version, actor=user(session), now_ms=NOON_MS)
    return application


def granting(**changes: object) -> Grant:
    draft = complete_draft()
    values: dict[str, object] = {
        "valid_from_ms": draft.valid_from_ms,
        "valid_until_ms": draft.valid_until_ms,
        "hours": [each.model_dump() for each in draft.hours],
        "conditions": draft.conditions.model_dump(),
        "reason": "All is well.",
    }
    return Grant.model_validate(values | changes)
