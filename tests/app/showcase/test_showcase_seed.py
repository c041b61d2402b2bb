"""Seeding fills an empty installation once, through the services, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.database import changing, changing_session, reading_session
from app.models import Alert, Organisation, Role, User, Vehicle, Zone
from app.registry import DatabaseRegistry
from app.services.users import authenticate
from app.services.vehicles import verify_credential
from app.showcase.plan import shipped_register, shipped_zones
from app.showcase.seed import DEMO_USERS, SeedResult, is_seeded, renew_credentials, seed
from geofences.datum import VerticalReference
from telemetry.messages import telemetry_topic
from telemetry.ports import PermitState

NOW_MS = 1_795_406_400_000  # a Monday, noon in Shenzhen


@pytest.fixture
def seeded(engine: Engine) -> SeedResult:
    with changing_session(engine) as session:
        return seed(session, NOW_MS)


def test_everything_arrives(engine: Engine, seeded: SeedResult) -> None:
    assert seeded.is_new
    with reading_session(engine) as session:
        counts = [
            session.scalar(select(func.count()).select_from(model)) for model in (Zone, Vehicle, User, Organisation)
        ]
        assert counts == [len(shipped_zones()), 50, len(DEMO_USERS), len(shipped_register().organisations)]
        assert session.scalar(select(func.count()).select_from(Alert)) == 0
        assert is_seeded(session)


def test_seeding_again_changes_nothing(engine: Engine, seeded: SeedResult) -> None:
    registry = DatabaseRegistry(engine, VerticalReference(None, None))
    before = registry.generation()
    with changing_session(engine) as session:
        assert seed(session, NOW_MS + 86_400_000) == SeedResult(is_new=False, credentials=())
    assert registry.generation() == before
    assert seeded.is_new


def test_a_seeding_that_is_not_committed_leaves_nothing(engine: Engine) -> None:
    with Session(changing(engine)) as session:
        seed(session, NOW_MS)
        session.rollback()
    with reading_session(engine) as session:
        assert not is_seeded(session)


def test_each_vehicle_can_log_in_with_its_credential(engine: Engine, seeded: SeedResult) -> None:
    assert {credential.vehicle_id for credential in seeded.credentials} == {
        vehicle.vehicle_id for vehicle in shipped_register().vehicles
    }
    with reading_session(engine) as session:
        for credential in seeded.credentials:
            assert verify_credential(session, credential.vehicle_id, credential.password) is not None
            assert credential.topic == telemetry_topic(credential.vehicle_id)
            assert credential.password not in repr(credential)


def test_lost_credentials_can_be_renewed(engine: Engine, seeded: SeedResult) -> None:
    lost = seeded.credentials[0]
    with changing_session(engine) as session:
        (renewed,) = renew_credentials(session, [lost.vehicle_id], NOW_MS)
    with reading_session(engine) as session:
        assert verify_credential(session, lost.vehicle_id, lost.password) is None
        assert verify_credential(session, lost.vehicle_id, renewed.password) is not None


def test_demo_users_of_each_role_can_log_in(engine: Engine, seeded: SeedResult) -> None:
    assert seeded.is_new
    assert {user.role for user in DEMO_USERS} == {str(role) for role in Role}
    with reading_session(engine) as session:
        for planned in DEMO_USERS:
            user = authenticate(session, planned.email, planned.password)
            assert user is not None
            assert user.role == planned.role


def test_judgement_finds_zones_permits_and_licences(engine: Engine, seeded: SeedResult) -> None:
    snapshot = DatabaseRegistry(engine, VerticalReference(None, None)).snapshot()
    assert seeded.is_new
    assert len(snapshot.zones) == len(shipped_zones())
    in_force = [permit for permit in snapshot.permits if permit.starts_at_ms <= NOW_MS < permit.ends_at_ms]
    assert len(in_force) == len(shipped_register().permits)
    assert [permit.state for permit in in_force].count(PermitState.SUSPENDED) == 1
    expired = [name for name, officer in snapshot.officers.items() if officer.licence_expires_ms <= NOW_MS]
    assert expired == ["SO-HJ-90"]
