"""Notifications at the desk: channels, the messages that were sent on them, and the answers."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from app.models import ChannelKind, Delivery, DeliveryState, Digest, NotificationChannel, Organisation, Role, User
from app.schemas.notifications import ChannelTerms, NewChannel
from app.services.channels import add_channel, change_channel, channels_of, rotate_secret, secret_of, send_test
from app.services.deliveries import deliveries_of, delivery_by_id, notices_of, send_again
from app.web import access
from app.web.access import Action
from app.web.channels import (
    DIGESTS,
    KINDS,
    SEVERITIES,
    TOPICS,
    channel_badge,
    channel_out,
    own_channel,
    owner_named,
)
from app.web.desk.application_pages import name_of
from app.web.desk.applications import jurisdiction_options
from app.web.desk.notification_tables import (
    answer_text,
    channel_table,
    delivery_badge,
    delivery_table,
    owner_name,
)
from app.web.forms import Form, blank, read_form, with_error
from app.web.gate import identity
from app.web.notice_text import told
from app.web.organisation_names import organisation_name
from app.web.ownership import actor, signature
from app.web.refusals import REFUSALS, require_seen
from app.web.runtime import runtime
from app.web.tables import table_answer
from telemetry.findings import Severity

notifications = Blueprint("notifications", __name__, url_prefix="/desk/notifications")

_Page = Response | WerkzeugResponse | tuple[str, int] | str


@notifications.get("")
def index() -> Response | str:
    """The channels of the caller's organisation or jurisdictions."""
    with runtime().reading() as session:
        found = session.scalars(channels_of(actor(session)).order_by(NotificationChannel.id)).all()
        return table_answer(
            channel_table(found), "notifications/index.html", may_change=_may_change(), **_installation()
        )


@notifications.route("/new", methods=["GET", "POST"])
def new() -> _Page:
    """Add a channel; a webhook's secret is shown once."""
    if request.method == "GET":
        return _form_page(blank(_beginning()))
    details, form = read_form(NewChannel, request.form)
    if details is None:
        return _form_page(form), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            channel = add_channel(
                session,
                details,
                owner=owner_named(session, details),
                allowed=runtime().settings.webhook_networks,
                actor=actor(session),
                now_ms=runtime().clock(),
            )
    except REFUSALS as error:
        return _form_page(with_error(form, error)), HTTPStatus.UNPROCESSABLE_ENTITY
    if channel.kind is ChannelKind.WEBHOOK:
        return _secret_page(channel)
    flash(_("The channel is added. Send a test message to see whether it works."))
    return _to(channel.channel_id)


@notifications.get("/channels/<channel_id>")
def show(channel_id: str) -> str:
    """One channel."""
    return _page(channel_id)


@notifications.route("/channels/<channel_id>/edit", methods=["GET", "POST"])
def edit(channel_id: str) -> _Page:
    """Change a channel, or switch it on and off."""
    with runtime().reading() as session:
        before = own_channel(session, channel_id)
    if request.method == "GET":
        return _form_page(blank(channel_out(before).model_dump(mode="json")), before)
    terms, form = read_form(ChannelTerms, request.form)
    if terms is None:
        return _form_page(form, before), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with runtime().changing() as session:
            channel = own_channel(session, channel_id)
            require_seen(channel.version)
            allowed = runtime().settings.webhook_networks
            change_channel(session, channel, terms, allowed=allowed, **signature(session, channel.version))
    except REFUSALS as error:
        return _form_page(with_error(form, error), before), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("Saved."))
    return _to(channel_id)


@notifications.post("/channels/<channel_id>/secret")
def rotate(channel_id: str) -> _Page:
    """Another secret; the answer shows it once."""

    def renew(session: Session, channel: NotificationChannel) -> _Page:
        require_seen(channel.version)
        rotate_secret(session, channel, **signature(session, channel.version))
        return _secret_page(channel)

    return _acted(channel_id, renew)


@notifications.post("/channels/<channel_id>/test")
def test(channel_id: str) -> _Page:
    """Send a test message."""

    def send(session: Session, channel: NotificationChannel) -> _Page:
        delivery = send_test(session, channel, actor=actor(session), now_ms=runtime().clock())
        flash(_("The test message is on its way: this page shows what becomes of it."))
        return redirect(url_for(".delivery", delivery_id=delivery.delivery_id), HTTPStatus.SEE_OTHER)

    return _acted(channel_id, send)


@notifications.get("/deliveries")
def deliveries() -> Response | str:
    """Every message, the newest first."""
    with runtime().reading() as session:
        return table_answer(delivery_table(session), "notifications/deliveries.html", **_installation())


@notifications.get("/deliveries/<delivery_id>")
def delivery(delivery_id: str) -> str:
    """One message: what it says, and what was answered."""
    return _delivery_page(delivery_id)


@notifications.post("/deliveries/<delivery_id>/again")
def again(delivery_id: str) -> _Page:
    """Send a message once more that did not arrive."""
    try:
        with runtime().changing() as session:
            found = delivery_by_id(session, delivery_id, actor(session))
            send_again(session, found, actor=actor(session), now_ms=runtime().clock())
    except REFUSALS as error:
        return _delivery_page(delivery_id, with_error(blank(), error)), HTTPStatus.UNPROCESSABLE_ENTITY
    flash(_("The message is on its way again."))
    return redirect(url_for(".delivery", delivery_id=delivery_id), HTTPStatus.SEE_OTHER)


def _acted(channel_id: str, act: Callable[[Session, NotificationChannel], _Page]) -> _Page:
    """What is done to a channel; its page again where that is refused."""
    try:
        with runtime().changing() as session:
            return act(session, own_channel(session, channel_id))
    except REFUSALS as error:
        return _page(channel_id, with_error(blank(), error)), HTTPStatus.UNPROCESSABLE_ENTITY


def _to(channel_id: str) -> WerkzeugResponse:
    return redirect(url_for(".show", channel_id=channel_id), HTTPStatus.SEE_OTHER)


def _may_change() -> bool:
    return access.may(identity().role, Action.CHANGE_NOTIFICATIONS)


def _installation() -> dict[str, bool]:
    return {"has_mail": runtime().settings.mail is not None}


def _beginning() -> dict[str, object]:
    return {
        "kind": ChannelKind.EMAIL.value,
        "topics": list(TOPICS),
        "minimum_severity": Severity.WARNING.value,
        "delay_minutes": 0,
        "digest": Digest.NONE.value,
        "enabled": "1",
    }


def _secret_page(channel: NotificationChannel) -> str:
    secret = secret_of(channel, runtime().settings.key_for("webhook"))
    return render_template("notifications/secret.html", channel=channel, secret=secret)


def _page(channel_id: str, form: Form | None = None) -> str:
    with runtime().reading() as session:
        channel = own_channel(session, channel_id)
        newest = deliveries_of(actor(session)).where(Delivery.channel_key == channel.id)
        return render_template(
            "notifications/show.html",
            channel=channel,
            shown=channel_out(channel),
            owner=owner_name(channel),
            badge=channel_badge(channel),
            kind=KINDS[channel.kind],
            topics=[TOPICS[topic] for topic in TOPICS if topic in channel.topics],
            severity=SEVERITIES[channel.minimum_severity],
            digest=DIGESTS[channel.digest],
            newest=[
                (each, delivery_badge(each), answer_text(each), notices)
                for each, _channel, notices in session.execute(newest.order_by(Delivery.id.desc()).limit(5))
            ],
            may_change=_may_change(),
            form=form or blank(),
            **_installation(),
        )


def _delivery_page(delivery_id: str, form: Form | None = None) -> str:
    with runtime().reading() as session:
        found = delivery_by_id(session, delivery_id, actor(session))
        return render_template(
            "notifications/delivery.html",
            delivery=found,
            state=delivery_badge(found),
            answer=answer_text(found),
            channel=found.channel,
            said=[told(notice, None) for notice in notices_of(session, found)],
            may_send=_may_change() and found.state in {DeliveryState.GIVEN_UP, DeliveryState.FAILED},
            form=form or blank(),
        )


def _form_page(form: Form, channel: NotificationChannel | None = None) -> str:
    role = identity().role
    with runtime().reading() as session:
        asker = session.get_one(User, identity().user_id)
        return render_template(
            "notifications/form.html",
            form=form,
            channel=channel,
            kinds=[
                (ChannelKind.EMAIL.value, KINDS[ChannelKind.EMAIL], _("A mail in both languages.")),
                (ChannelKind.WEBHOOK.value, KINDS[ChannelKind.WEBHOOK], _("A signed message to a program of yours.")),
            ],
            topics=[(topic.value, name) for topic, name in TOPICS.items()],
            severities=[(severity.value, name) for severity, name in SEVERITIES.items()],
            digests=[(digest.value, name) for digest, name in DIGESTS.items()],
            jurisdictions=_jurisdictions(session, asker),
            organisations=_organisations(session) if role is Role.ADMINISTRATOR else [],
            **_installation(),
        )


def _jurisdictions(session: Session, asker: User) -> list[tuple[str, str]]:
    if asker.role is Role.REGULATOR:
        return [(each.code, name_of(each)) for each in asker.jurisdictions]
    return jurisdiction_options(session) if asker.role is Role.ADMINISTRATOR else []


def _organisations(session: Session) -> list[tuple[str, str]]:
    found = session.scalars(select(Organisation).order_by(Organisation.code))
    return [(each.code, organisation_name(each)) for each in found]
