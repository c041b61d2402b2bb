"""The words of the operators' register: kinds, capacities, statuses, reasons of rejects."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from app.models import Capacity, ServiceStatus
from app.services.officers import LicenceState
from telemetry.ports import RejectReason
from telemetry.samples import VehicleKind

KINDS: Mapping[VehicleKind, LazyString] = {
    VehicleKind.ROAD: _("Road vehicle"),
    VehicleKind.AIR: _("Aircraft"),
}
CAPACITIES: Mapping[Capacity, LazyString] = {
    Capacity.ONBOARD_SAFETY_OFFICER: _("Safety officer on board"),
    Capacity.REMOTE_SAFETY_OFFICER: _("Remote safety officer"),
    Capacity.ONBOARD_PILOT: _("Pilot on board"),
    Capacity.REMOTE_PILOT: _("Remote pilot"),
}
STATUSES: Mapping[ServiceStatus, LazyString] = {
    ServiceStatus.IN_SERVICE: _("In service"),
    ServiceStatus.OUT_OF_SERVICE: _("Out of service"),
    ServiceStatus.RETIRED: _("Retired"),
}
REJECT_REASONS: Mapping[RejectReason, LazyString] = {
    RejectReason.MALFORMED_TOPIC: _("The topic has the wrong form"),
    RejectReason.UNKNOWN_VEHICLE: _("No such vehicle is registered"),
    RejectReason.WRONG_PARTITION: _("The topic has the wrong partition"),
    RejectReason.WRONG_VEHICLE: _("Topic and content name different vehicles"),
    RejectReason.TOO_LARGE: _("The message is too large"),
    RejectReason.TOO_MANY_SAMPLES: _("Too many samples in one message"),
    RejectReason.MALFORMED_JSON: _("The message is no JSON"),
    RejectReason.INVALID_FIELD: _("A field has an unusable value"),
    RejectReason.TIMESTAMP_OUT_OF_RANGE: _("The time is impossible"),
    RejectReason.POSITION_OUT_OF_RANGE: _("The position is impossible"),
    RejectReason.SEQ_REUSED: _("The sequence number was used before"),
    RejectReason.UNPROCESSABLE: _("The platform could not process it"),
}
LICENCE_STATES: Mapping[LicenceState, LazyString] = {
    LicenceState.VALID: _("Valid"),
    LicenceState.EXPIRING: _("Expires soon"),
    LicenceState.EXPIRED: _("Expired"),
    LicenceState.WITHDRAWN: _("Withdrawn"),
    LicenceState.MISSING: _("Missing"),
}
#: The badge of each (app.web.states).
LICENCE_BADGES: Mapping[LicenceState, str] = {
    LicenceState.VALID: "valid",
    LicenceState.EXPIRING: "expiring",
    LicenceState.EXPIRED: "licence_expired",
    LicenceState.WITHDRAWN: "licence_withdrawn",
    LicenceState.MISSING: "missing",
}
