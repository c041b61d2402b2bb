"""A permit that is restricted to some people: from that decision on nobody else steers without a finding."""

from __future__ import annotations

import json

from sqlalchemy import Engine, select

from app.database import changing_session, reading_session, snapshot_connection
from app.models import Organisation, Sample
from app.registry import DatabaseRegistry
from app.services.officers import record_licence
from app.services.organisations import register_organisation
from app.storage import open_store, stored_alerts, stored_batches
from geofences.datum import VerticalReference
from telemetry.findings import Finding
from telemetry.messages import Message, telemetry_topic
from telemetry.pipeline import Pipeline
from telemetry.replay import judge_again
from tests.app.permit_cast import DAY_MS, NOW, issue, register_everything, restricted

CAR = "N-1"
FIRST_MS = NOW + 1_000


class Road:
    """N-1 on the road R1, with a worker that judges what it sends."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.registry = DatabaseRegistry(engine, VerticalReference())
        self.pipeline = Pipeline(self.registry, open_store(engine), lambda: FIRST_MS)
        self.sent = 0

    def drive(self, *officers: str | None) -> list[tuple[Finding, Finding]]:
        """One sample for each name, in one flush; found and undecided."""
        first = self.sent + 1
        self.pipeline.process([self._message(officer_id) for officer_id in officers])
        with reading_session(self.engine) as session:
            rows = session.execute(
                select(Sample.verdict, Sample.undecided).where(Sample.seq >= first).order_by(Sample.seq)
            )
            return [(Finding(verdict), Finding(undecided)) for verdict, undecided in rows]

    def _message(self, officer_id: str | None) -> Message:
        self.sent += 1
        taken_ms = FIRST_MS + 100 * self.sent
        location = {"lat": 22.51, "lng": 113.905, "speed": 0.0, "horizontal_accuracy": 0.5}
        said = {"mode": "autonomous", "safety_officer": "onboard", "passengers": 0}
        sample = {"seq": self.sent, "timestamp": taken_ms, "location": location, "officer_id": officer_id, **said}
        payload = json.dumps({name: value for name, value in sample.items() if value is not None}).encode()
        return Message(telemetry_topic(CAR), payload, taken_ms)

    def differences(self) -> list[object]:
        with snapshot_connection(self.engine) as connection:
            return list(judge_again(stored_batches(connection), self.registry, stored_alerts(connection)))


NOTHING = (Finding(0), Finding(0))
FOUND = (Finding.OFFICER_NOT_PERMITTED, Finding(0))


def test_after_a_restriction_of_people_no_sample_of_others_is_without_the_finding(engine: Engine) -> None:
    register_everything(engine)
    with changing_session(engine) as session:
        issue(session)
    road = Road(engine)
    assert road.drive("SO-1", "SO-2") == [NOTHING, NOTHING]
    with changing_session(engine) as session:
        restricted(session, officers=["SO-1"])
    assert road.drive(*["SO-1", "SO-2"] * 8, "SO-2") == [*[NOTHING, FOUND] * 8, FOUND]
    assert road.drive(None) == [(Finding.INDETERMINATE, Finding.OFFICER_NOT_PERMITTED)]
    assert road.differences() == []


def test_a_permit_that_names_nobody_is_for_everybody_of_its_holder(engine: Engine) -> None:
    register_everything(engine)
    with changing_session(engine) as session:
        issue(session, named=())
        other = register_organisation(session, code="SOUTH", name_zh="南方", name_en="South", now_ms=NOW)
        record_licence(session, officer_id="SO-S", organisation=other, expires_at_ms=NOW + DAY_MS, now_ms=NOW)
    road = Road(engine)
    assert road.drive("SO-2", "SO-S", "SO-3", None) == [
        NOTHING,
        FOUND,
        (Finding.INDETERMINATE, Finding.LICENCE_EXPIRED | Finding.OFFICER_NOT_PERMITTED),
        NOTHING,
    ]
    with changing_session(engine) as session:
        holder = session.scalars(select(Organisation).where(Organisation.code == "NORTH")).one()
        record_licence(session, officer_id="SO-3", organisation=holder, expires_at_ms=NOW + DAY_MS, now_ms=NOW)
    assert road.drive("SO-3") == [NOTHING]
    with changing_session(engine) as session:
        restricted(session, officers=["SO-3"])
    assert road.drive("SO-2", "SO-3", "SO-S", "SO-4") == [
        FOUND,
        NOTHING,
        FOUND,
        (FOUND[0] | Finding.INDETERMINATE, Finding.LICENCE_EXPIRED),
    ]
    assert road.differences() == []
