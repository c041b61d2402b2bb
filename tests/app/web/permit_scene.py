"""A permit in the web's cast: North's car on the cast's road, issued by Qianhai."""

from __future__ import annotations

from sqlalchemy import select

from app.database import changing_session, reading_session
from app.models import Jurisdiction, Organisation, Stage, Vehicle
from app.models.permits import PermitRevisionRow
from app.services.conditions import Conditions
from app.services.permits import issue_permit, newest_revision, permit_by_number
from tests.app.web.cast import DAY_MS, City

NUMBER = "QH-2026-0001"


def issue(
    city: City,
    number: str = NUMBER,
    *,
    days: int = 100,
    holder: str = "NORTH",
    reason: str = "合格",
    ratio: int | None = None,
) -> None:
    with changing_session(city.engine) as session:
        issue_permit(
            session,
            number=number,
            stage=Stage.DEMONSTRATION,
            jurisdiction=session.scalars(select(Jurisdiction).where(Jurisdiction.code == "QH")).one(),
            holder=session.scalars(select(Organisation).where(Organisation.code == holder)).one(),
            vehicles=session.scalars(select(Vehicle).where(Vehicle.vehicle_id == f"{holder}-R1")).all(),
            zone_ids=["QH-R-01"],
            conditions=Conditions(speed_cap_mps=15.0, vehicles_per_remote_officer=ratio),
            valid_from_ms=city.time(),
            valid_until_ms=city.time() + days * DAY_MS,
            now_ms=city.time(),
            reason=reason,
        )


def newest(city: City, number: str = NUMBER) -> PermitRevisionRow:
    with reading_session(city.engine) as session:
        return newest_revision(session, permit_by_number(session, number))
