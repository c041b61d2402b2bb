"""The words of incidents: kinds, harm, fault, fields, what was done, deadlines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import LazyString, lazy_pgettext
from flask_babel import gettext as _now
from flask_babel import lazy_gettext as _

from app.models import Fault, Harm, IncidentKind, IncidentState
from app.schemas.incidents import Disengagement, IncidentContent, Initiator, RoadType
from app.web.states import state_label
from app.web.times import shanghai

KINDS: Mapping[IncidentKind, LazyString] = {
    IncidentKind.COLLISION: _("Collision"),
    IncidentKind.INJURY: _("Injury"),
    IncidentKind.DISENGAGEMENT: _("Disengagement"),
    IncidentKind.LOSS_OF_LINK: _("Loss of link"),
    IncidentKind.NEAR_MISS: _("Near miss"),
    IncidentKind.CYBER: _("Cyber incident"),
    IncidentKind.EMERGENCY_LANDING: _("Emergency landing"),
    IncidentKind.SYSTEM_FAILURE: _("System failure"),
    IncidentKind.OTHER: _("Other incident"),
}
HARMS: Mapping[Harm, LazyString] = {
    Harm.NONE: _("No harm"),
    Harm.DAMAGE: _("Damage to property"),
    Harm.INJURY: _("Injury"),
    Harm.DEATH: _("Death"),
}
FAULTS: Mapping[Fault, LazyString] = {
    Fault.UNDECIDED: _("Not decided"),
    Fault.YES: _("At fault"),
    Fault.NO: _("Not at fault"),
}
INITIATORS: Mapping[Initiator, LazyString] = {
    Initiator.AV_SYSTEM: _("The automation"),
    Initiator.TEST_DRIVER: _("The driver on board"),
    Initiator.REMOTE_OPERATOR: _("The remote officer"),
    Initiator.PASSENGER: _("A passenger"),
}
ROADS: Mapping[RoadType, LazyString] = {
    RoadType.INTERSTATE: _("Interstate"),
    RoadType.FREEWAY: _("Expressway"),
    RoadType.HIGHWAY: _("Highway"),
    RoadType.RURAL_ROAD: _("Rural road"),
    RoadType.STREET: _("Street"),
    RoadType.PARKING_FACILITY: _("Parking facility"),
}
FIELDS: Mapping[str, LazyString] = {
    "vehicle_id": _("Vehicle"),
    "jurisdiction": _("Jurisdiction"),
    "occurred_at_ms": _("When"),
    "kind": _("Kind"),
    "harm": _("Harm"),
    "injured": _("People injured"),
    "killed": _("People killed"),
    "summary": _("What happened"),
    "disengagement.capable_without_driver": _("Can do without a driver"),
    "disengagement.driver_present": _("Driver present"),
    "disengagement.initiated_by": _("Ended by"),
    "disengagement.location": _("Kind of road"),
    "complete": _("Full report"),
    "reason": _("Reason"),
    "file": _("File"),
}
#: What was done, by the revision's `change`.
CHANGES: Mapping[str, LazyString] = {
    "opened": _("Opened by a regulator"),
    "proposed": _("Proposed by the platform"),
    "alert_added": _("Alert added by the platform"),
    "reported": lazy_pgettext("incident", "Reported"),
    "amended": _("Amended"),
    "dismissed": _("Dismissed by the operator"),
    "file_attached": _("File attached"),
    "review_begun": _("Review begun"),
    "fault_decided": _("Fault decided"),
    "closed": _("Closed"),
    "reopened": _("Opened again"),
}


def disengagement_facts(said: Disengagement) -> list[tuple[str, str]]:
    """What is asked of a disengagement, with the answers."""
    return [
        (str(FIELDS["disengagement.capable_without_driver"]), _yes_or_no(said.capable_without_driver)),
        (str(FIELDS["disengagement.driver_present"]), _yes_or_no(said.driver_present)),
        (
            str(FIELDS["disengagement.initiated_by"]),
            str(INITIATORS[said.initiated_by]) if said.initiated_by is not None else "",
        ),
        (str(FIELDS["disengagement.location"]), str(ROADS[said.location]) if said.location is not None else ""),
    ]


def compared(before: IncidentContent, after: IncidentContent) -> list[tuple[str, str, str]]:
    """Two revisions field by field, as history.comparison shows them."""
    return [(term, old, new) for (term, old), (_term, new) in zip(_told(before), _told(after), strict=True)]


def _told(content: IncidentContent) -> Sequence[tuple[str, str]]:
    place = "" if content.lat is None or content.lon is None else f"{content.lat:.6f}, {content.lon:.6f}"
    facts: list[tuple[Any, str]] = [
        (_("State"), state_label(f"incident_{content.state}")),
        (FIELDS["kind"], str(KINDS[content.kind])),
        (FIELDS["occurred_at_ms"], shanghai(content.occurred_at_ms)),
        (FIELDS["jurisdiction"], content.jurisdiction),
        (_("Latitude, longitude"), place),
        (FIELDS["harm"], str(HARMS[content.harm])),
        (FIELDS["injured"], str(content.injured)),
        (FIELDS["killed"], str(content.killed)),
        (FIELDS["summary"], content.summary),
        *disengagement_facts(content.disengagement or Disengagement()),
        (FIELDS["complete"], _yes_or_no(content.complete)),
        (_("Fault"), str(FAULTS[content.fault])),
        (_("Reason for the fault"), content.fault_reason),
        (_("Findings of the regulator"), content.conclusion),
        (_("Alerts"), "\n".join(content.alerts)),
        (_("Files"), "\n".join(f"{each.file_name} ({each.sha256[:12]})" for each in content.attachments)),
    ]
    return [(str(term), text) for term, text in facts]


def state_badge(state: IncidentState) -> str:
    """The name under which app.web.states knows the state of an incident."""
    return f"incident_{state}"


def _yes_or_no(value: bool | None) -> str:  # noqa: FBT001 -- an answer, not a switch
    return "" if value is None else _now("Yes") if value else _now("No")
