"""What each kind of decision does to the snapshot, read as a change and read afresh alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

import pytest
from shapely.geometry import box
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.audit import Subject, record
from app.database import changing_session
from app.models import RecognitionRevision, ServiceStatus, Stage, Vehicle, VehicleStatusRevision, Zone, ZoneRevisionRow
from app.registry import DatabaseRegistry
from app.services.conditions import Conditions
from app.services.generations import next_generation
from app.services.officers import officer_by_id, record_licence
from app.services.organisations import register_organisation
from app.services.permits import issue_permit, permit_by_number, revise_permit
from app.services.vehicles import register_vehicle, vehicle_by_id
from app.services.zones import publish_zone_revision
from geofences.datum import VerticalReference
from geofences.zones import FOREVER_MS, ZoneKind
from telemetry.ports import PermitState, PermitTerms, RegistrySnapshot
from telemetry.samples import VehicleKind
from tests.jurisdictions import jurisdiction

NOW = 1_732_190_000_000
YEAR_MS = 365 * 86_400_000
HOME, ABROAD, ELSEWHERE = "QIANHAI", "NANSHA", "HENGQIN"


@dataclass
class Office:
    """Decides things, one millisecond after the other, and asks two registries what they know."""

    engine: Engine
    registry: DatabaseRegistry
    now_ms: int = NOW

    def snapshot(self) -> RegistrySnapshot:
        """As read change by change; it must be what a fresh start reads."""
        known = self.registry.snapshot()
        assert plain(known) == plain(self.fresh())
        return known

    def fresh(self, generation: int | None = None) -> RegistrySnapshot:
        return DatabaseRegistry(self.engine, VerticalReference()).snapshot(generation)

    def terms(self) -> Sequence[PermitTerms]:
        return self.snapshot().permits

    def issue(
        self, number: str, zone_ids: Sequence[str], *, stage: Stage = Stage.ROAD_TEST, issuer: str = HOME
    ) -> None:
        with changing_session(self.engine) as session:
            vehicle = vehicle_by_id(session, "CAR-1")
            issue_permit(
                session,
                number=number,
                stage=stage,
                jurisdiction=jurisdiction(session, issuer),
                holder=vehicle.organisation,
                vehicles=[vehicle],
                zone_ids=zone_ids,
                conditions=Conditions(),
                valid_from_ms=NOW,
                valid_until_ms=NOW + YEAR_MS,
                now_ms=self.tick(),
            )

    def suspend(self, number: str) -> None:
        with changing_session(self.engine) as session:
            permit = permit_by_number(session, number)
            revise_permit(session, permit, state=PermitState.SUSPENDED, reason="事故", now_ms=self.tick())

    def draw(self, zone_id: str, jurisdiction: str = HOME) -> None:
        with changing_session(self.engine) as session:
            publish_zone_revision(
                session,
                zone_id=zone_id,
                kind=ZoneKind.TEST_AREA,
                geometry=box(113.9, 22.5, 113.9 + self.now_ms % 100 / 1000 + 0.001, 22.51),
                name_zh=zone_id,
                name_en=zone_id,
                starts_at_ms=self.tick(),
                now_ms=self.now_ms,
                jurisdiction=jurisdiction,
            )

    def redraw(self, zone_id: str, jurisdiction: str | None = None) -> None:
        """The zone as it is, once more; in another jurisdiction only a database of an earlier version has it."""
        with changing_session(self.engine) as session:
            query = select(ZoneRevisionRow).join(Zone).where(Zone.zone_id == zone_id)
            last = session.scalars(query.order_by(ZoneRevisionRow.generation.desc()).limit(1)).one()
            columns = {column.key: getattr(last, column.key) for column in ZoneRevisionRow.__table__.columns}
            del columns["id"]
            changed = {"starts_at_ms": self.tick(), "generation": next_generation(session)}
            moved = {} if jurisdiction is None else {"jurisdiction": jurisdiction}
            session.add(ZoneRevisionRow(**columns | changed | moved))
            record(session, "zone.redrawn", Subject("zone", zone_id), actor=None, now_ms=self.now_ms)

    def register(self, vehicle_id: str) -> None:
        with changing_session(self.engine) as session:
            holder = vehicle_by_id(session, "CAR-1").organisation
            register_vehicle(
                session, vehicle_id=vehicle_id, kind=VehicleKind.ROAD, organisation=holder, now_ms=self.tick()
            )

    def restrict(self, number: str, officer_ids: Sequence[str]) -> None:
        with changing_session(self.engine) as session:
            permit = permit_by_number(session, number)
            officers = [officer_by_id(session, officer_id) for officer_id in officer_ids]
            revise_permit(session, permit, officers=officers, reason="事故", now_ms=self.tick())

    def licence(self, officer_id: str) -> None:
        with changing_session(self.engine) as session:
            holder = vehicle_by_id(session, "CAR-1").organisation
            record_licence(
                session, officer_id=officer_id, organisation=holder, expires_at_ms=self.tick(), now_ms=self.now_ms
            )

    def put(self, status: ServiceStatus, starts_at_ms: int | None = None, vehicle_id: str = "CAR-1") -> int:
        at_ms = self.tick() if starts_at_ms is None else starts_at_ms
        with changing_session(self.engine) as session:
            put_status(session, vehicle_by_id(session, vehicle_id), status, at_ms)
        return at_ms

    def recognise(
        self,
        stages: Sequence[Stage],
        *,
        by: str = ABROAD,
        starts_at_ms: int | None = None,
        valid_until_ms: int | None = None,
    ) -> int:
        at_ms = self.tick() if starts_at_ms is None else starts_at_ms
        with changing_session(self.engine) as session:
            recognise(session, by, HOME, stages, starts_at_ms=at_ms, valid_until_ms=valid_until_ms)
        return at_ms

    def tick(self) -> int:
        self.now_ms += 1
        return self.now_ms


def put_status(session: Session, vehicle: Vehicle, status: ServiceStatus, starts_at_ms: int) -> None:
    session.add(
        VehicleStatusRevision(
            vehicle_id=vehicle.id,
            status=status,
            starts_at_ms=starts_at_ms,
            reason="test",
            recorded_at_ms=starts_at_ms,
            generation=next_generation(session),
        )
    )
    record(session, f"vehicle.{status}", Subject("vehicle", vehicle.vehicle_id), actor=None, now_ms=starts_at_ms)


def recognise(
    session: Session,
    recogniser: str,
    issuer: str,
    stages: Sequence[Stage],
    *,
    starts_at_ms: int,
    valid_until_ms: int | None = None,
) -> None:
    session.add(
        RecognitionRevision(
            recogniser=jurisdiction(session, recogniser),
            issuer=jurisdiction(session, issuer),
            stages=[stage.value for stage in stages],
            starts_at_ms=starts_at_ms,
            valid_from_ms=starts_at_ms,
            valid_until_ms=valid_until_ms,
            reason="test",
            recorded_at_ms=starts_at_ms,
            generation=next_generation(session),
        )
    )
    record(session, "recognition.revised", Subject("jurisdiction", recogniser), actor=None, now_ms=starts_at_ms)


def plain(snapshot: RegistrySnapshot) -> RegistrySnapshot:
    return replace(
        snapshot, vehicles=list(snapshot.vehicles), zones=list(snapshot.zones), permits=list(snapshot.permits)
    )


@pytest.fixture
def office(engine: Engine) -> Office:
    office = Office(engine, DatabaseRegistry(engine, VerticalReference()))
    with changing_session(engine) as session:
        holder = register_organisation(session, code="op", name_zh="甲", name_en="Op", now_ms=NOW)
        register_vehicle(session, vehicle_id="CAR-1", kind=VehicleKind.ROAD, organisation=holder, now_ms=NOW)
    office.draw("HERE")
    office.draw("THERE", ABROAD)
    office.draw("NOBODYS", "")
    return office


# --- read as a change, read afresh, read again ----------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_any_sequence_of_changes_reads_as_a_fresh_start_would_and_can_be_read_again(office: Office, seed: int) -> None:
    random, subjects, known = Random(seed), Subjects(), {}
    office.issue("P-0", ["HERE", "THERE"])
    office.licence("SO-0")
    for number in range(1, 16):
        change(office, subjects, number, random)
        snapshot = office.snapshot()
        known[snapshot.generation] = plain(snapshot)
    for generation in random.sample(sorted(known), 4):
        assert plain(office.fresh(generation)) == known[generation]
        assert plain(office.registry.snapshot(generation)) == known[generation]
    assert plain(office.snapshot()) == known[max(known)]


@dataclass
class Subjects:
    """What was decided upon so far."""

    zones: list[str] = field(default_factory=lambda: ["HERE", "THERE", "NOBODYS"])
    permits: list[str] = field(default_factory=lambda: ["P-0"])
    people: list[str] = field(default_factory=lambda: ["SO-0"])


def change(office: Office, subjects: Subjects, number: int, random: Random) -> None:
    """Decide something, of any kind."""
    zones, permits, people = subjects.zones, subjects.permits, subjects.people
    match random.randrange(9):
        case 0:
            zones.append(f"Z-{number}")
            office.draw(zones[-1], random.choice([HOME, ABROAD, ELSEWHERE, ""]))
        case 1:
            office.redraw(random.choice(zones))
        case 2:
            permits.append(f"P-{number}")
            office.issue(permits[-1], random.sample(zones, 2), issuer=random.choice([HOME, ABROAD]))
        case 3:
            office.suspend(random.choice(permits))
        case 4:
            office.register(f"CAR-{number + 1}")
        case 5:
            people.append(random.choice([*people, f"SO-{number}"]))
            office.licence(people[-1])
        case 6:
            office.put(random.choice(list(ServiceStatus)))
        case 7:
            office.restrict(random.choice(permits), random.sample(sorted(set(people)), random.randrange(2)))
        case _:
            until_ms = random.choice([None, office.now_ms + 9])
            office.recognise([Stage.ROAD_TEST][: random.randrange(2)], valid_until_ms=until_ms)


def test_what_a_change_does_not_touch_is_the_same_object(office: Office) -> None:
    office.issue("P-1", ["HERE"])
    before = office.snapshot()
    office.suspend("P-1")
    after = office.snapshot()
    assert after.zones is before.zones
    assert after.vehicles is before.vehicles
    assert len(after.permits) == 2
    assert len(before.permits) == 1


def test_people_that_a_permit_names_are_read_with_its_revision(office: Office) -> None:
    office.issue("P-1", ["HERE"])
    for officer_id in ("SO-1", "SO-2"):
        office.licence(officer_id)
    before = office.snapshot()
    office.restrict("P-1", ["SO-2"])
    restricted_ms = office.now_ms
    after = office.snapshot()
    assert [(terms.officers, terms.ends_at_ms) for terms in after.permits] == [
        (frozenset(), restricted_ms),
        ({"SO-2"}, FOREVER_MS),
    ]
    assert after.officers is before.officers
    assert {record.organisation for record in after.officers.values()} == {terms.holder for terms in after.permits}
    assert [terms.officers for terms in office.fresh(before.generation).permits] == [frozenset()]


def test_nothing_new_is_nothing_read(office: Office) -> None:
    before = office.snapshot()
    with changing_session(office.engine) as session:
        next_generation(session)
    after = office.registry.snapshot()
    assert (after.zones, after.permits, after.vehicles) == (before.zones, before.permits, before.vehicles)
    assert after.generation == before.generation + 1


# --- vehicles ------------------------------------------------------------------------------------


def out_of_service(office: Office) -> tuple[tuple[int, int], ...]:
    return office.snapshot().vehicles[0].out_of_service


def test_a_vehicle_without_a_status_is_in_service(office: Office) -> None:
    assert out_of_service(office) == ()


def test_a_vehicle_is_out_of_service_until_it_is_put_back(office: Office) -> None:
    out_ms = office.put(ServiceStatus.OUT_OF_SERVICE)
    assert out_of_service(office) == ((out_ms, FOREVER_MS),)
    back_ms = office.put(ServiceStatus.IN_SERVICE)
    assert out_of_service(office) == ((out_ms, back_ms),)
    retired_ms = office.put(ServiceStatus.RETIRED)
    assert out_of_service(office) == ((out_ms, back_ms), (retired_ms, FOREVER_MS))


def test_a_later_decision_replaces_one_that_has_not_started(office: Office) -> None:
    office.put(ServiceStatus.OUT_OF_SERVICE, NOW + 1000)
    office.put(ServiceStatus.IN_SERVICE, NOW + 500)
    assert out_of_service(office) == ()


# --- recognition ---------------------------------------------------------------------------------


def test_a_permit_is_valid_in_zones_of_its_own_jurisdiction_and_in_nobodys(office: Office) -> None:
    office.issue("P-1", ["HERE", "THERE", "NOBODYS"])
    (terms,) = office.terms()
    assert terms.zone_ids == {"HERE", "NOBODYS"}


def test_recognition_opens_the_others_zones_from_its_start(office: Office) -> None:
    office.issue("P-1", ["HERE", "THERE"])
    issued_ms = office.now_ms
    at_ms = office.recognise([Stage.ROAD_TEST])
    assert [(t.zone_ids, t.starts_at_ms, t.ends_at_ms) for t in office.terms()] == [
        ({"HERE"}, issued_ms, at_ms),
        ({"HERE", "THERE"}, at_ms, FOREVER_MS),
    ]
    assert len({terms.revision_id for terms in office.terms()}) == 1


def test_recognition_is_for_stages(office: Office) -> None:
    office.recognise([Stage.DEMONSTRATION, Stage.DRIVERLESS_TEST])
    office.issue("P-1", ["THERE"], stage=Stage.ROAD_TEST)
    office.issue("P-2", ["THERE"], stage=Stage.DEMONSTRATION)
    assert [terms.zone_ids for terms in office.terms()] == [frozenset(), {"THERE"}]


def test_a_permit_brought_back_to_an_earlier_stage_is_recognised_for_that_one(office: Office) -> None:
    office.recognise([Stage.DEMONSTRATION])
    office.issue("P-1", ["HERE", "THERE"], stage=Stage.DEMONSTRATION)
    with changing_session(office.engine) as session:
        permit = permit_by_number(session, "P-1")
        revise_permit(session, permit, stage=Stage.ROAD_TEST, reason="事故", now_ms=office.tick())
    assert [terms.zone_ids for terms in office.terms()] == [{"HERE", "THERE"}, {"HERE"}]


def test_what_another_decision_would_grant_abroad_follows_its_stage(office: Office) -> None:
    at_ms = office.recognise([Stage.DEMONSTRATION])
    office.issue("P-1", ["HERE", "THERE"])
    issued = office.terms()
    [permit_id] = {terms.permit_id for terms in issued}
    generation = office.snapshot().generation

    def granted_if(stage: Stage) -> Sequence[PermitTerms]:
        return office.registry.granted_if(generation, permit_id, lambda decision: replace(decision, stage=stage))

    assert granted_if(Stage.ROAD_TEST) == issued
    [at_demonstration] = granted_if(Stage.DEMONSTRATION)
    assert (at_demonstration.zone_ids, at_demonstration.starts_at_ms > at_ms) == ({"HERE", "THERE"}, True)
    assert office.terms() == issued


def test_recognition_ends_at_its_date_or_by_a_decision(office: Office) -> None:
    office.recognise([Stage.ROAD_TEST], valid_until_ms=NOW + 5000)
    office.issue("P-1", ["HERE", "THERE"])
    assert [(t.zone_ids, t.ends_at_ms) for t in office.terms()] == [
        ({"HERE", "THERE"}, NOW + 5000),
        ({"HERE"}, FOREVER_MS),
    ]
    ended_ms = office.recognise([])
    assert [(t.zone_ids, t.ends_at_ms) for t in office.terms()] == [
        ({"HERE", "THERE"}, ended_ms),
        ({"HERE"}, FOREVER_MS),
    ]


def test_recognition_is_one_way_and_of_one_pair(office: Office) -> None:
    office.recognise([Stage.ROAD_TEST], by=ELSEWHERE)
    office.issue("P-1", ["THERE"])
    office.issue("P-2", ["HERE"], issuer=ABROAD)
    assert [terms.zone_ids for terms in office.terms()] == [frozenset(), frozenset()]


def test_a_renewed_recognition_does_not_cut(office: Office) -> None:
    office.recognise([Stage.ROAD_TEST])
    office.issue("P-1", ["THERE"])
    office.recognise([Stage.ROAD_TEST, Stage.DEMONSTRATION])
    assert [(t.zone_ids, t.ends_at_ms) for t in office.terms()] == [({"THERE"}, FOREVER_MS)]


def test_a_permit_that_is_decided_upon_keeps_being_recognised(office: Office) -> None:
    office.recognise([Stage.ROAD_TEST])
    office.issue("P-1", ["THERE"])
    office.suspend("P-1")
    assert [(t.state, t.zone_ids) for t in office.terms()] == [
        (PermitState.ISSUED, {"THERE"}),
        (PermitState.SUSPENDED, {"THERE"}),
    ]


def test_a_zone_belongs_to_the_jurisdiction_that_first_drew_it(office: Office) -> None:
    office.issue("P-1", ["THERE"])
    office.redraw("THERE", HOME)
    assert [terms.zone_ids for terms in office.terms()] == [frozenset()]
