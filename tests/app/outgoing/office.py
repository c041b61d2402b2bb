"""An operator and a jurisdiction with channels, and the platform's own way from a notice to an answer."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from sqlalchemy import Engine, select

from app.audit import Subject, record
from app.database import changing_session, reading_session
from app.models import AuditEntry, Delivery, Notice, Notification, NotificationChannel, Role, User
from app.outgoing.mail import MailSender
from app.outgoing.messages import Message, Told
from app.outgoing.sender import Carriers, DeliveryThread
from app.outgoing.webhook import WebhookSender
from app.schemas.notifications import NewChannel
from app.services.channels import add_channel, send_test
from app.services.notice_topics import severity_of
from app.services.notices import notify
from app.services.organisations import organisation_by_code
from app.settings import MailServer
from tests.app.permit_cast import MANAGER, REGULATOR, person, register_everything
from tests.jurisdictions import jurisdiction

#: 2026-03-01 12:00 in Shanghai.
NOON = 1_772_337_600_000
MINUTE, HOUR = 60_000, 3_600_000
ALLOWED = (ip_network("127.0.0.0/8"),)
KEY = b"k" * 32
EVERYTHING = ["alerts", "directives", "permits", "incidents", "reminders"]
_WAIT_S = 20.0


class Office:
    """The cast's operator NORTH and its city, at a time that the test moves."""

    def __init__(self, engine: Engine) -> None:
        register_everything(engine)
        self.engine = engine
        self.now_ms = NOON
        self.thread = self.process(engine)

    def process(self, engine: Engine, mail: MailServer | None = None, timeout_s: float = 5.0) -> DeliveryThread:
        """What a web process runs."""
        tls = ssl.create_default_context()
        carriers = Carriers(MailSender(mail, tls), WebhookSender(ALLOWED, tls, timeout_s=timeout_s), KEY)
        return DeliveryThread(engine, lambda: self.now_ms, composed, carriers)

    def channel(self, address: str, *, of_city: bool = False, **terms: Any) -> str:
        """Add one; its id."""
        kind = "email" if "@" in address else "webhook"
        stated = {"name": "Control room", "kind": kind, "address": address, "topics": EVERYTHING, "enabled": True}
        details = NewChannel.model_validate(stated | terms)
        with changing_session(self.engine) as session:
            actor = person(session, REGULATOR if of_city else MANAGER)
            owner = jurisdiction(session) if of_city else organisation_by_code(session, "NORTH")
            made = add_channel(session, details, owner=owner, allowed=ALLOWED, actor=actor, now_ms=self.now_ms)
            return made.channel_id

    def switch(self, channel_id: str, *, enabled: bool) -> None:
        with changing_session(self.engine) as session:
            channel = session.scalars(select(NotificationChannel).filter_by(channel_id=channel_id)).one()
            channel.enabled = enabled
            record(session, "channel.changed", Subject("channel", channel_id), actor=None, now_ms=self.now_ms)

    def test_message(self, channel_id: str) -> str:
        with changing_session(self.engine) as session:
            channel = session.scalars(select(NotificationChannel).filter_by(channel_id=channel_id)).one()
            return send_test(session, channel, actor=person(session, MANAGER), now_ms=self.now_ms).delivery_id

    def tell(self, kind: str = "permit.issued", occasion: str = "1") -> None:
        """Both the operator and the regulators."""
        with changing_session(self.engine) as session:
            notify(
                session,
                kind=kind,
                subject=Subject("permit", "QH-1"),
                occasion=occasion,
                params={"number": "QH-1"},
                now_ms=self.now_ms,
                organisation=organisation_by_code(session, "NORTH"),
                jurisdiction=jurisdiction(session),
            )

    def send(self, thread: DeliveryThread | None = None) -> None:
        """What the thread does each second, to its end."""
        thread = thread or self.thread
        thread.step()
        thread.wait(_WAIT_S)

    def passes(self, duration_ms: int) -> None:
        self.now_ms += duration_ms

    # --- what is in the database

    def deliveries(self) -> Sequence[Delivery]:
        with reading_session(self.engine) as session:
            return session.scalars(select(Delivery).order_by(Delivery.id)).unique().all()

    def only(self) -> Delivery:
        (delivery,) = self.deliveries()
        return delivery

    def held(self) -> Sequence[Notification]:
        with reading_session(self.engine) as session:
            query = select(Notification).where(Notification.delivery_key.is_(None), Notification.spared_at_ms.is_(None))
            return session.scalars(query.order_by(Notification.id)).unique().all()

    def row(self, channel_id: str) -> NotificationChannel:
        with reading_session(self.engine) as session:
            return session.scalars(select(NotificationChannel).filter_by(channel_id=channel_id)).one()

    def notices(self, beginning: str) -> Sequence[Notice]:
        with reading_session(self.engine) as session:
            return session.scalars(select(Notice).where(Notice.kind.startswith(beginning)).order_by(Notice.id)).all()

    def audited(self, beginning: str = "channel.") -> list[tuple[str, str]]:
        with reading_session(self.engine) as session:
            entries = select(AuditEntry).where(AuditEntry.action.startswith(beginning)).order_by(AuditEntry.number)
            return [(entry.action, entry.actor) for entry in session.scalars(entries)]

    def reader(self, role: Role) -> User:
        with reading_session(self.engine) as session:
            return session.scalars(select(User).where(User.role == role)).one()


def composed(delivery: Delivery) -> Message:
    """The words, without a web application."""
    channel = delivery.channel
    return Message(
        delivery.delivery_id,
        channel.channel_id,
        channel.name,
        delivery.is_test,
        [_told(each.notice) for each in delivery.notifications],
        "https://pilots.example/channel",
    )


def _told(notice: Notice) -> Told:
    return Told(
        notice.id,
        notice.kind,
        "permits",
        severity_of(notice.kind),
        notice.subject_type,
        notice.subject_id,
        notice.params,
        f"甲 {notice.occasion}",
        f"A {notice.occasion}",
        "",
        "",
        notice.created_at_ms,
    )
