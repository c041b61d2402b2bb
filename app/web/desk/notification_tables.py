"""Channels of notification and the messages that were sent on them, as tables and badges."""

from __future__ import annotations

from collections.abc import Sequence

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.models import Delivery, DeliveryState, NotificationChannel
from app.services.deliveries import deliveries_of
from app.web.channels import FAILURES, KINDS, TOPICS, channel_badge
from app.web.desk.application_pages import name_of
from app.web.organisation_names import organisation_name
from app.web.ownership import actor
from app.web.states import state_label
from app.web.tables import Column, DatabaseRows, Filter, Kind, Table

_Sent = tuple[Delivery, str, int]


def owner_name(channel: NotificationChannel) -> str:
    """Whose channel it is."""
    if channel.organisation is not None:
        return organisation_name(channel.organisation)
    assert channel.jurisdiction is not None  # one of the two owns it
    return name_of(channel.jurisdiction)


def delivery_badge(delivery: Delivery) -> str:
    """What became of a message, as app.web.states names it."""
    return "retrying" if delivery.state is DeliveryState.FAILED else delivery.state.value


def answer_text(delivery: Delivery) -> str:
    """The other side's status, and what was wrong."""
    status = "" if delivery.answer_status is None else str(delivery.answer_status)
    failure = "" if delivery.failure is None else str(FAILURES[delivery.failure])
    return " ".join(part for part in (status, failure) if part)


def channel_table(found: Sequence[NotificationChannel]) -> Table[NotificationChannel]:
    """Channels, by name."""
    return Table(
        name="channels",
        caption=_("Channels"),
        columns=[
            Column(
                "name",
                _("Name"),
                lambda c: c.name,
                link=lambda c: url_for("notifications.show", channel_id=c.channel_id),
                note=lambda c: c.address,
            ),
            Column("kind", _("Kind"), lambda c: str(KINDS[c.kind])),
            Column("owner", _("For"), owner_name),
            Column(
                "topics", _("Tells of"), lambda c: str(_(", ")).join(str(TOPICS[t]) for t in TOPICS if t in c.topics)
            ),
            Column("delay", _("Alerts after"), lambda c: c.delay_minutes, kind=Kind.NUMBER, unit=_("minutes")),
            Column("state", _("State"), channel_badge, kind=Kind.BADGE),
        ],
        rows=found,
        filters=[
            Filter(
                "kind",
                _("Kind"),
                [(kind.value, str(name)) for kind, name in KINDS.items()],
                lambda c, wanted: c.kind == wanted,
            )
        ],
        order="name",
        empty_text=_("No channels yet"),
    )


def delivery_table(session: Session) -> Table[_Sent]:
    """Every message that the caller may see, the newest first."""
    return Table(
        name="deliveries",
        caption=_("Messages"),
        columns=[
            Column[_Sent](
                "at",
                _("Made"),
                lambda row: row[0].created_at_ms,
                kind=Kind.WHEN,
                link=lambda row: url_for("notifications.delivery", delivery_id=row[0].delivery_id),
            ),
            Column("channel", _("Channel"), lambda row: row[0].channel.name, note=lambda row: row[0].address),
            Column("notices", _("Notices"), lambda row: row[2], kind=Kind.NUMBER),
            Column("state", _("State"), lambda row: delivery_badge(row[0]), kind=Kind.BADGE),
            Column("attempts", _("Attempts"), lambda row: row[0].attempts, kind=Kind.NUMBER),
            Column("next", _("Next attempt"), lambda row: row[0].next_attempt_at_ms, kind=Kind.WHEN),
            Column("answer", _("Answer"), lambda row: answer_text(row[0]), note=lambda row: row[0].answer),
        ],
        rows=DatabaseRows(
            session,
            deliveries_of(actor(session)),
            tiebreak=Delivery.id,
            sort={"at": Delivery.created_at_ms, "attempts": Delivery.attempts, "state": Delivery.state},
            search=(NotificationChannel.name, Delivery.address, Delivery.answer),
            where={"state": lambda value: Delivery.state == DeliveryState(value)},
            read=lambda row: (row[0], row[1], row[2]),
        ),
        filters=[
            Filter(
                "state",
                _("State"),
                [
                    (state.value, state_label("retrying" if state is DeliveryState.FAILED else state))
                    for state in DeliveryState
                ],
            )
        ],
        order="-at",
        empty_text=_("Nothing was sent yet"),
    )
