"""What an operator that is new here is told to do next."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import select

from app.database import changing_session, reading_session
from app.models import Organisation, Role
from app.services.first_steps import first_steps
from app.services.organisations import register_organisation
from tests.app.applicants import begun, prepare, submitted
from tests.app.telling import tell_of
from tests.app.web.cast import NOON_MS, City

SHOWN = 'class="next-steps"'


def left(city: City, code: str) -> set[str]:
    """The steps that the operator has not taken."""
    with reading_session(city.engine) as session:
        key = session.scalars(select(Organisation.id).where(Organisation.code == code)).one()
        return {name for name, is_taken in asdict(first_steps(session, key)).items() if not is_taken}


def describe(city: City, code: str) -> None:
    with changing_session(city.engine) as session:
        found = session.scalars(select(Organisation).where(Organisation.code == code)).one()
        found.credit_code, found.address, found.contact_email = "91350100M000100Y43", "1 Road", "a@north.example"
        found.emergency_phone = "+86 755 0000 0000"
        tell_of(session, found, now_ms=NOON_MS)


def test_each_step_counts_by_itself(city: City) -> None:
    with changing_session(city.engine) as session:
        register_organisation(session, code="NEW", name_zh="新", name_en="New", now_ms=NOON_MS)
    assert left(city, "NEW") == {"details", "vehicles", "people", "trial", "application"}
    describe(city, "NEW")
    assert left(city, "NEW") == {"vehicles", "people", "trial", "application"}
    with changing_session(city.engine) as session:
        prepare(session)
        begun(session)
    assert left(city, "NORTH") == {"details", "application"}, "a draft is no application yet"


def test_the_card_goes_when_everything_is_done(city: City) -> None:
    manager = city.logged_in(Role.OPERATOR_MANAGER)
    manager.set_cookie("language", "en")
    page = manager.get("/duty").text
    assert SHOWN in page
    assert "/desk/organisations/NORTH/edit" in page
    describe(city, "NORTH")
    assert "/desk/organisations/NORTH/edit" not in manager.get("/duty").text, "what is done leads nowhere any more"
    with changing_session(city.engine) as session:
        prepare(session)
        submitted(session)
    assert SHOWN not in manager.get("/duty").text


def test_only_managers_of_operators_are_told(city: City) -> None:
    for role in set(Role) - {Role.OPERATOR_MANAGER}:
        assert SHOWN not in city.logged_in(role).get("/duty").text, role
    assert SHOWN not in city.client().get("/").text
