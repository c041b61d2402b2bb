"""Each kind of decision acts on the next sample that is judged, while samples keep coming and two workers share them.

A decision is known to nobody before its commit begins and to everybody once it has ended: a sample
taken after that must be judged by it, one taken before the decision began must not be, whenever
either arrives. In between both are right, and the replay tells whether what was stored is what was known.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import shapely
import shapely.affinity
from sqlalchemy.orm import Session

from app.audit import Subject, record
from app.database import changing_session
from app.models import RecognitionRevision, ServiceStatus, Stage, VehicleStatusRevision
from app.services.generations import next_generation
from app.services.officers import record_licence
from app.services.organisations import organisation_by_code
from app.services.permits import permit_by_number, revise_permit
from app.services.vehicles import vehicle_by_id
from app.services.zones import publish_zone_revision
from geofences.zones import ZoneKind
from telemetry.agent.group import AgentGroup
from telemetry.clock import system_clock
from telemetry.findings import Finding
from telemetry.messages import partition_of, telemetry_topic
from telemetry.ports import PermitState
from telemetry.samples import VehicleKind
from tests.brokers import mosquitto, platform_acl
from tests.chaos.fleet import PASSWORD, as_int, users
from tests.city import FAR_AHEAD_MS, LONG_AGO_MS, City, DrawnZone, Grant, build_city, worker_process
from tests.databases import PostgresqlServer
from tests.jurisdictions import jurisdiction
from tests.telemetry.agent.fake_platform import wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

PERIOD_S = 0.1
HALVES = ("0-31", "32-63")
ABROAD = "ABROAD"
LAT, STEP = 22.52, 0.005
OFFICER = "SO-1"


def named(role: str) -> list[str]:
    """Two vehicles, one for each worker."""
    candidates = [f"{role}-{number}" for number in range(100)]
    return [
        next(name for name in candidates if partition_of(name) < 32),
        next(name for name in candidates if partition_of(name) >= 32),
    ]


ROLES = ("suspended", "moved", "unlicensed", "retired", "foreign", "untouched")
CARS = {role: named(role) for role in ROLES}


def place(role: str) -> tuple[float, float]:
    """Where cars of this role stand: lon, lat."""
    return 113.9 + STEP * ROLES.index(role), LAT


def area(role: str) -> shapely.Polygon:
    lon, lat = place(role)
    return shapely.box(lon - STEP / 4, lat - STEP / 4, lon + STEP / 4, lat + STEP / 4)


@dataclass
class Taken:
    """When one car's samples were taken, in their order."""

    timestamps: list[int] = field(default_factory=list)


class Traffic:
    """Every car sends its place every PERIOD_S, with the true time, until told to stop."""

    def __init__(self, group: AgentGroup) -> None:
        self._agents = {
            name: group.add(name, PASSWORD, telemetry_topic(name)) for names in CARS.values() for name in names
        }
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._drive, name="traffic")
        self.taken = {name: Taken() for name in self._agents}

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join()

    def _drive(self) -> None:
        while not self._stopping.wait(PERIOD_S):
            for role, names in CARS.items():
                for name in names:
                    now_ms = system_clock()
                    self._agents[name].publish(sample(role, now_ms))
                    self.taken[name].timestamps.append(now_ms)


def sample(role: str, timestamp_ms: int) -> dict[str, object]:
    lon, lat = place(role)
    officer = {"safety_officer": "onboard", "officer_id": OFFICER} if role == "unlicensed" else {}
    location = {"lat": lat, "lng": lon, "speed": 0.0, "horizontal_accuracy": 0.8}
    return {"timestamp": timestamp_ms, "location": location, "mode": "autonomous", **officer}


# --- the decisions -------------------------------------------------------------------------------


def suspend(session: Session, now_ms: int) -> None:
    permit = permit_by_number(session, f"permit-{ROLES.index('suspended')}")
    revise_permit(session, permit, state=PermitState.SUSPENDED, reason="事故", now_ms=now_ms)


def move_zone(session: Session, now_ms: int) -> None:
    publish_zone_revision(
        session,
        zone_id="moved",
        kind=ZoneKind.TEST_AREA,
        geometry=shapely.affinity.translate(area("moved"), yoff=STEP),
        name_zh="moved",
        name_en="moved",
        starts_at_ms=now_ms,
        now_ms=now_ms,
    )


def withdraw_licence(session: Session, now_ms: int) -> None:
    holder = organisation_by_code(session, "holder")
    record_licence(session, officer_id=OFFICER, organisation=holder, expires_at_ms=now_ms, now_ms=now_ms)


def retire(session: Session, now_ms: int) -> None:
    for name in CARS["retired"]:
        session.add(
            VehicleStatusRevision(
                vehicle=vehicle_by_id(session, name),
                status=ServiceStatus.RETIRED,
                starts_at_ms=now_ms,
                reason="test",
                recorded_at_ms=now_ms,
                generation=next_generation(session),
            )
        )
        record(session, "vehicle.retired", Subject("vehicle", name), actor=None, now_ms=now_ms)


def end_recognition(session: Session, now_ms: int) -> None:
    recognise(session, [], now_ms)


def recognise(session: Session, stages: Sequence[Stage], starts_at_ms: int) -> None:
    session.add(
        RecognitionRevision(
            recogniser=jurisdiction(session, ABROAD),
            issuer=jurisdiction(session),
            stages=[stage.value for stage in stages],
            starts_at_ms=starts_at_ms,
            valid_from_ms=starts_at_ms,
            reason="test",
            recorded_at_ms=starts_at_ms,
            generation=next_generation(session),
        )
    )
    record(session, "recognition.revised", Subject("jurisdiction", ABROAD), actor=None, now_ms=starts_at_ms)


DECISIONS: dict[str, tuple[Callable[[Session, int], None], Finding]] = {
    "suspended": (suspend, Finding.PERMIT_SUSPENDED),
    "moved": (move_zone, Finding.OUTSIDE_AREA),
    "unlicensed": (withdraw_licence, Finding.LICENCE_EXPIRED),
    "retired": (retire, Finding.PERMIT_MISSING),
    "foreign": (end_recognition, Finding.OUTSIDE_AREA),
}


# --- the city ------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def city(request: pytest.FixtureRequest, tmp_path: Path) -> City:
    """Each role has a zone and a permit of its own; the zone of the foreign ones lies abroad."""
    url = None
    if request.param == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        url = server.url(server.create_database())
    zones = [
        DrawnZone(role, ZoneKind.TEST_AREA, area(role), jurisdiction=ABROAD if role == "foreign" else "")
        for role in ROLES
    ]
    city = build_city(tmp_path, zones, [Grant(VehicleKind.ROAD, CARS[role], [role]) for role in ROLES], url)
    with changing_session(city.engine) as session:
        recognise(session, [Stage.ROAD_TEST], LONG_AGO_MS)
        holder = organisation_by_code(session, "holder")
        record_licence(session, officer_id=OFFICER, organisation=holder, expires_at_ms=FAR_AHEAD_MS, now_ms=LONG_AGO_MS)
    return city


def test_every_decision_acts_at_once_on_both_workers_and_nothing_is_lost(city: City, tmp_path: Path) -> None:
    cars = [name for names in CARS.values() for name in names]
    moments: dict[str, tuple[int, int]] = {}
    with (
        mosquitto(tmp_path, users=users(cars), acl=platform_acl()) as broker,
        worker_process(city, broker.port, name="low", partitions=HALVES[0]) as low,
        worker_process(city, broker.port, name="high", partitions=HALVES[1]) as high,
        AgentGroup(f"mqtt://127.0.0.1:{broker.port}", tmp_path / "ring") as group,
    ):
        for worker, name in ((low, "low"), (high, "high")):
            told = (f"{name}: running", f"{name}-neighbours listens to the service bus")
            wait_until(lambda worker=worker, told=told: all(words in worker.log() for words in told), 60.0)
        traffic = Traffic(group)
        with traffic.running():
            wait_until(lambda: all(verdicts(city, name) for name in cars), 60.0)
            for role, (decide, finding) in DECISIONS.items():
                moments[role] = decided(city, decide)
                for name in CARS[role]:
                    wait_until(lambda name=name, finding=finding: verdicts(city, name)[-1][1] == finding, 60.0)
            time.sleep(1.0)
        assert group.wait_settled(60.0) == 0
    for role in ROLES:
        for name in CARS[role]:
            judged = verdicts(city, name)
            assert [timestamp_ms for timestamp_ms, _ in judged] == traffic.taken[name].timestamps
            assert_acted(judged, moments.get(role), DECISIONS[role][1] if role in DECISIONS else None)
    assert city.rows("SELECT count(*) FROM rejects") == [(0,)]
    assert city.replay_differences() == []


def decided(city: City, decide: Callable[[Session, int], None]) -> tuple[int, int]:
    """The instants at which the decision began, and at which its commit had ended."""
    began_ms = system_clock()
    with changing_session(city.engine) as session:
        decide(session, began_ms)
    return began_ms, system_clock()


def assert_acted(judged: Sequence[tuple[int, int]], moment: tuple[int, int] | None, finding: Finding | None) -> None:
    began_ms, ended_ms = moment or (FAR_AHEAD_MS, FAR_AHEAD_MS)
    before = {verdict for timestamp_ms, verdict in judged if timestamp_ms < began_ms}
    after = {verdict for timestamp_ms, verdict in judged if timestamp_ms > ended_ms}
    assert before == {0}
    assert after == (set() if finding is None else {int(finding)})


def verdicts(city: City, name: str) -> list[tuple[int, int]]:
    """(time, verdict) of a car's samples, in their order."""
    rows = city.rows(
        "SELECT timestamp_ms, verdict FROM samples WHERE vehicle = :key ORDER BY timestamp_ms", key=city.keys[name]
    )
    return [(as_int(timestamp_ms), as_int(verdict)) for timestamp_ms, verdict in rows]
