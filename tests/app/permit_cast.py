"""The cast of the tests of permits: a holder with two cars and two officers, two roads, a regulator."""

from __future__ import annotations

from collections.abc import Collection

from shapely import LineString
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.audit import Subject, record
from app.database import changing_session
from app.models import Officer, Organisation, Permit, PermitRevisionRow, Role, Stage, User, Vehicle
from app.schemas.permits import Tightening
from app.services.conditions import Conditions
from app.services.decisions import decide, restrict_permit
from app.services.officers import record_licence
from app.services.organisations import register_organisation
from app.services.permit_life import Decision
from app.services.permits import issue_permit, newest_revision, permit_by_number
from app.services.vehicles import register_vehicle
from app.services.zones import publish_zone_revision
from geofences.schedule import Schedule
from geofences.zones import ZoneKind
from telemetry.samples import Mode, SafetyOfficer, VehicleKind
from tests.jurisdictions import jurisdiction

NOW = 1_732_190_000_000
DAY_MS = 86_400_000
NUMBER = "CITY-2024-0001"
REGULATOR = "regulator@city.example"
MANAGER = "manager@north.example"
HOURS = {"time_zone": "Asia/Shanghai", "windows": [{"days": ["ANY"], "start": "06:00", "end": "23:00"}]}
CONDITIONS = Conditions(
    hours=Schedule.from_dict(HOURS),
    speed_cap_mps=15.0,
    modes=frozenset({Mode.AUTONOMOUS, Mode.MANUAL}),
    safety_officers=frozenset({SafetyOfficer.ONBOARD, SafetyOfficer.REMOTE}),
    vehicles_per_remote_officer=3,
    passengers_allowed=True,
    minimum_accuracy_m=2.0,
)


def register_everything(engine: Engine) -> None:
    with changing_session(engine) as session:
        holder = register_organisation(session, code="NORTH", name_zh="北方智行", name_en="North", now_ms=NOW)
        city = jurisdiction(session)
        for email, role, organisation in ((REGULATOR, Role.REGULATOR, None), (MANAGER, Role.OPERATOR_MANAGER, holder)):
            user = User(
                email=email,
                password_hash="nobody logs in",  # hashing takes its time
                role=role,
                display_name=email.partition("@")[0].title(),
                organisation=organisation,
                created_at_ms=NOW,
            )
            session.add(user)
            user.jurisdictions = [city] if role is Role.REGULATOR else []
            record(session, "user.created", Subject("user", email), actor=None, now_ms=NOW)
        for number in (1, 2):
            register_vehicle(session, vehicle_id=f"N-{number}", kind=VehicleKind.ROAD, organisation=holder, now_ms=NOW)
            record_licence(
                session,
                officer_id=f"SO-{number}",
                organisation=holder,
                licence_class="C1",
                licence_number=f"44030{number}",
                expires_at_ms=NOW + 400 * DAY_MS,
                now_ms=NOW,
            )
            publish_zone_revision(
                session,
                zone_id=f"R{number}",
                kind=ZoneKind.TEST_ROAD,
                geometry=LineString([(113.9, 22.5 + number / 100), (113.91, 22.5 + number / 100)]),
                half_width_m=10.0,
                name_zh=f"路{number}",
                name_en=f"Road {number}",
                starts_at_ms=NOW,
                now_ms=NOW,
            )


def issue(
    session: Session,
    number: str = NUMBER,
    *,
    days: int = 100,
    conditions: Conditions = CONDITIONS,
    stage: Stage = Stage.DEMONSTRATION,
    named: Collection[str] = ("SO-1", "SO-2"),
) -> Permit:
    holder = session.scalars(select(Organisation).where(Organisation.code == "NORTH")).one()
    revision = issue_permit(
        session,
        number=number,
        stage=stage,
        holder=holder,
        jurisdiction=jurisdiction(session),
        vehicles=session.scalars(select(Vehicle)).all(),
        officers=session.scalars(select(Officer).where(Officer.officer_id.in_(named))).all(),
        zone_ids=["R1", "R2"],
        conditions=conditions,
        valid_from_ms=NOW,
        valid_until_ms=NOW + days * DAY_MS,
        now_ms=NOW,
        reason="符合要求",
        actor=person(session, REGULATOR),
    )
    return revision.permit


def person(session: Session, email: str) -> User:
    return session.scalars(select(User).where(User.email == email)).one()


def decided(
    session: Session, decision: Decision, *, seen: int, now_ms: int = NOW + 1, by: str | None = REGULATOR
) -> PermitRevisionRow:
    return decide(
        session,
        permit_by_number(session, NUMBER),
        decision,
        reason=f"because {decision}",
        expected_revision=seen,
        actor=person(session, by) if by else None,
        now_ms=now_ms,
    )


def restricted(session: Session, *, seen: int = 1, **terms: object) -> PermitRevisionRow:
    return restrict_permit(
        session,
        permit_by_number(session, NUMBER),
        Tightening.model_validate(terms),
        reason="事故后收紧",
        expected_revision=seen,
        actor=person(session, REGULATOR),
        now_ms=NOW + 1,
    )


def newest(session: Session, number: str = NUMBER) -> PermitRevisionRow:
    return newest_revision(session, permit_by_number(session, number))
