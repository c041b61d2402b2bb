"""The cast of the tests of emergencies: two cars on a road of a kilometre, a worker, and the platform's second hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, select

from app.database import changing_session, reading_session
from app.models import DirectiveRow, Emergency, EmergencyVehicle, Notice, OutboxRow, Vehicle
from app.registry import DatabaseRegistry
from app.schemas.emergencies import Declaration
from app.services.directive_escalation import note_overdue
from app.services.directives import note_heard_releases
from app.services.emergencies import active_emergencies, declare, end
from app.services.emergency_following import EmergencyFollower
from app.services.emergency_sightings import Senses
from app.storage import open_store
from geofences.datum import VerticalReference
from telemetry.directives import Answer, Directive, Reply, decode_orders, encode_answer
from telemetry.messages import Message, directive_topic, telemetry_topic
from telemetry.pipeline import Pipeline
from tests.app.permit_cast import NOW, REGULATOR, issue, person, register_everything

CAR, OTHER = "N-1", "N-2"
SENSES = Senses(VerticalReference(ground_elevation_m=10.0), 2.0)
#: In the middle of the first road, which runs along this latitude from lon 113.900 to 113.910.
LON, LAT = 113.905, 22.51
RADIUS_M = 200.0
#: Metres of a degree of longitude there.
_LON_M = 102_880.0


class Scene:
    """The cast's two cars under one permit, with a worker that judges what they send."""

    def __init__(self, engine: Engine) -> None:
        register_everything(engine)
        with changing_session(engine) as session:
            issue(session)
        self.engine = engine
        self.now_ms = NOW + 10
        self.seq = 0
        #: Metres east of the middle of the place, and east a second (negative: west).
        self.east_m = {CAR: 100.0, OTHER: -100.0}
        self.speed_mps = {CAR: 0.0, OTHER: 0.0}
        self.silent: set[str] = set()
        self.registry = DatabaseRegistry(engine, SENSES.vertical)
        self.pipeline = self.restarted()
        self.follower = EmergencyFollower(SENSES)

    def restarted(self) -> Pipeline:
        """A worker that remembers nothing."""
        self.pipeline = Pipeline(self.registry, open_store(self.engine), lambda: self.now_ms)
        return self.pipeline

    # --- what happens

    def passes(self, seconds: int, **changes: Any) -> None:
        """Each second every car that is not silent drives on and says where it is, and the platform looks."""
        for _ in range(seconds):
            self.now_ms += 1_000
            for vehicle_id, east_m in self.east_m.items():
                self.east_m[vehicle_id] = east_m + self.speed_mps[vehicle_id]
                if vehicle_id not in self.silent:
                    self.says(vehicle_id, **changes)
            self.follows()

    def waits(self, seconds: int) -> None:
        """Nobody says anything for so long, and the platform looks at the end."""
        self.now_ms += seconds * 1_000
        self.follows()

    def says(self, vehicle_id: str, *, ahead_ms: int = 0, **changes: Any) -> None:
        """One sample; `ahead_ms`: its clock runs ahead."""
        self.seq += 1
        speed_mps = self.speed_mps[vehicle_id]
        location = {"lat": LAT, "lng": LON + self.east_m[vehicle_id] / _LON_M, "horizontal_accuracy": 0.5}
        location |= {"heading": 90.0 if speed_mps >= 0 else 270.0, "speed": abs(speed_mps)} | changes
        said = {"mode": "autonomous", "safety_officer": "onboard", "officer_id": "SO-1", "passengers": 0}
        said |= {"altitude_datum": "AMSL"} if "altitude" in changes else {}
        sample = {"seq": self.seq, "timestamp": self.now_ms + ahead_ms, "location": location, **said}
        self.pipeline.process([Message(telemetry_topic(vehicle_id), json.dumps(sample).encode(), self.now_ms)])

    def answers(self, vehicle_id: str, reply: Reply) -> None:
        payload = encode_answer(Answer(self.newest(vehicle_id).directive_id, reply, self.now_ms))
        self.pipeline.process([Message(f"{directive_topic(vehicle_id)}/ack", payload, self.now_ms)])

    def follows(self) -> None:
        """What the platform does each second."""
        self.follower.run(self.engine, self.now_ms)
        with changing_session(self.engine) as session:
            note_heard_releases(session, self.now_ms)
            note_overdue(session, self.now_ms)

    def declares(self, **changes: Any) -> str:
        circle = {"lon": LON, "lat": LAT, "radius_m": RADIUS_M}
        given = {"jurisdiction": "CITY", "circle": circle, "reason": "气体泄漏"} | changes
        with changing_session(self.engine) as session:
            declaration = Declaration.model_validate(given)
            actor = person(session, REGULATOR)
            return declare(session, declaration, senses=SENSES, actor=actor, now_ms=self.now_ms).number

    def ends(self, version: int | None = None) -> None:
        with changing_session(self.engine) as session:
            (emergency,) = active_emergencies(session)
            end(
                session,
                emergency,
                reason="已排除",
                expected_version=emergency.version if version is None else version,
                actor=person(session, REGULATOR),
                now_ms=self.now_ms,
            )

    # --- what is in the database

    def emergency(self) -> Emergency:
        with reading_session(self.engine) as session:
            return session.scalars(select(Emergency)).one()

    def told(self) -> dict[str, EmergencyVehicle]:
        with reading_session(self.engine) as session:
            rows = session.scalars(select(EmergencyVehicle).order_by(EmergencyVehicle.id)).all()
            return {row.vehicle.vehicle_id: row for row in rows}

    def directives(self, vehicle_id: str) -> Sequence[DirectiveRow]:
        with reading_session(self.engine) as session:
            query = select(DirectiveRow).join(Vehicle).where(Vehicle.vehicle_id == vehicle_id)
            return session.scalars(query.order_by(DirectiveRow.id)).unique().all()

    def newest(self, vehicle_id: str) -> DirectiveRow:
        return self.directives(vehicle_id)[-1]

    def demanded(self, vehicle_id: str) -> tuple[Directive, ...]:
        """What the vehicle's topic holds."""
        with reading_session(self.engine) as session:
            query = select(OutboxRow).where(OutboxRow.topic == directive_topic(vehicle_id)).order_by(OutboxRow.id)
            rows = session.scalars(query).all()
        return decode_orders(rows[-1].payload).directives if rows else ()

    def notices(self, kind: str) -> list[Notice]:
        with reading_session(self.engine) as session:
            return list(session.scalars(select(Notice).where(Notice.kind == kind).order_by(Notice.id)))
