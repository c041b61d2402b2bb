from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, Enum
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.database import changing
from app.models import Alert, Base, Organisation, RegistryGeneration, Role, User, Vehicle
from telemetry.findings import Severity
from telemetry.samples import VehicleKind


def user(**changes: object) -> User:
    values = {"email": "a@b", "display_name": "A", "role": Role.REGULATOR, "password_hash": "x", "created_at_ms": 1}
    return User(**{**values, **changes})


def vehicle(**changes: object) -> Vehicle:
    values = {
        "vehicle_id": "A-1",
        "kind": VehicleKind.ROAD,
        "partition": 1,
        "organisation": Organisation(code="o", name_zh="o", name_en="o"),
        "credential_hash": b"h" * 32,
        "registered_at_ms": 1,
        "generation": 1,
    }
    return Vehicle(**{**values, **changes})


def alert(**changes: object) -> Alert:
    values = {
        "vehicle": vehicle(),
        "finding": 1,
        "severity": Severity.NOTICE,
        "opened_at_ms": 1,
        "opened_seq": 1,
        "first_seen_ms": 1,
        "last_seen_ms": 1,
        "lon": 0.0,
        "lat": 0.0,
    }
    return Alert(**{**values, **changes})


@pytest.mark.parametrize(
    "make",
    [
        lambda: [user(role=Role.OPERATOR_MANAGER)],
        lambda: [user(email="Upper@case")],
        lambda: [user(), user()],
        lambda: [vehicle(), vehicle(organisation=Organisation(code="p", name_zh="p", name_en="p"))],
        lambda: [vehicle(organisation=None, organisation_id=99)],
        lambda: [RegistryGeneration(id=2, generation=1)],
        lambda: [alert(acknowledged_at_ms=5)],
        lambda: [alert(zone_revision_id=12345)],
    ],
)
def test_the_database_refuses_what_must_not_be(engine: Engine, make: Callable[[], list[Base]]) -> None:
    with pytest.raises(IntegrityError), Session(changing(engine)) as session, session.begin():
        session.add_all(make())


def test_enumerations_are_stored_by_value(engine: Engine) -> None:
    with Session(changing(engine)) as session, session.begin():
        session.add(alert())
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT severity FROM alerts").scalar_one() == "notice"
        assert connection.exec_driver_sql("SELECT kind FROM vehicles").scalar_one() == "road"


def test_an_unknown_value_is_refused_by_the_database(engine: Engine) -> None:
    with Session(changing(engine)) as session, session.begin():
        session.add(vehicle())
    with engine.begin() as connection, pytest.raises(IntegrityError):
        connection.exec_driver_sql("UPDATE vehicles SET kind = 'boat'")


def test_every_constraint_has_a_name() -> None:
    for table in Base.metadata.tables.values():
        assert all(constraint.name for constraint in table.constraints), table.name
        assert all(index.name for index in table.indexes), table.name
        assert all(column.type.name for column in table.columns if isinstance(column.type, Enum)), table.name
