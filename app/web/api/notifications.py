"""Notifications over HTTP: channels of an organisation or a jurisdiction, and what was sent on them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import Field

from app.models import ChannelKind, Delivery, DeliveryState, NotificationChannel
from app.schemas.base import Schema
from app.schemas.notifications import ChannelMade, ChannelOut, ChannelTerms, DeliveryOut, NewChannel
from app.services.channels import add_channel, change_channel, channel_page, rotate_secret, secret_of, send_test
from app.services.deliveries import delivery_by_id, delivery_page, send_again
from app.web.api.base import PageQuery, Problem, Responses, answer, api_blueprint, require_match
from app.web.channels import channel_out, own_channel, owner_named
from app.web.ownership import actor, signature
from app.web.runtime import runtime

notifications_api = api_blueprint("notifications", "E-mail and webhooks, and every message that was sent.")

_MADE: Responses = {"201": ChannelMade, "409": Problem, "422": Problem}
_CHANGED: Responses = {"200": ChannelOut, "409": Problem, "412": Problem, "422": Problem, "428": Problem}


class ChannelPath(Schema):
    """Which channel."""

    channel_id: Annotated[str, Field(max_length=64)]


class DeliveryPath(Schema):
    """Which message."""

    delivery_id: Annotated[str, Field(max_length=64)]


class DeliveryQuery(PageQuery):
    """Which messages."""

    channel_id: Annotated[str | None, Field(max_length=64)] = None
    state: DeliveryState | None = None


class ChannelList(Schema):
    """One page, the oldest first."""

    items: list[ChannelOut]
    next_cursor: str | None


class DeliveryList(Schema):
    """One page, the newest first."""

    items: list[DeliveryOut]
    next_cursor: str | None


@notifications_api.get("/channels", responses={"200": ChannelList, "422": Problem})
def channels(query: PageQuery) -> Response:
    """One page of the caller's channels."""
    with runtime().reading() as session:
        page = channel_page(session, actor(session), limit=query.limit, cursor=query.cursor)
        return answer(ChannelList(items=page.map(channel_out).items, next_cursor=page.next_cursor))


@notifications_api.post("/channels", responses=_MADE)
def add(body: NewChannel) -> Response:
    """Add a channel; a webhook's secret is in this answer only."""
    with runtime().changing() as session:
        channel = add_channel(
            session,
            body,
            owner=owner_named(session, body),
            allowed=runtime().settings.webhook_networks,
            actor=actor(session),
            now_ms=runtime().clock(),
        )
        return answer(_made(channel), HTTPStatus.CREATED, version=channel.version)


@notifications_api.get("/channels/<channel_id>", responses={"200": ChannelOut, "422": Problem})
def channel(path: ChannelPath) -> Response:
    """One channel."""
    with runtime().reading() as session:
        found = own_channel(session, path.channel_id)
        return answer(channel_out(found), version=found.version)


@notifications_api.put("/channels/<channel_id>", responses=_CHANGED)
def change(path: ChannelPath, body: ChannelTerms) -> Response:
    """Replace the terms of a channel."""
    with runtime().changing() as session:
        found = own_channel(session, path.channel_id)
        require_match(found.version)
        allowed = runtime().settings.webhook_networks
        change_channel(session, found, body, allowed=allowed, **signature(session, found.version))
        return answer(channel_out(found), version=found.version)


@notifications_api.post("/channels/<channel_id>/secret", responses={**_CHANGED, "200": ChannelMade})
def rotate(path: ChannelPath) -> Response:
    """Another secret, in this answer only; the old one is worthless from now on."""
    with runtime().changing() as session:
        found = own_channel(session, path.channel_id)
        require_match(found.version)
        rotate_secret(session, found, **signature(session, found.version))
        return answer(_made(found), version=found.version)


@notifications_api.post("/channels/<channel_id>/test", responses={"201": DeliveryOut, "422": Problem})
def test(path: ChannelPath) -> Response:
    """Send a test message."""
    with runtime().changing() as session:
        found = own_channel(session, path.channel_id)
        delivery = send_test(session, found, actor=actor(session), now_ms=runtime().clock())
        return answer(_out((delivery, found.channel_id, 0)), HTTPStatus.CREATED)


@notifications_api.get("/deliveries", responses={"200": DeliveryList, "422": Problem})
def deliveries(query: DeliveryQuery) -> Response:
    """One page of messages with what the other side answered."""
    with runtime().reading() as session:
        page = delivery_page(
            session,
            actor(session),
            channel_id=query.channel_id,
            state=query.state,
            limit=query.limit,
            cursor=query.cursor,
        )
        return answer(DeliveryList(items=page.map(_out).items, next_cursor=page.next_cursor))


@notifications_api.post("/deliveries/<delivery_id>/send-again", responses={"200": DeliveryOut, "422": Problem})
def again(path: DeliveryPath) -> Response:
    """Send a message that did not arrive once more, under the same id."""
    with runtime().changing() as session:
        found = delivery_by_id(session, path.delivery_id, actor(session))
        send_again(session, found, actor=actor(session), now_ms=runtime().clock())
        return answer(_out((found, found.channel.channel_id, len(found.notifications))))


def _made(channel: NotificationChannel) -> ChannelMade:
    is_webhook = channel.kind is ChannelKind.WEBHOOK
    secret = secret_of(channel, runtime().settings.key_for("webhook")) if is_webhook else None
    return ChannelMade(**channel_out(channel).model_dump(), secret=secret)


def _out(row: tuple[Delivery, str, int]) -> DeliveryOut:
    delivery, channel_id, notices = row
    return DeliveryOut(
        delivery_id=delivery.delivery_id,
        channel_id=channel_id,
        is_test=delivery.is_test,
        notices=notices,
        state=delivery.state,
        address=delivery.address,
        created_at_ms=delivery.created_at_ms,
        attempts=delivery.attempts,
        next_attempt_at_ms=delivery.next_attempt_at_ms,
        answered_at_ms=delivery.answered_at_ms,
        answer_status=delivery.answer_status,
        answer=delivery.answer,
        failure=delivery.failure,
        sent_at_ms=delivery.sent_at_ms,
    )
