"""The cast of the tests of directives: two cars under one permit, and a worker that judges what they send."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Engine, select

from app.chores import CHORES
from app.database import changing_session, reading_session, snapshot_connection
from app.models import Cause, DirectiveAnswer, DirectiveRow, OutboxRow, Vehicle
from app.registry import DatabaseRegistry
from app.services.directives import demand
from app.services.permit_life import Decision
from app.storage import open_store, stored_alerts, stored_batches
from geofences.datum import VerticalReference
from telemetry.directives import Answer, DirectiveKind, Orders, Reply, decode_orders, encode_answer
from telemetry.messages import Message, directive_topic, telemetry_topic
from telemetry.pipeline import Pipeline
from telemetry.replay import judge_again
from tests.app.permit_cast import NOW, REGULATOR, decided, issue, person, register_everything

CAR, OTHER = "N-1", "N-2"
DRIVING, STANDING = 8.0, 0.0


class Road:
    """The cast's two cars under one permit, with a worker that judges what they send."""

    def __init__(self, engine: Engine) -> None:
        register_everything(engine)
        with changing_session(engine) as session:
            issue(session)
        self.engine = engine
        self.now_ms = NOW + 10
        self.registry = DatabaseRegistry(engine, VerticalReference())
        self.pipeline = Pipeline(self.registry, open_store(engine), lambda: self.now_ms)

    def drives(self, speed_mps: float | None, seconds: int, vehicle_id: str = CAR) -> None:
        """One sample a second, each in a flush of its own."""
        for _ in range(seconds):
            self.now_ms += 1_000
            self.pipeline.process([self._sample(vehicle_id, speed_mps)])

    def answers(self, directive_id: str, reply: Reply, vehicle_id: str = CAR, detail: str = "") -> None:
        payload = encode_answer(Answer(directive_id, reply, self.now_ms, detail))
        self.says(payload, vehicle_id)

    def says(self, payload: bytes, vehicle_id: str = CAR) -> None:
        self.pipeline.process([Message(f"{directive_topic(vehicle_id)}/ack", payload, self.now_ms)])

    def follows(self) -> None:
        """What the platform does each second."""
        next(chore for chore in CHORES if chore.name == "follow_directives").run(self.engine, self.now_ms)

    def _sample(self, vehicle_id: str, speed_mps: float | None) -> Message:
        location = {"lat": 22.51, "lng": 113.905, "horizontal_accuracy": 0.5, "speed": speed_mps}
        said = {"mode": "autonomous", "safety_officer": "onboard", "officer_id": "SO-1", "passengers": 0}
        sample = {"seq": self.now_ms, "timestamp": self.now_ms, "location": location, **said}
        return Message(telemetry_topic(vehicle_id), json.dumps(sample).encode(), self.now_ms)

    # --- what is in the database

    def directives(self, vehicle_id: str = CAR) -> Sequence[DirectiveRow]:
        with reading_session(self.engine) as session:
            query = select(DirectiveRow).join(Vehicle).where(Vehicle.vehicle_id == vehicle_id)
            return session.scalars(query.order_by(DirectiveRow.id)).unique().all()

    def only(self, vehicle_id: str = CAR) -> DirectiveRow:
        (row,) = self.directives(vehicle_id)
        return row

    def told(self, vehicle_id: str = CAR) -> list[list[DirectiveKind]]:
        """What went to the vehicle's topic: the kinds of each message."""
        return [[directive.kind for directive in orders.directives] for orders in self.orders(vehicle_id)]

    def newest(self, vehicle_id: str = CAR) -> Orders:
        """What the vehicle's topic holds."""
        return self.orders(vehicle_id)[-1]

    def orders(self, vehicle_id: str) -> list[Orders]:
        with reading_session(self.engine) as session:
            query = select(OutboxRow).where(OutboxRow.topic == directive_topic(vehicle_id)).order_by(OutboxRow.id)
            rows = session.scalars(query).all()
        assert all(row.retain and row.partition is not None for row in rows)
        return [decode_orders(row.payload) for row in rows]

    def replies(self) -> list[tuple[Reply, str]]:
        with reading_session(self.engine) as session:
            rows = session.scalars(select(DirectiveAnswer).order_by(DirectiveAnswer.id)).all()
            return [(row.reply, row.detail) for row in rows]

    def differences(self) -> list[object]:
        with snapshot_connection(self.engine) as connection:
            return list(judge_again(stored_batches(connection), self.registry, stored_alerts(connection)))


def suspend(road: Road) -> None:
    with changing_session(road.engine) as session:
        decided(session, Decision.SUSPENDED, seen=1, now_ms=road.now_ms)


def reinstate(road: Road) -> None:
    with changing_session(road.engine) as session:
        decided(session, Decision.REINSTATED, seen=2, now_ms=road.now_ms)


def give(road: Road, kind: DirectiveKind, terms: dict[str, object]) -> None:
    with changing_session(road.engine) as session:
        demand(
            session,
            session.scalars(select(Vehicle).where(Vehicle.vehicle_id == CAR)).all(),
            kind,
            cause=Cause.ORDER,
            cause_id="",
            reason="fire",
            now_ms=road.now_ms,
            actor=person(session, REGULATOR),
            terms=terms,
        )
