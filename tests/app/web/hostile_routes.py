"""Every route of the app with an address of a real object of NORTH, taken from the url_map.

A route whose variables are unknown here fails the tests that walk over all routes: `_OBJECTS` is to be
taught what its object is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from werkzeug.routing import Rule

from app.models import Role
from app.web import access
from tests.app.web.hostile_city import Attack

#: The object that a variable names: by endpoint, blueprint or variable, the first that is known counts.
_OBJECTS: Mapping[str, str] = {
    "alert_id": "alert_id",
    "channel_id": "channel_id",
    "delivery_id": "delivery_id",
    "bundle_id": "bundle",
    "filter_id": "filter_id",
    "directive_id": "directive",
    "notice_id": "notice_id",
    "officer_id": "officer_id",
    "reject_id": "reject_id",
    "token_id": "token_id",
    "trial_id": "trial_id",
    "user_id": "user_id",
    "vehicle_id": "vehicle_id",
    "zone_id": "zone_id",
    "api_permits:number": "permit",
    "permits:number": "permit",
    "permit_number": "permit",
    "permit_decisions:number": "permit",
    "api_verification:number": "permit",
    "verification:number": "permit",
    "applications.compare:number": "waiting",
    "api_applications.comparison:number": "waiting",
    "api_applications.ask_for_changes:number": "waiting",
    "api_applications.issue:number": "waiting",
    "api_applications.take:number": "waiting",
    "api_applications.turn_down:number": "waiting",
    "applications:number": "application",
    "application_steps:number": "application",
    "application_review:number": "waiting",
    "application_steps:public_id": "attachment",
    "api_applications:number": "application",
    "attachments:public_id": "attachment",
    "emergencies:number": "emergency",
    "api_emergencies:number": "emergency",
    "emergency_reports:number": "emergency",
    "incidents:number": "incident",
    "api_incidents:number": "incident",
    "api_sanctions:number": "sanction",
    "sanctions:number": "sanction",
    "incident_review:number": "incident",
    "vehicle_imports:public_id": "vehicle_import",
    "what_if:number": "permit",
    "zone_imports:draft_id": "zone_import",
    "organisations:code": "organisation",
    "api_organisations:code": "organisation",
    "api_jurisdictions:code": "jurisdiction",
    "jurisdictions:code": "jurisdiction",
    "api_audit:number": "audit_entry",
    "audit:number": "audit_entry",
    "assets:package": "package",
    "assets:path": "asset",
    "static:filename": "static",
    "pages:code": "language",
    "step": "step",
    "file": "attachment",
    "recogniser": "jurisdiction",
    "issuer": "other_jurisdiction",
}
#: What is no object of NORTH: everybody's, the city's, or one person's own.
SHARED: Mapping[str, str] = {
    "jurisdiction": "QH",
    "other_jurisdiction": "BA",
    "package": "leaflet",
    "asset": "leaflet.css",
    "static": "pilotage.css",
    "language": "en",
    "step": "basics",
}
_HIDDEN_FROM_REGULATORS = frozenset({"application", "channel_id", "delivery_id"})
_LEFT_OUT = frozenset({"static", "assets.asset", "health.ready", "permits.notice", "api_permits.notice"})


@dataclass(frozen=True)
class Route:
    """One way to call one view; `objects` names what its variables stand for."""

    endpoint: str
    method: str
    url: str
    objects: Mapping[str, str]
    rule: Rule

    @property
    def is_page(self) -> bool:
        return not self.url.startswith("/api/")

    @property
    def is_table(self) -> bool:
        """Whether it may be a page with a table in it: not a file, not a form."""
        return self.is_page and self.method == "GET" and "." not in self.url.rpartition("/")[2]

    def roles(self) -> list[Role]:
        """Who may call it; regulators see neither drafts of applications nor where NORTH is told of what happens."""
        action = access.PROTECTED.get(self.endpoint)
        roles = list(Role) if action is None else [role for role in Role if access.may(role, action)]
        is_hidden = not _HIDDEN_FROM_REGULATORS.isdisjoint(self.objects.values())
        return [role for role in roles if not (is_hidden and role is Role.REGULATOR)]


def routes(attack: Attack) -> Iterator[Route]:
    """Everything that can be called, event streams left out: they do not end."""
    for rule in attack.app.url_map.iter_rules():
        if rule.rule.endswith("/stream"):
            continue
        objects = {name: object_of(rule, name) for name in sorted(rule.arguments)}
        values = {name: (attack.objects | SHARED)[known] for name, known in objects.items()}
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Route(rule.endpoint, method, url_of(attack, rule, values), objects, rule)


def looked_at(attack: Attack) -> list[Route]:
    """What is read again and again: without files of the pages, and without paper, which takes seconds to draw."""
    return [route for route in routes(attack) if route.method == "GET" and route.endpoint not in _LEFT_OUT]


def object_of(rule: Rule, variable: str) -> str:
    """The name of the object that a variable of a route stands for."""
    blueprint = rule.endpoint.partition(".")[0]
    for key in (f"{rule.endpoint}:{variable}", f"{blueprint}:{variable}", variable):
        if key in _OBJECTS:
            return _OBJECTS[key]
    raise AssertionError(f"{rule.endpoint} {rule.rule}: tell hostile_routes._OBJECTS what `{variable}` names")


def url_of(attack: Attack, rule: Rule, values: Mapping[str, str]) -> str:
    """The address of a route with these values."""
    adapter = attack.app.url_map.bind("localhost")
    typed = {name: int(value) if _is_int(rule, name) else value for name, value in values.items()}
    return adapter.build(rule.endpoint, typed)


def _is_int(rule: Rule, name: str) -> bool:
    return f"<int:{name}>" in rule.rule
