"""What an installation has before its operators come: a jurisdiction, its regulator, and roads."""

from __future__ import annotations

from app.database import changing_session, opened_engine
from app.models import Role
from app.services.jurisdictions import create_jurisdiction
from app.services.organisations import register_organisation
from app.services.users import create_user
from app.showcase.seed import publish_zones
from telemetry.clock import system_clock
from tests.walks.installation import Installation

JURISDICTION = "CN-SZ-QH"
ROAD = "road-qianhai"
REGULATOR = "regulator@city.example"
#: Temporary: its first login asks for another.
REGULATOR_PASSWORD = "lamp-harbour-first"


def found(place: Installation) -> None:
    """An authority with its jurisdiction, a regulator who has not logged in yet, and the showcase's zones."""
    now_ms = system_clock()
    with opened_engine(place.settings().database_url) as engine, changing_session(engine) as session:
        authority = register_organisation(
            session, code="office", name_zh="前海试点办", name_en="Qianhai Pilot Office", now_ms=now_ms
        )
        jurisdiction = create_jurisdiction(
            session,
            code=JURISDICTION,
            name_zh="深圳前海",
            name_en="Qianhai, Shenzhen",
            number_prefix="QH",
            authority=authority,
            now_ms=now_ms,
        )
        regulator = create_user(
            session,
            email=REGULATOR,
            password=REGULATOR_PASSWORD,
            role=Role.REGULATOR,
            display_name="Lin Yue",
            organisation=authority,
            jurisdictions=[jurisdiction],
            must_change_password=True,
            now_ms=now_ms,
        )
        publish_zones(session, JURISDICTION, regulator, now_ms)
