"""What the header offers: the pages that a role may see, in one order, grouped so that they fit a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app, request, url_for
from flask_babel import lazy_gettext as _

from app.models import Role
from app.web import access

#: Names of groups; lazy texts, so that each request has them in its language.
_CONTROL, _FLEET, _PERMITS = _("Control"), _("Fleet"), _("Permits")
_REGISTRY, _PUBLIC = _("Administration"), _("Public")
_LISTS = _("Public registers")


@dataclass(frozen=True, slots=True)
class Item:
    """A page of the navigation. `label` and `group` are lazy texts; without a group it stands alone."""

    endpoint: str
    label: Any
    group: Any = None

    @property
    def url(self) -> str:
        """Where it leads."""
        return url_for(self.endpoint)

    @property
    def is_current(self) -> bool:
        """Whether this request is for the page, or for one below its address."""
        url = self.url
        return request.path == url or (url != "/" and request.path.startswith(url.rstrip("/") + "/"))


@dataclass(frozen=True, slots=True)
class Group:
    """Items behind one word of the header."""

    label: Any
    items: Sequence[Item]

    @property
    def is_current(self) -> bool:
        """Whether one of its pages is shown."""
        return any(item.is_current for item in self.items)


_STAFF = (
    Item("duty.index", _("Duty")),
    Item("alerts.index", _("Alerts"), _CONTROL),
    Item("emergencies.index", _("Emergencies"), _CONTROL),
    Item("directives.index", _("Directives"), _CONTROL),
    Item("incidents.index", _("Incidents"), _CONTROL),
    Item("evidence.index", _("Evidence"), _CONTROL),
    Item("replay.index", _("Replay"), _CONTROL),
    Item("vehicles.index", _("Vehicles"), _FLEET),
    Item("officers.index", _("People"), _FLEET),
    Item("trials.index", _("Trials"), _FLEET),
    Item("rejects.index", _("Rejected messages"), _FLEET),
    Item("applications.index", _("Applications"), _PERMITS),
    Item("permits.index", _("Permits"), _PERMITS),
    Item("sanctions.index", _("Sanctions"), _PERMITS),
    Item("zones.index", _("Zones")),
    Item("organisations.index", _("Organisations"), _REGISTRY),
    Item("users.index", _("Users"), _REGISTRY),
    Item("jurisdictions.index", _("Jurisdictions"), _REGISTRY),
    Item("notifications.index", _("Notifications"), _REGISTRY),
    Item("audit.index", _("Audit"), _REGISTRY),
)
_OPEN = (
    Item("pages.public_map", _("Map")),
    Item("public.street", _("On my street")),
    Item("public.permits", _("Permits in force"), _LISTS),
    Item("verification.index", _("Verify a permit"), _LISTS),
    Item("public.trials", _("Trials"), _LISTS),
    Item("public.operators", _("Operators"), _LISTS),
    Item("public.places", _("Roads and corridors"), _LISTS),
    Item("public.safety", _("Safety")),
    Item("pages.about", _("About")),
)


def navigation_for(role: Role | None) -> list[Item]:
    """Every page that the role may see and that this app has; None: an anonymous visitor."""
    items = _OPEN if role is None else (*_STAFF, *(Item(item.endpoint, item.label, _PUBLIC) for item in _OPEN))
    return [item for item in items if item.endpoint in current_app.view_functions and _is_open_to(role, item.endpoint)]


def entries(items: Sequence[Item]) -> list[Item | Group]:
    """The items in their order with groups put together; a group of one is its item."""
    found: list[Item | Group] = []
    seen: set[int] = set()
    for item in items:
        if item.group is None:
            found.append(item)
        elif id(item.group) not in seen:
            seen.add(id(item.group))
            members = [each for each in items if each.group is item.group]
            found.append(Group(item.group, members) if len(members) > 1 else item)
    return found


def url_if(endpoint: str, **values: object) -> str:
    """The address of an endpoint that this app may lack: empty then."""
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else ""  # type: ignore[arg-type]  # url_for's own options are no values


def _is_open_to(role: Role | None, endpoint: str) -> bool:
    if endpoint in access.PUBLIC:
        return True
    action = access.PROTECTED.get(endpoint)
    return role is not None and action is not None and access.may(role, action)
