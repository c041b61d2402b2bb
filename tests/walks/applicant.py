"""The operator across the table, in the regulator's walk: it applies, and answers what it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import changing_session, opened_engine
from app.models import Application, Capacity, Organisation, Role, Stage, Trial, TrialDomain, User
from app.schemas.applications import ApplicationDraft, NewApplication
from app.schemas.officers import OfficerRegistration
from app.services.applications import create_application, draft_of, save_draft, submit
from app.services.officers import register_officer
from app.services.organisations import register_organisation
from app.services.users import create_user
from app.services.vehicles import register_vehicle
from telemetry.clock import system_clock
from telemetry.samples import VehicleKind
from tests.app.telling import tell_of
from tests.walks.founding import JURISDICTION, ROAD
from tests.walks.installation import Installation

MANAGER = "wang@northbay.example"
OFFICER = "NB-SO-1"
_DAY_MS = 86_400_000
_VINS = {"NB-001": "LVSHFFAC0RN000001", "NB-002": "LVSHFFAC2RN000002"}


@dataclass(frozen=True, slots=True)
class Applicant:
    """The operator, with the number of its application and the command line of each vehicle."""

    place: Installation
    number: str
    commands: Mapping[str, str]

    def answers(self, *, speed_cap_kmh: float, word: str) -> None:
        """Changes the speed that it asked for, and submits again."""
        with _changing(self.place) as session:
            application = session.scalars(select(Application).where(Application.number == self.number)).one()
            draft = draft_of(application)
            slower = draft.conditions.model_copy(update={"speed_cap_kmh": speed_cap_kmh})
            _submit(session, application, draft.model_copy(update={"conditions": slower}), word)


def apply(place: Installation) -> Applicant:
    """Register all that an application needs, and submit one for two vehicles on one road."""
    with _changing(place) as session:
        now_ms = system_clock()
        organisation = register_organisation(
            session, code="northbay", name_zh="北湾出行", name_en="Northbay Mobility", now_ms=now_ms
        )
        manager = create_user(
            session,
            email=MANAGER,
            password="three grey herons",
            role=Role.OPERATOR_MANAGER,
            display_name="Wang Min",
            organisation=organisation,
            now_ms=now_ms,
        )
        commands = {vehicle_id: _register(session, place, organisation, vehicle_id) for vehicle_id in _VINS}
        _hire(session, organisation, manager)
        _begin_trial(session, organisation)
        application = create_application(
            session, NewApplication(jurisdiction=JURISDICTION), holder=organisation, actor=manager, now_ms=now_ms
        )
        _submit(session, application, _draft(now_ms), "")
        return Applicant(place, application.number, commands)


@contextmanager
def _changing(place: Installation) -> Iterator[Session]:
    with opened_engine(place.settings().database_url) as engine, changing_session(engine) as session:
        yield session


def _submit(session: Session, application: Application, draft: ApplicationDraft, word: str) -> None:
    manager = session.scalars(select(User).where(User.email == MANAGER)).one()
    now_ms = system_clock()
    save_draft(session, application, draft, expected_version=application.version, actor=manager, now_ms=now_ms)
    submit(session, application, comment=word, expected_version=application.version, actor=manager, now_ms=now_ms)


def _register(session: Session, place: Installation, organisation: Organisation, vehicle_id: str) -> str:
    _, token = register_vehicle(
        session,
        vehicle_id=vehicle_id,
        kind=VehicleKind.ROAD,
        organisation=organisation,
        now_ms=system_clock(),
        make="BAIC",
        model="αT",
        vin=_VINS[vehicle_id],
        plate=f"粤B·{vehicle_id[-3:]}",
        automation_level=4,
        insured_sum_cny=5_000_000,
        insured_until=datetime.now(UTC).date() + timedelta(days=400),
    )
    return f"PILOTAGE_VEHICLE_PASSWORD={token} pilotage agent --broker {place.broker} --vehicle {vehicle_id}"


def _hire(session: Session, organisation: Organisation, manager: User) -> None:
    details = OfficerRegistration(
        officer_id=OFFICER,
        name="Chen Jie",
        capacity=Capacity.ONBOARD_SAFETY_OFFICER,
        licence_class="C1",
        licence_number="4403-1",
        expires_on=datetime.now(UTC).date() + timedelta(days=400),
    )
    register_officer(session, details, organisation=organisation, now_ms=system_clock(), actor=manager)


def _begin_trial(session: Session, organisation: Organisation) -> None:
    now_ms = system_clock()
    trial = Trial(
        trial_id="NB-T1",
        organisation=organisation,
        name_zh="前海大道接驳",
        name_en="Qianhai Avenue shuttle",
        domain=TrialDomain.ROAD,
        stage=Stage.ROAD_TEST,
        goal="To find out how often a safety officer has to take over.",
        starts_at_ms=now_ms,
        ends_at_ms=now_ms + 180 * _DAY_MS,
    )
    session.add(trial)
    tell_of(session, trial, now_ms=now_ms)


def _draft(now_ms: int) -> ApplicationDraft:
    return ApplicationDraft.model_validate(
        {
            "jurisdiction": JURISDICTION,
            "trial_id": "NB-T1",
            "stage": Stage.ROAD_TEST,
            "vehicles": list(_VINS),
            "officers": [OFFICER],
            "zones": [ROAD],
            "valid_from_ms": now_ms - 60_000,
            "valid_until_ms": now_ms + 170 * _DAY_MS,
            "conditions": {"speed_cap_kmh": 60, "modes": ["autonomous", "manual"], "safety_officers": ["onboard"]},
            "safety_case": "A safety officer sits behind the wheel and can take over at any time.",
        }
    )
