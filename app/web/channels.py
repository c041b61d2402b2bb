"""What the API and the desk share about channels of notification: whose they are, and how they are told."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.errors import Forbidden, InvalidChange
from app.models import (
    OPERATORS,
    ChannelKind,
    Digest,
    Failure,
    Jurisdiction,
    NotificationChannel,
    Organisation,
    Role,
    Topic,
)
from app.schemas.notifications import ChannelOut, NewChannel
from app.services.channels import channel_by_id
from app.services.jurisdictions import jurisdiction_by_code
from app.services.organisations import organisation_by_code
from app.web.gate import identity
from app.web.ownership import actor, require_decider
from app.web.vehicle_credentials import own_organisation
from telemetry.findings import Severity

KINDS: Mapping[ChannelKind, object] = {ChannelKind.EMAIL: _("E-mail"), ChannelKind.WEBHOOK: _("Webhook")}
TOPICS: Mapping[Topic, object] = {
    Topic.ALERTS: _("Alerts"),
    Topic.DIRECTIVES: _("Directives and emergencies"),
    Topic.PERMITS: _("Applications, permits and sanctions"),
    Topic.INCIDENTS: _("Incidents"),
    Topic.REMINDERS: _("Reminders of what ends soon"),
}
SEVERITIES: Mapping[Severity, object] = {
    Severity.CRITICAL: _("Critical alerts only"),
    Severity.WARNING: _("Warnings and critical alerts"),
    Severity.NOTICE: _("Every alert"),
}
DIGESTS: Mapping[Digest, object] = {
    Digest.NONE: _("At once"),
    Digest.HOURLY: _("Collected, every full hour"),
    Digest.DAILY: _("Collected, every day at 08:00"),
}

FAILURES: Mapping[Failure, object] = {
    Failure.REFUSED: _("Refused by the other side"),
    Failure.NO_MAIL_SERVER: _("This installation has no mail server"),
    Failure.LOGIN_REFUSED: _("The mail server refuses the platform's user name and password"),
    Failure.ADDRESS: _("The address is not one that the platform sends to"),
    Failure.PRIVATE_ADDRESS: _("The address leads to no public network"),
    Failure.UNKNOWN_HOST: _("The name of the host is not known"),
    Failure.UNREACHABLE: _("The other side cannot be reached"),
    Failure.UNTRUSTED: _("The certificate of the other side is not trusted"),
    Failure.TIMEOUT: _("The other side took too long"),
    Failure.REDIRECT: _("The other side redirects: that is not followed"),
    Failure.NO_ANSWER: _("What came back is no answer"),
    Failure.PLATFORM: _("The platform itself failed: its log says why"),
}


def own_channel(session: Session, channel_id: str) -> NotificationChannel:
    """One that the caller may see: another's does not exist. Raises NotFound."""
    return channel_by_id(session, channel_id, actor(session))


def owner_named(session: Session, details: NewChannel) -> Organisation | Jurisdiction:
    """Whom a new channel is for: oneself, or for administrators whoever is named.

    Raises Forbidden for somebody else, NotFound, and InvalidChange when nobody or more than one is named.
    """
    if identity().role in OPERATORS:
        own = own_organisation(session)
        if details.organisation not in {None, own.code} or details.jurisdiction is not None:
            raise Forbidden("Operators have channels of their own organisation.")
        return own
    if (details.organisation is None) == (details.jurisdiction is None):
        raise InvalidChange("name one owner", code="channel_owner", field="jurisdiction")
    if details.jurisdiction is not None:
        jurisdiction = jurisdiction_by_code(session, details.jurisdiction)
        if identity().role is Role.REGULATOR:
            require_decider(jurisdiction)
        return jurisdiction
    if identity().role is Role.REGULATOR:
        raise Forbidden("Regulators have channels of their jurisdictions.")
    assert details.organisation is not None  # one of the two is named
    return organisation_by_code(session, details.organisation)


def channel_out(channel: NotificationChannel) -> ChannelOut:
    """A channel as the API tells it."""
    return ChannelOut(
        channel_id=channel.channel_id,
        organisation=None if channel.organisation is None else channel.organisation.code,
        jurisdiction=None if channel.jurisdiction is None else channel.jurisdiction.code,
        name=channel.name,
        kind=channel.kind,
        address=channel.address,
        topics=tuple(channel.topics),
        minimum_severity=channel.minimum_severity,
        delay_minutes=channel.delay_minutes,
        quiet_from=clock_time(channel.quiet_from_minute),
        quiet_until=clock_time(channel.quiet_until_minute),
        digest=channel.digest,
        enabled=channel.enabled,
        paused_at_ms=channel.paused_at_ms,
        created_at_ms=channel.created_at_ms,
        version=channel.version,
    )


def clock_time(minute: int | None) -> str | None:
    """A minute of the day as clocks show it."""
    return None if minute is None else f"{minute // 60:02}:{minute % 60:02}"


def channel_badge(channel: NotificationChannel) -> str:
    """Its state, as app.web.states names it."""
    if not channel.enabled:
        return "disabled"
    return "paused" if channel.paused_at_ms is not None else "active"
