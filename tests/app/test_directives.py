"""From a decision on a permit to a vehicle that complies, or does not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import Engine, select

from app.database import changing_session, reading_session
from app.errors import Conflict, InvalidChange
from app.models import AuditEntry, Cause, DirectiveRow, Notice, Outcome, RejectRow, Vehicle
from app.services.directives import DEADLINE_MS, demand, release
from app.services.permit_life import Decision
from app.storage import open_store
from telemetry.directives import Answer, DirectiveKind, Orders, Reply, encode_answer
from telemetry.messages import directive_topic
from telemetry.ports import RejectReason
from tests.app.directive_cast import CAR, DRIVING, OTHER, STANDING, Road, give, reinstate, suspend
from tests.app.permit_cast import REGULATOR, decided, person


@pytest.fixture
def road(engine: Engine) -> Road:
    return Road(engine)


def test_a_suspension_tells_its_vehicles_to_halt_and_telemetry_shows_that_they_do(road: Road) -> None:
    road.drives(DRIVING, 3)
    suspend(road)
    assert road.told() == road.told(OTHER) == [[DirectiveKind.HALT]]
    directive = road.only()
    assert (directive.cause, directive.issued_by is not None) == (Cause.PERMIT, True)
    assert directive.deadline_ms == directive.issued_at_ms + DEADLINE_MS
    road.answers(directive.directive_id, Reply.RECEIVED)
    road.answers(directive.directive_id, Reply.ACCEPTED)
    road.drives(DRIVING, 2)
    road.drives(STANDING, 3)
    assert road.only().complied_at_ms is None, "standing for two seconds is a red light"
    road.drives(STANDING, 1)
    assert road.only().complied_at_ms == road.now_ms
    assert road.replies() == [(Reply.RECEIVED, ""), (Reply.ACCEPTED, "")]
    road.follows()
    assert road.only().settled_at_ms is None, "it has to stand until it is released"
    assert road.told() == road.told(OTHER) == [[DirectiveKind.HALT]]
    assert road.differences() == []


def test_a_release_is_told_until_the_vehicle_says_that_it_knows(road: Road) -> None:
    suspend(road)
    road.drives(STANDING, 4)
    reinstate(road)
    complied, other = road.only(), road.only(OTHER)
    assert (complied.outcome, other.outcome) == (Outcome.RELEASED, Outcome.WITHDRAWN)
    assert complied.settled_reason == "because reinstated"
    for vehicle_id, row in ((CAR, complied), (OTHER, other)):
        assert road.newest(vehicle_id).directives == ()
        assert [each.directive_id for each in road.newest(vehicle_id).released] == [row.directive_id]
    road.follows()
    assert road.only().release_owed, "it has said nothing yet"
    road.answers(complied.directive_id, Reply.RELEASED)
    for _twice in range(2):
        road.follows()
    assert (road.only().release_owed, road.only(OTHER).release_owed) == (False, True)
    assert road.newest() == Orders(0), "the broker need not keep it any longer"
    assert len(road.told()) == 3
    with reading_session(road.engine) as session:
        told = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_id == complied.directive_id))
        assert list(told) == ["directive.issued", "directive.released", "directive.release_heard"]


def test_an_order_stands_beside_the_halt_of_a_permit(road: Road) -> None:
    suspend(road)
    give(road, DirectiveKind.HALT, {})
    reinstate(road)
    assert [each.kind for each in road.newest().directives] == [DirectiveKind.HALT]
    assert len(road.newest().released) == 1
    with changing_session(road.engine) as session:
        order = session.scalars(select(DirectiveRow).where(DirectiveRow.cause == Cause.ORDER)).one()
        release(session, [order], reason="over", now_ms=road.now_ms, actor=person(session, REGULATOR))
    assert road.newest().directives == ()
    assert len(road.newest().released) == 2


def test_who_starts_again_or_does_not_say_has_not_complied(road: Road) -> None:
    suspend(road)
    road.drives(STANDING, 3)
    road.drives(DRIVING, 1)
    road.drives(STANDING, 2)
    road.drives(None, 10)
    assert road.only().complied_at_ms is None
    road.drives(STANDING, 1)
    assert road.only().complied_at_ms == road.now_ms, "saying nothing neither counts nor interrupts"


def test_what_was_sent_before_the_directive_shows_nothing(road: Road) -> None:
    with changing_session(road.engine) as session:
        decided(session, Decision.SUSPENDED, seen=1, now_ms=road.now_ms + 60_000)
    road.drives(STANDING, 20)
    assert road.only().complied_at_ms is None


def test_one_that_does_not_comply_is_escalated_once(road: Road) -> None:
    suspend(road)
    road.drives(DRIVING, 119)
    road.follows()
    assert road.only().overdue_at_ms is None
    road.drives(DRIVING, 1)
    for _twice in range(2):
        road.follows()
    assert road.only().overdue_at_ms == road.now_ms
    with reading_session(road.engine) as session:
        notices = session.scalars(select(Notice).where(Notice.kind == "directive.overdue")).all()
        kinds = [notice.kind for notice in notices]
        assert all(notice.organisation_id and notice.jurisdiction_id for notice in notices), "operator and regulators"
        actions = list(session.scalars(select(AuditEntry.action).where(AuditEntry.action == "directive.overdue")))
    assert len(kinds) == len(actions) == 2, "both cars, each once"
    road.drives(STANDING, 4)
    road.follows()
    assert road.only().complied_at_ms is not None, "late is better than never"


def notices(road: Road) -> list[tuple[str, str]]:
    with reading_session(road.engine) as session:
        told = session.scalars(select(Notice).where(Notice.subject_type == "directive").order_by(Notice.id))
        return [(notice.kind.removeprefix("directive."), notice.params["vehicle"]) for notice in told]


def test_a_refusal_is_told_at_once_and_silence_after_a_third_of_the_time(road: Road) -> None:
    suspend(road)
    road.answers(road.only().directive_id, Reply.RECEIVED)
    road.answers(road.only().directive_id, Reply.REFUSED, detail="no hard shoulder")
    for _twice in range(2):
        road.follows()
    assert notices(road) == [("refused", CAR)]
    road.now_ms += DEADLINE_MS // 3 - 1
    road.follows()
    assert notices(road) == [("refused", CAR)]
    road.now_ms += 1
    for _twice in range(2):
        road.follows()
    assert notices(road) == [("refused", CAR), ("unanswered", OTHER)]
    with reading_session(road.engine) as session:
        refused = session.scalars(select(AuditEntry).where(AuditEntry.action == "directive.refused")).one()
        assert refused.reason == "no hard shoulder"


def test_who_complied_owes_no_answer(road: Road) -> None:
    suspend(road)
    for vehicle_id in (CAR, OTHER):
        road.drives(STANDING, 4, vehicle_id)
    road.now_ms += DEADLINE_MS
    road.follows()
    assert notices(road) == []


def test_what_the_broker_has_is_noted_of_the_directive(road: Road) -> None:
    suspend(road)
    store = open_store(road.engine)
    pending = store.pending(10, [vehicle.partition for vehicle in cars(road)])
    mine = [key for key, message in pending if message.topic == directive_topic(CAR)]
    store.sent(mine, road.now_ms + 7)
    assert road.only().sent_at_ms == road.now_ms + 7
    assert road.only(OTHER).sent_at_ms is None
    assert road.told() == []


def cars(road: Road) -> Sequence[Vehicle]:
    with reading_session(road.engine) as session:
        return session.scalars(select(Vehicle)).all()


def test_a_slow_order_is_complied_with_at_its_own_speed(road: Road) -> None:
    give(road, DirectiveKind.SLOW, {"speed_mps": 5.0})
    road.drives(DRIVING, 5)
    assert road.only().complied_at_ms is None, "below the permit's cap, above the order's"
    road.drives(5.4, 4)
    assert road.only().complied_at_ms == road.now_ms, "what a speed limit tolerates"


@pytest.mark.parametrize(("side_deg", "leaves"), [(0.01, False), (0.001, True)])
def test_a_place_is_left_when_the_whole_accuracy_circle_is_out(road: Road, *, side_deg: float, leaves: bool) -> None:
    lon, lat = 113.905 + 0.0011, 22.51  # the car stands at 113.905
    ring = [[lon - side_deg, lat - side_deg], [lon + side_deg, lat - side_deg], [lon + side_deg, lat + side_deg]]
    ring += [[lon - side_deg, lat + side_deg], ring[0]]
    give(road, DirectiveKind.LEAVE, {"place": {"type": "Polygon", "coordinates": [ring]}})
    road.drives(STANDING, 8)
    assert (road.only().complied_at_ms is not None) is leaves
    assert road.differences() == []


def test_an_answer_is_stored_once_whoever_sends_it_again(road: Road) -> None:
    suspend(road)
    payload = encode_answer(Answer(road.only().directive_id, Reply.REFUSED, road.now_ms, "在桥上"))
    for _again in range(3):
        road.says(payload)
    assert road.replies() == [(Reply.REFUSED, "在桥上")]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b'{"directive_id":"","reply":"accepted","timestamp":1}',
        b'{"directive_id":"D","reply":"maybe"}',
    ],
)
def test_an_answer_that_is_none_is_a_record(road: Road, payload: bytes) -> None:
    road.says(payload)
    with reading_session(road.engine) as session:
        reject = session.scalars(select(RejectRow)).one()
        assert (reject.reason, reject.payload, reject.vehicle) == (RejectReason.INVALID_FIELD, payload, 1)


def test_nobody_answers_for_another(road: Road) -> None:
    suspend(road)
    road.answers(road.only().directive_id, Reply.ACCEPTED, vehicle_id=OTHER)
    road.answers("D-unknown", Reply.ACCEPTED)
    assert road.replies() == []
    with reading_session(road.engine) as session:
        assert len(session.scalars(select(RejectRow)).all()) == 2


def test_a_new_directive_replaces_the_one_of_its_kind_and_cause(road: Road) -> None:
    for reason in ("first", "second"):
        with changing_session(road.engine) as session:
            cars = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == CAR)).all()
            demand(
                session,
                cars,
                DirectiveKind.HALT,
                cause=Cause.ORDER,
                cause_id="",
                reason=reason,
                now_ms=road.now_ms,
                actor=person(session, REGULATOR),
            )
    first, second = road.directives()
    assert (first.outcome, second.outcome) == (Outcome.REPLACED, None)
    assert road.told() == [[DirectiveKind.HALT], [DirectiveKind.HALT]]


def test_a_directive_needs_a_reason_and_time(road: Road) -> None:
    with changing_session(road.engine) as session:
        cars = session.scalars(select(Vehicle)).all()
        actor = person(session, REGULATOR)
        for terms in ({"reason": " "}, {"reason": "fire", "deadline_ms": road.now_ms}):
            with pytest.raises(InvalidChange):
                demand(
                    session,
                    cars,
                    DirectiveKind.HALT,
                    cause=Cause.ORDER,
                    cause_id="",
                    now_ms=road.now_ms,
                    actor=actor,
                    **terms,  # type: ignore[arg-type]  # of a table
                )


def test_what_is_over_is_not_released_again(road: Road) -> None:
    suspend(road)
    reinstate(road)
    with changing_session(road.engine) as session:
        rows = session.scalars(select(DirectiveRow)).unique().all()
        with pytest.raises(Conflict):
            release(session, rows, reason="over", now_ms=road.now_ms, actor=None)
