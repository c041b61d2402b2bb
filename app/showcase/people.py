"""Who takes part in the showcase: organisations, jurisdictions, logins and people who steer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy.orm import Session

from app.models import Jurisdiction, Organisation, Role, Stage, User
from app.schemas.officers import OfficerRegistration
from app.schemas.organisations import OrganisationDetails
from app.services.jurisdictions import create_jurisdiction
from app.services.officers import register_officer
from app.services.organisations import change_organisation, register_organisation
from app.services.recognition import recognise
from app.services.users import create_user
from app.showcase.plan import PlannedOfficer, PlannedOrganisation, PlannedUser, Register

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class People:
    """Everybody of the showcase; organisations and jurisdictions by code."""

    organisations: Mapping[str, Organisation]
    jurisdictions: Mapping[str, Jurisdiction]
    users: tuple[User, ...]

    @property
    def administrator(self) -> User:
        """Who registers organisations."""
        return next(user for user in self.users if user.role is Role.ADMINISTRATOR)

    def regulator_of(self, jurisdiction: str) -> User:
        """Who decides in a jurisdiction, given by its code."""
        return next(
            user
            for user in self.users
            if user.role is Role.REGULATOR and self.jurisdictions[jurisdiction] in user.jurisdictions
        )

    def manager_of(self, organisation: Organisation) -> User:
        """The manager of an operator."""
        return next(
            user for user in self.users if user.role is Role.OPERATOR_MANAGER and user.organisation is organisation
        )


def seed_people(session: Session, register: Register, now_ms: int) -> People:
    """Put everybody in, and what the jurisdictions recognise of each other."""
    organisations = {
        planned.code: register_organisation(
            session, code=planned.code, name_zh=planned.name_zh, name_en=planned.name_en, now_ms=now_ms
        )
        for planned in register.organisations
    }
    jurisdictions = {
        planned.code: create_jurisdiction(
            session,
            code=planned.code,
            name_zh=planned.name_zh,
            name_en=planned.name_en,
            number_prefix=planned.number_prefix,
            authority=organisations[planned.authority],
            now_ms=now_ms,
        )
        for planned in register.jurisdictions
    }
    users = tuple(_create_user(session, planned, organisations, jurisdictions, now_ms) for planned in register.users)
    people = People(organisations, jurisdictions, users)
    for organisation in register.organisations:
        _describe(session, organisation, people, now_ms)
    for officer in register.officers:
        _register(session, officer, people, now_ms)
    for planned in register.recognitions:
        recognise(
            session,
            recogniser=jurisdictions[planned.recogniser],
            issuer=jurisdictions[planned.issuer],
            stages=[Stage(stage) for stage in planned.stages],
            valid_from_ms=now_ms,
            valid_until_ms=None,
            reason=planned.reason,
            now_ms=now_ms,
        )
    return people


def date_of(now_ms: int, days: int) -> date:
    """The date in UTC that many days from now (negative: before)."""
    return datetime.fromtimestamp((now_ms + days * DAY_MS) / 1000, UTC).date()


def _create_user(
    session: Session,
    planned: PlannedUser,
    organisations: Mapping[str, Organisation],
    jurisdictions: Mapping[str, Jurisdiction],
    now_ms: int,
) -> User:
    user = create_user(
        session,
        email=planned.email,
        password=planned.password,
        role=Role(planned.role),
        display_name=planned.display_name,
        organisation=organisations[planned.organisation] if planned.organisation else None,
        now_ms=now_ms,
    )
    user.jurisdictions.extend(jurisdictions[code] for code in planned.jurisdictions)
    return user


def _describe(session: Session, planned: PlannedOrganisation, people: People, now_ms: int) -> None:
    details = OrganisationDetails(
        name_zh=planned.name_zh,
        name_en=planned.name_en,
        credit_code=planned.credit_code,
        address=planned.address,
        contact_name=planned.contact_name,
        contact_email=planned.contact_email,
        contact_phone=planned.contact_phone,
        emergency_phone=planned.emergency_phone,
    )
    organisation = people.organisations[planned.code]
    change_organisation(session, organisation, details, now_ms=now_ms, actor=people.administrator)


def _register(session: Session, planned: PlannedOfficer, people: People, now_ms: int) -> None:
    details = OfficerRegistration(
        officer_id=planned.officer_id,
        name=planned.name,
        capacity=planned.capacity,
        licence_class=planned.licence_class,
        licence_number=planned.licence_number,
        expires_on=date_of(now_ms, planned.expires_in_days),
    )
    organisation = people.organisations[planned.organisation]
    register_officer(session, details, organisation=organisation, now_ms=now_ms, actor=people.manager_of(organisation))
