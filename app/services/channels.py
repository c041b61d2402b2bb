"""Channels of notification: added, changed, rotated and tested by their owners."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, true
from sqlalchemy.orm import Session

from app.audit import Subject, record, state_of
from app.errors import Conflict, InvalidChange, NotFound
from app.models import (
    OPERATORS,
    ChannelKind,
    Delivery,
    DeliveryState,
    Jurisdiction,
    NotificationChannel,
    Organisation,
    Role,
    User,
)
from app.outgoing.destinations import DestinationRefused, read_destination
from app.proxies import Network
from app.schemas.notifications import ChannelTerms, NewChannel
from app.services.pages import Page, read_page

_ID_BYTES = 5
_DELIVERY_ID_BYTES = 16
_SALT_BYTES = 32
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")
_LONGEST_EMAIL = 254
_TEST_EVERY_MS = 60_000


def add_channel(
    session: Session,
    details: NewChannel,
    *,
    owner: Organisation | Jurisdiction,
    allowed: Sequence[Network],
    actor: User,
    now_ms: int,
) -> NotificationChannel:
    """Add a channel of an organisation, or of a jurisdiction's regulators. Raises InvalidChange for its address."""
    channel = NotificationChannel(
        channel_id=f"CH-{secrets.token_hex(_ID_BYTES).upper()}",
        organisation=owner if isinstance(owner, Organisation) else None,
        jurisdiction=owner if isinstance(owner, Jurisdiction) else None,
        kind=details.kind,
        secret_salt=secrets.token_bytes(_SALT_BYTES) if details.kind is ChannelKind.WEBHOOK else None,
        created_at_ms=now_ms,
        **_terms(details, details.kind, allowed),
    )
    session.add(channel)
    session.flush()
    _record(session, "channel.added", channel, actor=actor, now_ms=now_ms)
    return channel


def change_channel(
    session: Session,
    channel: NotificationChannel,
    terms: ChannelTerms,
    *,
    allowed: Sequence[Network],
    expected_version: int,
    actor: User,
    now_ms: int,
) -> None:
    """Replace its terms; a channel that rests after failures begins anew. Raises Conflict, InvalidChange."""
    _require_version(channel, expected_version)
    before = state_of(channel)
    for name, value in _terms(terms, channel.kind, allowed).items():
        setattr(channel, name, value)
    channel.paused_at_ms, channel.rests_until_ms, channel.failures_in_row = None, None, 0
    session.flush()
    _record(session, "channel.changed", channel, actor=actor, now_ms=now_ms, before=before)


def rotate_secret(
    session: Session, channel: NotificationChannel, *, expected_version: int, actor: User, now_ms: int
) -> None:
    """Another secret in the place of the old one, at once. Raises Conflict, and InvalidChange for e-mail."""
    _require_version(channel, expected_version)
    if channel.kind is not ChannelKind.WEBHOOK:
        raise InvalidChange("only webhooks have a secret", code="channel_without_secret")
    before = state_of(channel)
    channel.secret_salt = secrets.token_bytes(_SALT_BYTES)
    session.flush()
    _record(session, "channel.secret_renewed", channel, actor=actor, now_ms=now_ms, before=before)


def send_test(session: Session, channel: NotificationChannel, *, actor: User, now_ms: int) -> Delivery:
    """A test message, on the way that all take: one a minute, so that nobody's mailbox is filled with them.

    Raises InvalidChange for one too soon after another, and while the channel is switched off.
    """
    if not channel.enabled:
        raise InvalidChange("a channel that is switched off sends nothing", code="channel_off")
    just_now = and_(
        Delivery.channel_key == channel.id, Delivery.is_test, Delivery.created_at_ms > now_ms - _TEST_EVERY_MS
    )
    if session.scalar(select(Delivery.id).where(just_now).limit(1)) is not None:
        raise InvalidChange("a test message was sent just now", code="test_too_soon")
    delivery = new_delivery(channel, now_ms, is_test=True)
    session.add(delivery)
    session.flush()
    _record(session, "channel.tested", channel, actor=actor, now_ms=now_ms)
    return delivery


def new_delivery(channel: NotificationChannel, now_ms: int, *, is_test: bool = False) -> Delivery:
    """A message that may leave now."""
    return Delivery(
        delivery_id=f"N-{secrets.token_hex(_DELIVERY_ID_BYTES)}",
        channel_key=channel.id,
        is_test=is_test,
        state=DeliveryState.WAITING,
        created_at_ms=now_ms,
        next_attempt_at_ms=now_ms,
        address=channel.address,
        answer="",
    )


def secret_of(channel: NotificationChannel, key: bytes) -> str:
    """What the channel's webhook is signed with: nobody can make it from the database alone."""
    assert channel.secret_salt is not None
    digest = hmac.digest(key, b"webhook:" + channel.channel_id.encode() + channel.secret_salt, hashlib.sha256)
    return f"whsec_{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def channel_by_id(session: Session, channel_id: str, reader: User) -> NotificationChannel:
    """One that the reader may see. Raises NotFound."""
    wanted = select(NotificationChannel).where(NotificationChannel.channel_id == channel_id, seen_by(reader))
    channel = session.scalar(wanted)
    if channel is None:
        raise NotFound("There is no such object.")
    return channel


def channels_of(reader: User) -> Select[NotificationChannel]:
    """Every channel that the reader may see."""
    return select(NotificationChannel).where(seen_by(reader))


def channel_page(session: Session, reader: User, *, limit: int, cursor: str | None) -> Page[NotificationChannel]:
    """One page of them, the oldest first. Raises InvalidChange for a foreign cursor."""
    page = read_page(session, channels_of(reader), NotificationChannel.id, limit=limit, cursor=cursor)
    return page.map(lambda row: row[0])


def seen_by(reader: User) -> ColumnElement[bool]:
    """An operator's own, a regulator's jurisdictions', everything for who administrates and who audits."""
    if reader.role in OPERATORS:
        return NotificationChannel.organisation_id == reader.organisation_id
    if reader.role is Role.REGULATOR:
        own = [jurisdiction.id for jurisdiction in reader.jurisdictions]
        return or_(false(), NotificationChannel.jurisdiction_id.in_(own))
    return true()


def _terms(terms: ChannelTerms, kind: ChannelKind, allowed: Sequence[Network]) -> dict[str, Any]:
    return {
        "name": terms.name,
        "address": _checked_address(terms.address, kind, allowed),
        "topics": [topic.value for topic in terms.topics],
        "minimum_severity": terms.minimum_severity,
        "delay_minutes": terms.delay_minutes,
        "quiet_from_minute": _minute(terms.quiet_from),
        "quiet_until_minute": _minute(terms.quiet_until),
        "digest": terms.digest,
        "enabled": terms.enabled,
    }


def _checked_address(address: str, kind: ChannelKind, allowed: Sequence[Network]) -> str:
    if kind is ChannelKind.WEBHOOK:
        try:
            read_destination(address, allowed)
        except DestinationRefused as error:
            raise InvalidChange(str(error), code=error.code, field="address") from error
    elif len(address) > _LONGEST_EMAIL or not _EMAIL.fullmatch(address):
        raise InvalidChange("no e-mail address", code="email_address", field="address")
    return address


def _minute(clock: str | None) -> int | None:
    if clock is None:
        return None
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _require_version(channel: NotificationChannel, expected_version: int) -> None:
    if channel.version != expected_version:
        raise Conflict("the channel has changed meanwhile")


def _record(
    session: Session,
    action: str,
    channel: NotificationChannel,
    *,
    actor: User,
    now_ms: int,
    before: Mapping[str, Any] | None = None,
) -> None:
    subject = Subject("channel", channel.channel_id)
    record(session, action, subject, actor=actor, now_ms=now_ms, before=before, after=state_of(channel))
