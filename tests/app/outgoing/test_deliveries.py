"""The outbox: from a notice to an answer, whatever the other side does and whoever dies in between."""

from __future__ import annotations

import json
import logging
import threading

import pytest

from app.chores import CHORES
from app.database import changing_session, open_engine
from app.errors import InvalidChange
from app.models import DeliveryState, Failure
from app.outgoing.messages import failed
from app.services.channels import secret_of
from app.services.deliveries import (
    LEASE_MS,
    PAUSE_AFTER_FAILURES,
    PAUSE_MS,
    STALE_MS,
    claim,
    delivery_by_id,
    note_answer,
    send_again,
)
from app.services.delivery_times import BACKOFFS_MS
from tests.app.outgoing.office import HOUR, KEY, MINUTE, NOON, Office
from tests.app.outgoing.receivers import Receiver, answers, hangs, receiving
from tests.app.permit_cast import MANAGER, person

#: Longer than any jitter makes a wait.
_LONGER = 1.2


def told(receiver: Receiver) -> list[list[str]]:
    """The texts of each message that came."""
    return [[notice["text"]["en"] for notice in json.loads(each.body)["notices"]] for each in receiver.requests]


def ids(receiver: Receiver) -> list[str]:
    return [each.headers["Pilotage-Delivery"] for each in receiver.requests]


def test_a_notice_leaves_on_the_channels_of_whom_it_is_for(office_on_each: Office, receiver: Receiver) -> None:
    office_on_each.channel(receiver.url)
    office_on_each.channel(receiver.url, of_city=True)
    office_on_each.channel(receiver.url, topics=["incidents"])
    office_on_each.channel(receiver.url, enabled=False)
    for _twice in range(2):
        office_on_each.tell()
    office_on_each.send()
    assert told(receiver) == [["A 1"], ["A 1"]]
    assert [each.state for each in office_on_each.deliveries()] == [DeliveryState.SENT] * 2
    first = office_on_each.deliveries()[0]
    assert (first.attempts, first.answer_status, first.answer, first.sent_at_ms) == (1, 200, "thanks", NOON)
    assert set(ids(receiver)) == {each.delivery_id for each in office_on_each.deliveries()}
    office_on_each.send()
    assert len(receiver.requests) == 2


def test_a_test_message_takes_the_same_way(office: Office, receiver: Receiver) -> None:
    delivery_id = office.test_message(office.channel(receiver.url))
    office.send()
    body = json.loads(receiver.requests[0].body)
    assert (body["delivery"], body["test"], body["notices"]) == (delivery_id, True, [])
    assert ("channel.tested", MANAGER) in office.audited()


def test_a_failure_is_repeated_with_back_off_under_the_same_id(office: Office) -> None:
    with receiving(answers(500, "out of order"), answers(200)) as receiver:
        office.channel(receiver.url)
        office.tell()
        office.send()
        failed = office.only()
        assert (failed.state, failed.answer_status, failed.answer) == (DeliveryState.FAILED, 500, "out of order")
        office.send()
        assert len(receiver.requests) == 1, "it waits"
        office.passes(round(BACKOFFS_MS[0] * _LONGER))
        office.send()
        assert office.only().state is DeliveryState.SENT
        assert len(set(ids(receiver))) == 1


def test_what_fails_seven_times_is_given_up_told_and_sent_again_by_hand(office: Office) -> None:
    with receiving(*[answers(503)] * 7, answers(200)) as receiver:
        channel_id = office.channel(receiver.url)
        office.tell()
        for wait_ms in (*BACKOFFS_MS, 0):
            assert office.only().state is not DeliveryState.GIVEN_UP if office.deliveries() else True
            office.send()
            office.passes(round(wait_ms * _LONGER))
        given_up = office.only()
        assert (given_up.state, given_up.attempts, given_up.next_attempt_at_ms) == (DeliveryState.GIVEN_UP, 7, None)
        (notice,) = office.notices("delivery.")
        assert (notice.kind, notice.subject_id) == ("delivery.given_up", channel_id)
        with changing_session(office.engine) as session:
            manager = person(session, MANAGER)
            found = delivery_by_id(session, given_up.delivery_id, manager)
            send_again(session, found, actor=manager, now_ms=office.now_ms)
        office.send()
        assert office.only().state is DeliveryState.SENT
        assert len(receiver.requests) == 8
        with changing_session(office.engine) as session:
            manager = person(session, MANAGER)
            arrived = delivery_by_id(session, given_up.delivery_id, manager)
            with pytest.raises(InvalidChange):
                send_again(session, arrived, actor=manager, now_ms=office.now_ms)


def test_gone_switches_the_channel_off_and_says_so(office_on_each: Office) -> None:
    with receiving(answers(410)) as receiver:
        channel_id = office_on_each.channel(receiver.url)
        office_on_each.tell()
        office_on_each.send()
        office_on_each.tell(occasion="2")
        office_on_each.send()
    assert len(receiver.requests) == 1
    assert not office_on_each.row(channel_id).enabled
    assert office_on_each.only().state is DeliveryState.GIVEN_UP
    assert [notice.kind for notice in office_on_each.notices("channel.")] == ["channel.disabled"]
    assert office_on_each.audited()[-1] == ("channel.disabled", "platform")


def test_a_channel_that_fails_on_and_on_rests_is_told_of_and_comes_back(office: Office) -> None:
    with receiving(*[answers(500)] * PAUSE_AFTER_FAILURES, answers(200)) as receiver:
        channel_id = office.channel(receiver.url)
        for number in range(PAUSE_AFTER_FAILURES):
            office.tell(occasion=str(number))
            office.send()
            office.passes(1_000)
        assert office.row(channel_id).paused_at_ms is not None
        assert [notice.kind for notice in office.notices("channel.")] == ["channel.paused"]
        seen = len(receiver.requests)
        office.passes(PAUSE_MS // 2)
        office.send()
        assert len(receiver.requests) == seen, "it rests"
        office.passes(PAUSE_MS // 2)
        while any(each.state is DeliveryState.FAILED for each in office.deliveries()):
            office.send()
            office.passes(MINUTE)
        assert office.row(channel_id).paused_at_ms is None
        assert [action for action, _ in office.audited()][-2:] == ["channel.paused", "channel.resumed"]
        assert {number for numbers in told(receiver) for number in numbers} == {f"A {n}" for n in range(10)}


def test_one_that_hangs_keeps_nobody_else_waiting(office: Office, receiver: Receiver) -> None:
    with receiving(hangs) as hanging:
        office.channel(hanging.url)
        office.channel(receiver.url)
        office.tell()
        thread = office.process(office.engine, timeout_s=20.0)
        thread.step()
        while not receiver.requests:
            threading.Event().wait(0.01)
        office.tell(occasion="2")
        while len(receiver.requests) < 2:
            thread.step()
            threading.Event().wait(0.01)
        assert len(hanging.requests) <= 1, "one message at a time to each channel"
    thread.wait(20.0)


def test_two_processes_send_each_message_once(office_on_each: Office, receiver: Receiver, database_url: str) -> None:
    for _ in range(4):
        office_on_each.channel(receiver.url)
    office_on_each.tell()
    engines = [open_engine(database_url) for _ in range(2)]
    processes = [office_on_each.process(engine) for engine in engines]
    barrier = threading.Barrier(2)

    def work(number: int) -> None:
        barrier.wait(10)
        for _ in range(3):
            office_on_each.send(processes[number])

    workers = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    for engine in engines:
        engine.dispose()
    assert sorted(ids(receiver)) == sorted(each.delivery_id for each in office_on_each.deliveries())
    assert len(receiver.requests) == 4


def test_a_process_that_died_leaves_a_lease_and_another_sends_the_same_id(
    office_on_each: Office, receiver: Receiver
) -> None:
    office_on_each.channel(receiver.url)
    delivery_id = office_on_each.test_message(office_on_each.row(office_on_each.channel(receiver.url)).channel_id)
    with changing_session(office_on_each.engine) as session:
        (taken,) = claim(session, office_on_each.now_ms, 8)  # and then the power fails
        dead_lease = str(taken.lease)
    office_on_each.send()
    assert not receiver.requests, "it may be on its way"
    office_on_each.passes(LEASE_MS)
    office_on_each.send()
    assert ids(receiver) == [delivery_id]
    with changing_session(office_on_each.engine) as session:  # it was not dead, only slow: nobody believes it any more
        note_answer(session, taken.id, dead_lease, failed(Failure.REFUSED, "late", 500), office_on_each.now_ms)
    assert (office_on_each.only().state, office_on_each.only().attempts) == (DeliveryState.SENT, 2)


def test_what_waited_for_days_behind_a_closed_door_is_dropped_and_a_message_given_up(office_on_each: Office) -> None:
    with receiving(answers(500)) as receiver:
        channel_id = office_on_each.channel(receiver.url)
        office_on_each.tell()
        office_on_each.send()
        office_on_each.tell(occasion="2")
        office_on_each.switch(channel_id, enabled=False)
        office_on_each.passes(STALE_MS)
        next(chore for chore in CHORES if chore.name == "drop_stale_notifications").run(
            office_on_each.engine, office_on_each.now_ms
        )
        office_on_each.switch(channel_id, enabled=True)
        office_on_each.send()
    assert len(receiver.requests) == 1
    assert office_on_each.only().state is DeliveryState.GIVEN_UP
    assert not office_on_each.held()


def test_many_at_once_are_one_message(office: Office, receiver: Receiver) -> None:
    office.channel(receiver.url)
    for number in range(150):
        office.tell(occasion=str(number))
    office.send()
    office.send()
    assert [len(texts) for texts in told(receiver)] == [100, 50]


def test_quiet_hours_hold_back_what_is_not_critical(office: Office, receiver: Receiver) -> None:
    office.channel(receiver.url, quiet_from="22:00", quiet_until="07:00")
    office.passes(11 * HOUR)  # 23:00
    office.tell("permit.issued", "1")
    office.tell("permit.extended", "2")
    office.tell("permit.revoked", "3")
    office.send()
    assert told(receiver) == [["A 3"]]
    office.passes(8 * HOUR - 1)
    office.send()
    assert len(receiver.requests) == 1
    office.passes(1)  # 07:00 on the next day
    office.send()
    assert told(receiver)[1:] == [["A 1", "A 2"]]


def test_a_digest_collects_until_the_full_hour(office: Office, receiver: Receiver) -> None:
    office.channel(receiver.url, digest="hourly")
    for number in range(3):
        office.passes(10 * MINUTE)
        office.tell(occasion=str(number))
        office.send()
    assert not receiver.requests
    office.passes(30 * MINUTE)
    office.send()
    assert told(receiver) == [["A 0", "A 1", "A 2"]]


def test_no_secret_is_logged_audited_or_told(
    office: Office, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel_id = office.channel(receiver.url)
    office.test_message(channel_id)
    office.send()
    secret = secret_of(office.row(channel_id), KEY)
    salt = office.row(channel_id).secret_salt
    assert salt is not None
    with office.engine.connect() as connection:
        entries = connection.exec_driver_sql("SELECT after FROM audit_entries").all()
    request = receiver.requests[0]
    everything = caplog.text + str(entries) + str(request.headers) + request.body.decode() + office.only().answer
    assert secret not in everything
    assert salt.hex() not in everything


def test_what_the_platform_itself_cannot_do_is_an_answer_too(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    office.test_message(office.channel(receiver.url))
    monkeypatch.setattr(office.thread, "_compose", lambda _delivery: 1 / 0)
    office.send()
    assert office.only().state is DeliveryState.FAILED
    assert office.only().failure is Failure.PLATFORM
    assert "ZeroDivisionError" in caplog.text
