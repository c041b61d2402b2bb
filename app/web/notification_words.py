"""The words of deliveries: each notice in both languages, with a link that works from outside."""

from __future__ import annotations

from flask import Flask, url_for
from flask_babel import force_locale

from app.models import Delivery, Notice
from app.outgoing.messages import Message, Told
from app.outgoing.sender import Compose
from app.services.notice_topics import severity_of, topic_of
from app.settings import Locale, Settings
from app.web.notice_text import told


def composer(app: Flask, settings: Settings) -> Compose:
    """What makes messages of deliveries, outside of any request."""
    base = settings.public_url or settings.local_url

    def compose(delivery: Delivery) -> Message:
        with app.test_request_context(base_url=base):
            return Message(
                delivery_id=delivery.delivery_id,
                channel_id=delivery.channel.channel_id,
                channel_name=delivery.channel.name,
                is_test=delivery.is_test,
                told=[_told(each.notice, base) for each in delivery.notifications],
                settings_url=base + url_for("notifications.show", channel_id=delivery.channel.channel_id),
            )

    return compose


def _told(notice: Notice, base: str) -> Told:
    with force_locale(Locale.CHINESE.value):
        zh = told(notice, None)
    with force_locale(Locale.ENGLISH.value):
        en = told(notice, None)
    topic = topic_of(notice.kind)
    return Told(
        notice_id=notice.id,
        kind=notice.kind,
        topic="" if topic is None else topic.value,
        severity=severity_of(notice.kind).value,
        subject_type=notice.subject_type,
        subject_id=notice.subject_id,
        params=notice.params,
        zh=zh.text,
        en=en.text,
        reason=en.reason,
        url=base + en.url if en.url else "",
        created_at_ms=notice.created_at_ms,
    )
