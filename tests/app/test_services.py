from __future__ import annotations

import pytest
from shapely import affinity
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.database import changing_session, reading_session
from app.errors import AlreadyRegistered, InvalidChange, NotFound, RevisionInPast
from app.models import Organisation, Role, Stage, User, Vehicle
from app.services.conditions import Conditions
from app.services.generations import current_generation
from app.services.officers import record_licence
from app.services.organisations import organisation_by_code, register_organisation
from app.services.permits import issue_permit, newest_revision, permit_by_number, revise_permit
from app.services.revisions import in_force
from app.services.users import authenticate, create_user
from app.services.vehicles import register_vehicle, renew_credential, vehicle_by_id, verify_credential
from app.services.zones import publish_zone_revision, zones_in_force
from geofences.schedule import Schedule
from geofences.zones import FOREVER_MS, Datum, VerticalBand, ZoneKind
from telemetry.messages import partition_of
from telemetry.ports import PermitState
from telemetry.samples import Mode, SafetyOfficer, VehicleKind
from tests.jurisdictions import jurisdiction

NOW = 1_732_190_000_000
SQUARE = Polygon([(113.9, 22.5), (113.91, 22.5), (113.91, 22.51), (113.9, 22.5)])
ROAD = LineString([(113.9, 22.5), (113.91, 22.5)])


def operator(session: Session, code: str = "op") -> Organisation:
    return register_organisation(session, code=code, name_zh="甲公司", name_en="Company A", now_ms=NOW)


def registered(session: Session, organisation: Organisation, vehicle_id: str = "A-1") -> tuple[Vehicle, str]:
    return register_vehicle(
        session, vehicle_id=vehicle_id, kind=VehicleKind.ROAD, organisation=organisation, now_ms=NOW, plate="粤B·1"
    )


def publish(
    session: Session, zone_id: str = "R1", *, starts_at_ms: int = NOW, kind: ZoneKind = ZoneKind.TEST_ROAD
) -> int:
    return publish_zone_revision(
        session,
        zone_id=zone_id,
        kind=kind,
        geometry=ROAD,
        half_width_m=10.0,
        name_zh="桂湾一路",
        name_en="Guiwan 1st Road",
        starts_at_ms=starts_at_ms,
        now_ms=NOW,
    ).id


def issue(session: Session, *, starts_at_ms: int | None = None, imported: bool = False) -> int:
    holder = operator(session)
    publish(session)
    revision = issue_permit(
        session,
        number="P-1",
        stage=Stage.ROAD_TEST,
        holder=holder,
        jurisdiction=jurisdiction(session),
        vehicles=[registered(session, holder)[0]],
        zone_ids=["R1"],
        conditions=Conditions(speed_cap_mps=15.0, modes=frozenset({Mode.AUTONOMOUS})),
        valid_from_ms=NOW,
        valid_until_ms=NOW + 10**9,
        now_ms=NOW,
        starts_at_ms=starts_at_ms,
        imported=imported,
    )
    return revision.id


# --- organisations, vehicles, officers --------------------------------------------------------


def test_a_vehicle_gets_its_partition_and_a_credential(engine: Engine) -> None:
    with changing_session(engine) as session:
        vehicle, token = registered(session, operator(session))
    assert vehicle.partition == partition_of("A-1")
    assert token.encode() not in vehicle.credential_hash
    with reading_session(engine) as session:
        found = verify_credential(session, "A-1", token)
        assert found is not None
        assert found.id == vehicle.id
        assert verify_credential(session, "A-1", token + "x") is None
        assert verify_credential(session, "A-2", token) is None


def test_a_renewed_credential_replaces_the_old_one(engine: Engine) -> None:
    with changing_session(engine) as session:
        vehicle, old = registered(session, operator(session))
        new = renew_credential(session, vehicle, now_ms=NOW)
    with reading_session(engine) as session:
        assert verify_credential(session, "A-1", old) is None
        assert verify_credential(session, "A-1", new) is not None


@pytest.mark.parametrize("vehicle_id", ["", "a/b", "a+", "#", "a b", "-a", "x" * 65, "车"])
def test_a_vehicle_id_must_fit_into_a_topic(engine: Engine, vehicle_id: str) -> None:
    with pytest.raises(InvalidChange), changing_session(engine) as session:
        registered(session, operator(session), vehicle_id)


def test_nothing_is_registered_twice(engine: Engine) -> None:
    with changing_session(engine) as session:
        holder = operator(session)
        registered(session, holder)
        with pytest.raises(AlreadyRegistered):
            operator(session)
        with pytest.raises(AlreadyRegistered):
            registered(session, holder)


def test_what_is_not_there_is_not_found(engine: Engine) -> None:
    with reading_session(engine) as session:
        for look in (organisation_by_code, vehicle_by_id, permit_by_number):
            with pytest.raises(NotFound):
                look(session, "nothing")


def test_each_change_that_judgement_sees_takes_a_generation(engine: Engine) -> None:
    with changing_session(engine) as session:
        holder = operator(session)
        assert current_generation(session) == 0
        vehicle, _ = registered(session, holder)
        record_licence(session, officer_id="SO-1", organisation=holder, expires_at_ms=NOW, now_ms=NOW)
        licence = record_licence(session, officer_id="SO-1", organisation=holder, expires_at_ms=NOW + 1, now_ms=NOW)
        assert (vehicle.generation, licence.generation, current_generation(session)) == (1, 3, 3)


# --- users ------------------------------------------------------------------------------------


def new_user(session: Session, **changes: object) -> User:
    values: dict[str, object] = {"email": "Li@Example.cn", "password": "correct horse", "role": Role.REGULATOR}
    return create_user(session, **{**values, "display_name": "李", "now_ms": NOW, **changes})  # type: ignore[arg-type] # test values


def test_a_user_logs_in_with_the_right_password_only(engine: Engine) -> None:
    with changing_session(engine) as session:
        new_user(session)
    with reading_session(engine) as session:
        user = authenticate(session, "li@example.CN", "correct horse")
        assert user is not None
        assert user.password_hash.startswith("$argon2id$")
        assert authenticate(session, "li@example.cn", "wrong horse") is None
        assert authenticate(session, "nobody@example.cn", "nobody has this password") is None
        assert authenticate(session, "li@example.cn", "x" * 10**6) is None


@pytest.mark.parametrize("changes", [{"password": "short"}, {"password": "x" * 2000}, {"role": Role.OPERATOR_MANAGER}])
def test_an_unusable_user_is_refused(engine: Engine, changes: dict[str, object]) -> None:
    with pytest.raises(InvalidChange), changing_session(engine) as session:
        new_user(session, **changes)


def test_an_address_is_used_once(engine: Engine) -> None:
    with changing_session(engine) as session:
        new_user(session)
        with pytest.raises(AlreadyRegistered):
            new_user(session, email="LI@example.cn")


# --- zones ------------------------------------------------------------------------------------


def test_the_newest_started_revision_of_a_zone_is_in_force(engine: Engine) -> None:
    with changing_session(engine) as session:
        first = publish(session)
        second = publish(session, starts_at_ms=NOW + 1000)
        other = publish(session, "A2")
    with reading_session(engine) as session:
        assert [row.id for row in zones_in_force(session, NOW - 1)] == []
        assert [row.id for row in zones_in_force(session, NOW + 999)] == [other, first]
        assert [row.id for row in zones_in_force(session, NOW + 1000)] == [other, second]


def test_a_zone_keeps_its_kind(engine: Engine) -> None:
    with changing_session(engine) as session:
        publish(session)
        with pytest.raises(InvalidChange):
            publish(session, kind=ZoneKind.RESTRICTED)


@pytest.mark.parametrize(
    ("geometry", "half_width_m"), [(ROAD, None), (ROAD, -1.0), (affinity.translate(ROAD, xoff=5.0), 10.0)]
)
def test_a_zone_that_no_worker_could_judge_against_is_refused(
    engine: Engine, geometry: BaseGeometry, half_width_m: float | None
) -> None:
    with changing_session(engine) as session:
        publish(session)
        with pytest.raises(InvalidChange, match="R2"):
            publish_zone_revision(
                session,
                zone_id="R2",
                kind=ZoneKind.TEST_ROAD,
                geometry=geometry,
                half_width_m=half_width_m,
                name_zh="路",
                name_en="Road",
                starts_at_ms=NOW,
                now_ms=NOW,
            )


def test_a_revision_does_not_start_in_the_past_unless_imported(engine: Engine) -> None:
    with changing_session(engine) as session:
        with pytest.raises(RevisionInPast):
            publish(session, starts_at_ms=NOW - 1)
        imported = publish_zone_revision(
            session,
            zone_id="Z",
            kind=ZoneKind.RESTRICTED,
            geometry=SQUARE,
            name_zh="禁",
            name_en="No",
            band=VerticalBand(0.0, None, Datum.AGL),
            starts_at_ms=0,
            now_ms=NOW,
            imported=True,
        )
        assert imported.band_datum is Datum.AGL


# --- permits ----------------------------------------------------------------------------------


def test_a_permit_is_suspended_with_a_reason_and_keeps_its_terms(engine: Engine) -> None:
    with changing_session(engine) as session:
        issue(session)
        permit = permit_by_number(session, "P-1")
        revise_permit(session, permit, state=PermitState.SUSPENDED, reason="事故调查", now_ms=NOW + 5)
    with reading_session(engine) as session:
        newest = newest_revision(session, permit_by_number(session, "P-1"))
        assert (newest.state, newest.starts_at_ms, newest.reason) == (PermitState.SUSPENDED, NOW + 5, "事故调查")
        assert [vehicle.vehicle_id for vehicle in newest.vehicles] == ["A-1"]
        assert [zone.zone_id for zone in newest.zones] == ["R1"]
        assert Conditions.from_dict(newest.terms).speed_cap_mps == 15.0


def test_a_decision_needs_a_reason_a_future_and_known_zones(engine: Engine) -> None:
    with changing_session(engine) as session:
        issue(session)
        permit = permit_by_number(session, "P-1")
        with pytest.raises(InvalidChange):
            revise_permit(session, permit, state=PermitState.REVOKED, reason=" ", now_ms=NOW)
        with pytest.raises(RevisionInPast):
            revise_permit(session, permit, reason="late", now_ms=NOW, starts_at_ms=NOW - 1)
        with pytest.raises(NotFound, match="R2"):
            revise_permit(session, permit, reason="more", now_ms=NOW, zone_ids=["R1", "R2"])
        with pytest.raises(InvalidChange):
            revise_permit(session, permit, reason="empty", now_ms=NOW, valid_until_ms=NOW)


def test_a_permit_covers_its_holders_vehicles_only(engine: Engine) -> None:
    with changing_session(engine) as session:
        issue(session)
        permit = permit_by_number(session, "P-1")
        foreign, _ = registered(session, operator(session, "other"), "B-1")
        with pytest.raises(InvalidChange):
            revise_permit(session, permit, reason="lend", now_ms=NOW, vehicles=[foreign])


def test_a_number_is_issued_once(engine: Engine) -> None:
    with changing_session(engine) as session:
        issue(session)
        with pytest.raises(AlreadyRegistered):
            issue_permit(
                session,
                number="P-1",
                stage=Stage.ROAD_TEST,
                jurisdiction=jurisdiction(session),
                holder=organisation_by_code(session, "op"),
                vehicles=[],
                zone_ids=[],
                conditions=Conditions(),
                valid_from_ms=NOW,
                valid_until_ms=NOW + 1,
                now_ms=NOW,
            )


def test_conditions_survive_storage() -> None:
    windows = {"time_zone": "Asia/Shanghai", "windows": [{"days": ["MON"], "start": "22:00", "end": "06:00"}]}
    conditions = Conditions(
        hours=Schedule.from_dict(windows),
        speed_cap_mps=13.9,
        modes=frozenset({Mode.REMOTE, Mode.MINIMAL_RISK}),
        safety_officers=frozenset({SafetyOfficer.REMOTE}),
        vehicles_per_remote_officer=3,
        passengers_allowed=False,
        minimum_accuracy_m=2.5,
    )
    assert Conditions.from_dict(conditions.to_dict()) == conditions
    with pytest.raises(KeyError):
        Conditions.from_dict({"hours": None})


# --- when a revision is in force -----------------------------------------------------------------


class Decision:
    def __init__(self, name: str, starts_at_ms: int, generation: int, ends_at_ms: int | None = None) -> None:
        self.name, self.starts_at_ms, self.generation, self.ends_at_ms = name, starts_at_ms, generation, ends_at_ms


@pytest.mark.parametrize(
    ("decisions", "periods"),
    [
        ([Decision("a", 1, 1)], {"a": (1, FOREVER_MS)}),
        ([Decision("a", 1, 1), Decision("b", 5, 2)], {"a": (1, 5), "b": (5, FOREVER_MS)}),
        # c was decided after b and starts before it: b never comes into force
        ([Decision("a", 1, 1), Decision("b", 9, 2), Decision("c", 5, 3)], {"a": (1, 5), "c": (5, FOREVER_MS)}),
        ([Decision("a", 1, 1), Decision("b", 1, 2)], {"b": (1, FOREVER_MS)}),
        ([Decision("a", 1, 1, ends_at_ms=3), Decision("b", 5, 2)], {"a": (1, 3), "b": (5, FOREVER_MS)}),
        (
            [Decision("a", 1, 1), Decision("b", 5, 2, 7), Decision("c", 7, 3)],
            {"a": (1, 5), "b": (5, 7), "c": (7, FOREVER_MS)},
        ),
    ],
)
def test_the_later_decision_wins(decisions: list[Decision], periods: dict[str, tuple[int, int]]) -> None:
    found = {decision.name: (start, end) for decision, start, end in in_force(decisions, lambda _: "same")}
    assert found == periods


def test_subjects_do_not_touch_each_other() -> None:
    decisions = [Decision("a", 1, 1), Decision("b", 2, 2)]
    assert len(list(in_force(decisions, lambda decision: decision.name))) == 2
