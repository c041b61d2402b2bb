"""What an operator that is new here has done of what comes before its first permit."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from app.models import Application, ApplicationState, Officer, Organisation, Permit, Trial, Vehicle


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """Whether each step was taken, in their order. An operator that has a permit has taken the last one."""

    details: bool
    vehicles: bool
    people: bool
    trial: bool
    application: bool

    @property
    def are_all_taken(self) -> bool:
        """Whether nothing is left to do."""
        return self.details and self.vehicles and self.people and self.trial and self.application


def first_steps(session: Session, organisation_id: int) -> FirstSteps:
    """The steps of one operator; asked in one question to the database."""
    columns = (
        _has_details(),
        exists().where(Vehicle.organisation_id == Organisation.id),
        exists().where(Officer.organisation_id == Organisation.id),
        exists().where(Trial.organisation_id == Organisation.id),
        exists().where(Application.holder_id == Organisation.id, Application.state != ApplicationState.DRAFT)
        | exists().where(Permit.holder_id == Organisation.id),
    )
    details, vehicles, people, trial, application = session.execute(
        select(*columns).where(Organisation.id == organisation_id)
    ).one()
    return FirstSteps(bool(details), bool(vehicles), bool(people), bool(trial), bool(application))


def _has_details() -> ColumnElement[bool]:
    """Who the organisation is, and who answers there at any hour."""
    return (
        Organisation.credit_code.is_not(None)
        & (Organisation.address != "")
        & (Organisation.contact_email != "")
        & (Organisation.emergency_phone != "")
    )
