"""Deliveries: from notices that wait to messages that leave, each taken by one process at a time.

A message is claimed with a lease in one transaction, sent outside of any, and its answer noted in another.
A process that dies in between leaves a lease that runs out: the message is sent again, under the same id.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, selectinload

from app.audit import UNWATCHED, Subject, record, state_of
from app.calendar import day_of
from app.errors import InvalidChange, NotFound
from app.models import (
    Alert,
    AlertTelling,
    Delivery,
    DeliveryState,
    Notice,
    Notification,
    NotificationChannel,
    User,
)
from app.outgoing.messages import Answer
from app.services.channels import new_delivery, seen_by
from app.services.delivery_times import next_attempt_ms
from app.services.notice_topics import is_chained
from app.services.notices import notify
from app.services.pages import Page, read_page

#: Longer than any attempt takes.
LEASE_MS = 180_000
#: So many failures in a row, whatever the message, and a channel rests for so long.
PAUSE_AFTER_FAILURES = 10
PAUSE_MS = 3_600_000
#: What could not leave for so long is no news any more.
STALE_MS = 3 * 86_400_000
_PACKED_AT_ONCE = 1_000
_MOST_NOTICES = 100
_LEASE_BYTES = 16

_IS_OPEN = Delivery.state.in_((DeliveryState.WAITING, DeliveryState.FAILED))
_IS_HELD = and_(Notification.delivery_key.is_(None), Notification.spared_at_ms.is_(None))


def is_anything_due(session: Session, now_ms: int) -> bool:
    """Whether the two below have anything to do: asked each second."""
    held = select(Notification.id).join(Notification.channel).where(_IS_HELD, Notification.due_at_ms <= now_ms)
    waiting = select(Delivery.id).join(Delivery.channel).where(_may_leave(now_ms))
    is_switched_on = NotificationChannel.enabled
    return any(session.scalar(query.where(is_switched_on).limit(1)) is not None for query in (held, waiting))


def pack_due(session: Session, now_ms: int) -> None:
    """What is due on one channel becomes one message; alerts that somebody took care of are spared."""
    due = (
        select(Notification)
        .join(Notification.channel)
        .where(_IS_HELD, Notification.due_at_ms <= now_ms, NotificationChannel.enabled)
        .order_by(Notification.channel_key, Notification.id)
        .limit(_PACKED_AT_ONCE)
        .with_for_update(of=Notification, skip_locked=True)
    )
    for _key, of_channel in groupby(session.scalars(due).all(), lambda each: each.channel_key):
        wanted = [each for each in of_channel if not _is_spared(session, each, now_ms)]
        for first in range(0, len(wanted), _MOST_NOTICES):
            part = wanted[first : first + _MOST_NOTICES]
            delivery = new_delivery(part[0].channel, now_ms)
            session.add(delivery)
            session.flush()
            for each in part:
                each.delivery_key = delivery.id


def claim(session: Session, now_ms: int, most: int) -> Sequence[Delivery]:
    """Take messages to be sent now, of each channel the oldest, none of a channel that is being sent to."""
    busy = select(Delivery.channel_key).where(Delivery.leased_until_ms > now_ms)
    oldest = (
        select(func.min(Delivery.id))
        .join(Delivery.channel)
        .where(_may_leave(now_ms), NotificationChannel.enabled, Delivery.channel_key.not_in(busy))
        .group_by(Delivery.channel_key)
    )
    # Asked of the row once more: another process may have taken it since the oldest ones were looked for.
    query = (
        select(Delivery)
        .join(Delivery.channel)
        .where(Delivery.id.in_(oldest), _may_leave(now_ms))
        .order_by(Delivery.next_attempt_at_ms)
        .limit(most)
        .options(selectinload(Delivery.notifications))
        .with_for_update(of=Delivery, skip_locked=True)
    )
    claimed = session.scalars(query).all()
    for delivery in claimed:
        delivery.lease, delivery.leased_until_ms = secrets.token_hex(_LEASE_BYTES), now_ms + LEASE_MS
        delivery.attempts += 1
        delivery.address = delivery.channel.address
    return claimed


def note_answer(session: Session, delivery_key: int, lease: str, answer: Answer, now_ms: int) -> None:
    """What became of an attempt. Of one whose lease was taken over by another process nothing is noted."""
    delivery = session.get(Delivery, delivery_key, with_for_update={"of": Delivery}, populate_existing=True)
    if delivery is None or delivery.lease != lease:
        return
    whose = {"of": NotificationChannel}
    channel = session.get_one(NotificationChannel, delivery.channel_key, with_for_update=whose, populate_existing=True)
    delivery.lease = delivery.leased_until_ms = None
    delivery.answered_at_ms, delivery.answer_status, delivery.answer = now_ms, answer.status, answer.text
    delivery.failure = answer.failure
    if answer.is_accepted:
        delivery.state, delivery.sent_at_ms, delivery.next_attempt_at_ms = DeliveryState.SENT, now_ms, None
        _count_success(session, channel, now_ms)
        return
    again_ms = None if answer.is_gone else next_attempt_ms(now_ms, delivery.attempts)
    delivery.state = DeliveryState.GIVEN_UP if again_ms is None else DeliveryState.FAILED
    delivery.next_attempt_at_ms = again_ms
    session.flush()
    if answer.is_gone:
        _switch_off(session, channel, now_ms)
    else:
        _count_failure(session, channel, now_ms)
    if again_ms is None:
        _tell_given_up(session, channel, now_ms)


def send_again(session: Session, delivery: Delivery, *, actor: User, now_ms: int) -> None:
    """One that was given up, or waits for its next attempt, leaves now. Raises InvalidChange for one that arrived."""
    if delivery.state not in {DeliveryState.GIVEN_UP, DeliveryState.FAILED}:
        raise InvalidChange("it has arrived, or is on its way", code="delivery_not_failed")
    delivery.state, delivery.next_attempt_at_ms, delivery.attempts = DeliveryState.WAITING, now_ms, 0
    session.flush()
    subject = Subject("channel", delivery.channel.channel_id)
    record(session, "channel.sent_again", subject, actor=actor, now_ms=now_ms, after={"delivery": delivery.delivery_id})


def drop_stale(session: Session, now_ms: int) -> None:
    """What waited for days, behind a channel that was switched off or broken, is given up."""
    old_ms = now_ms - STALE_MS
    stale = update(Notification).where(_IS_HELD, Notification.due_at_ms <= old_ms)
    session.execute(stale.values(spared_at_ms=now_ms), execution_options={"synchronize_session": False})
    was_tried = or_(Delivery.answered_at_ms.is_(None), Delivery.attempts > 0)  # since somebody sent it again
    is_stale = and_(_IS_OPEN, Delivery.created_at_ms <= old_ms, was_tried, _is_free(now_ms))
    for delivery in session.scalars(select(Delivery).where(is_stale).with_for_update(of=Delivery, skip_locked=True)):
        delivery.state, delivery.next_attempt_at_ms = DeliveryState.GIVEN_UP, None
        delivery.lease = delivery.leased_until_ms = None
        _tell_given_up(session, delivery.channel, now_ms)


def deliveries_of(reader: User) -> Select[*tuple[Any, ...]]:
    """Every message of the channels that the reader may see, with its channel's id and how many notices it has."""
    counted = select(func.count()).where(Notification.delivery_key == Delivery.id).correlate(Delivery)
    return (
        select(Delivery, NotificationChannel.channel_id, counted.scalar_subquery())
        .join(NotificationChannel, NotificationChannel.id == Delivery.channel_key)
        .where(seen_by(reader))
    )


def delivery_page(
    session: Session,
    reader: User,
    *,
    channel_id: str | None = None,
    state: DeliveryState | None = None,
    limit: int,
    cursor: str | None,
) -> Page[tuple[Delivery, str, int]]:
    """One page of them, the newest first. Raises InvalidChange for a foreign cursor."""
    query = deliveries_of(reader)
    if channel_id is not None:
        query = query.where(NotificationChannel.channel_id == channel_id)
    if state is not None:
        query = query.where(Delivery.state == state)
    page = read_page(session, query, Delivery.id, limit=limit, cursor=cursor, newest_first=True)
    return page.map(lambda row: (row[0], row[1], row[2]))


def delivery_by_id(session: Session, delivery_id: str, reader: User) -> Delivery:
    """One that the reader may see. Raises NotFound."""
    delivery: Delivery | None = session.scalar(deliveries_of(reader).where(Delivery.delivery_id == delivery_id))
    if delivery is None:
        raise NotFound("There is no such object.")
    return delivery


def notices_of(session: Session, delivery: Delivery) -> Sequence[Notice]:
    """What the message says."""
    wanted = select(Notice).join(Notification).where(Notification.delivery_key == delivery.id)
    return session.scalars(wanted.order_by(Notification.id)).all()


def _may_leave(now_ms: int) -> ColumnElement[bool]:
    rested = or_(NotificationChannel.rests_until_ms.is_(None), NotificationChannel.rests_until_ms <= now_ms)
    return and_(_IS_OPEN, Delivery.next_attempt_at_ms <= now_ms, _is_free(now_ms), rested)


def _is_free(now_ms: int) -> ColumnElement[bool]:
    return or_(Delivery.leased_until_ms.is_(None), Delivery.leased_until_ms <= now_ms)


def _is_spared(session: Session, held: Notification, now_ms: int) -> bool:
    """Whether it is about alerts, later in the chain, and somebody took care of each, or it has closed."""
    if not is_chained(held.notice.kind) or not held.channel.delay_minutes:
        return False
    waiting = exists().where(
        AlertTelling.batch == held.notice.subject_id,
        Alert.id == AlertTelling.alert_id,
        Alert.acknowledged_at_ms.is_(None),
        Alert.resolved_at_ms.is_(None),
        Alert.closed_at_ms.is_(None),
    )
    if session.scalar(select(waiting)):
        return False
    held.spared_at_ms = now_ms
    return True


def _count_success(session: Session, channel: NotificationChannel, now_ms: int) -> None:
    _count(session, channel, failures_in_row=0, rests_until_ms=None)
    if channel.paused_at_ms is not None:
        before = state_of(channel)
        channel.paused_at_ms = None
        _record(session, "channel.resumed", channel, before, now_ms)


def _count_failure(session: Session, channel: NotificationChannel, now_ms: int) -> None:
    failures = channel.failures_in_row + 1
    rests_until_ms = now_ms + PAUSE_MS if failures >= PAUSE_AFTER_FAILURES else None
    _count(session, channel, failures_in_row=failures, rests_until_ms=rests_until_ms)
    if rests_until_ms is not None and channel.paused_at_ms is None:
        before = state_of(channel)
        channel.paused_at_ms = now_ms
        _record(session, "channel.paused", channel, before, now_ms)
        _tell(session, "channel.paused", channel, str(now_ms), now_ms)


def _count(session: Session, channel: NotificationChannel, *, failures_in_row: int, rests_until_ms: int | None) -> None:
    """Counters change with each attempt: they are no decision, and no new version. The row is locked."""
    counted = update(NotificationChannel).where(NotificationChannel.id == channel.id)
    values = counted.values(failures_in_row=failures_in_row, rests_until_ms=rests_until_ms)
    session.execute(values, execution_options={**UNWATCHED, "synchronize_session": False})


def _switch_off(session: Session, channel: NotificationChannel, now_ms: int) -> None:
    if not channel.enabled:
        return
    before = state_of(channel)
    channel.enabled = False
    _record(session, "channel.disabled", channel, before, now_ms)
    _tell(session, "channel.disabled", channel, str(now_ms), now_ms)


def _tell_given_up(session: Session, channel: NotificationChannel, now_ms: int) -> None:
    """Once a day for each channel: its list of deliveries has the rest."""
    _tell(session, "delivery.given_up", channel, day_of(now_ms).isoformat(), now_ms)


def _tell(session: Session, kind: str, channel: NotificationChannel, occasion: str, now_ms: int) -> None:
    notify(
        session,
        kind=kind,
        subject=Subject("channel", channel.channel_id),
        occasion=occasion,
        params={"name": channel.name},
        now_ms=now_ms,
        organisation=channel.organisation,
        jurisdiction=channel.jurisdiction,
    )


def _record(
    session: Session, action: str, channel: NotificationChannel, before: dict[str, object], now_ms: int
) -> None:
    session.flush()
    subject = Subject("channel", channel.channel_id)
    record(session, action, subject, actor=None, now_ms=now_ms, before=before, after=state_of(channel))
