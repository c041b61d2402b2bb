"""People who steer, their licences, and how they are shown."""

from __future__ import annotations

from app.models import Capacity
from app.schemas.base import Identifier, Line, Reason, Schema, Title
from app.schemas.checks import Day


class OfficerDetails(Schema):
    """Who it is and in which capacity; a change replaces both."""

    name: Title
    capacity: Capacity


class LicenceDetails(Schema):
    """A licence. It is good through the whole of its last day in Shenzhen."""

    licence_class: Title
    licence_number: Title
    expires_on: Day


class OfficerRegistration(OfficerDetails, LicenceDetails):
    """A new officer with a licence; `officer_id` is what samples name, and never changes."""

    officer_id: Identifier


class LicenceRenewal(LicenceDetails):
    """A later licence of an officer, with an optional remark."""

    reason: Line = ""


class LicenceWithdrawal(Schema):
    """The end of a licence, from now on."""

    reason: Reason


class LicenceOut(Schema):
    """One entry of an officer's licence; the newest counts."""

    licence_class: str
    licence_number: str
    expires_at_ms: int
    is_withdrawn: bool
    reason: str
    recorded_at_ms: int | None


class OfficerOut(Schema):
    """An officer with the licence that counts."""

    officer_id: str
    organisation: str
    name: str
    capacity: Capacity
    state: str
    licence: LicenceOut | None
    version: int
