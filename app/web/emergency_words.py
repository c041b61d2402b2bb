"""Emergencies in words: why a vehicle was told, what it answered, where it is, and what happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from app.models import Concern
from app.services.emergency_board import Response, Whereabouts
from app.services.emergency_report import Event, EventKind
from app.web.states import state_label

CONCERNS: Mapping[Concern, Any] = {
    Concern.INSIDE: _("inside"),
    Concern.APPROACHING: _("approaching"),
    Concern.ROUTE: _("on its route"),
}
RESPONSES: Mapping[Response, Any] = {
    Response.TOLD: _("Told"),
    Response.RECEIVED: _("Acknowledged"),
    Response.ACCEPTED: _("Obeys"),
    Response.REFUSED: _("Refuses"),
    Response.SILENT: _("No answer"),
}
WHEREABOUTS: Mapping[Whereabouts, Any] = {
    Whereabouts.INSIDE: _("Still inside"),
    Whereabouts.LEAVING: _("Leaving"),
    Whereabouts.LEFT: _("Left"),
    Whereabouts.KEPT_OUT: _("Keeps out"),
    Whereabouts.UNCLEAR: _("Not certain"),
}


def board_words() -> dict[str, Any]:
    """What the board's script says; {n} is filled in there."""
    return {
        "concern": {concern.value: str(text) for concern, text in CONCERNS.items()},
        "response": {response.value: str(text) for response, text in RESPONSES.items()},
        "whereabouts": {place.value: str(text) for place, text in WHEREABOUTS.items()},
        "to_go": gettext("{n} m to the edge"),
        "out_by": gettext("{n} m outside"),
        "unheard": gettext("last heard {n} s ago"),
        "never_heard": gettext("not heard"),
        "order_again": gettext("Order {n} again"),
    }


def event_text(event: Event) -> str:
    """What happened, in the request's language."""
    if event.kind is EventKind.DECLARED:
        return gettext("Declared")
    if event.kind is EventKind.PROLONGED:
        return gettext("Prolonged")
    if event.kind is EventKind.ENDED:
        return gettext("Ended")
    if event.kind is EventKind.PERMIT:
        state = state_label(str(event.state)).lower()
        return gettext("Permit %(number)s: %(state)s", number=event.permit, state=state)
    if event.kind is EventKind.TOLD and len(event.vehicle_ids) > 1:
        return gettext("%(count)s vehicles told", count=len(event.vehicle_ids))
    return str(_OF_VEHICLES[event.kind]) % {"vehicle": event.vehicle_ids[0]}


_OF_VEHICLES: Mapping[EventKind, Any] = {
    EventKind.TOLD: _("%(vehicle)s told"),
    EventKind.RECEIVED: _("%(vehicle)s acknowledged"),
    EventKind.ACCEPTED: _("%(vehicle)s obeys"),
    EventKind.REFUSED: _("%(vehicle)s refuses"),
    EventKind.OUTSIDE: _("%(vehicle)s is outside"),
    EventKind.RELEASED: _("%(vehicle)s knows that it may go on"),
    EventKind.OVERDUE: _("%(vehicle)s was not outside after two minutes"),
}
#: The colours of the timeline, as states of app.web.states have them.
EVENT_STATES: Mapping[EventKind, str] = {
    EventKind.DECLARED: "critical",
    EventKind.TOLD: "submitted",
    EventKind.RECEIVED: "draft",
    EventKind.ACCEPTED: "submitted",
    EventKind.REFUSED: "critical",
    EventKind.OUTSIDE: "passed",
    EventKind.OVERDUE: "critical",
    EventKind.PROLONGED: "warning",
    EventKind.PERMIT: "warning",
    EventKind.ENDED: "passed",
    EventKind.RELEASED: "passed",
}
