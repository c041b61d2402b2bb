"""Who may do what: one table of endpoints, one of roles. What is in neither is denied."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from app.models import OPERATORS, Role


class Action(StrEnum):
    """What a role may be allowed to do. Ownership of objects is checked besides, in the view."""

    SEE_LIVE = "see_live"
    SEE_ALERTS = "see_alerts"
    ACKNOWLEDGE_ALERTS = "acknowledge_alerts"
    SEE_REJECTS = "see_rejects"
    SEE_METRICS = "see_metrics"
    SEE_NOTICES = "see_notices"
    MANAGE_OWN_ACCOUNT = "manage_own_account"
    SEE_USERS = "see_users"
    CHANGE_USERS = "change_users"
    SEE_JURISDICTIONS = "see_jurisdictions"
    CHANGE_JURISDICTIONS = "change_jurisdictions"
    DECIDE_RECOGNITION = "decide_recognition"
    SEE_ORGANISATIONS = "see_organisations"
    REGISTER_ORGANISATIONS = "register_organisations"
    CHANGE_ORGANISATIONS = "change_organisations"
    SEE_VEHICLES = "see_vehicles"
    CHANGE_VEHICLES = "change_vehicles"
    CHANGE_VEHICLE_STATUS = "change_vehicle_status"
    MANAGE_CREDENTIALS = "manage_credentials"
    SEE_OFFICERS = "see_officers"
    CHANGE_OFFICERS = "change_officers"
    WITHDRAW_LICENCES = "withdraw_licences"
    SEE_TRIALS = "see_trials"
    CHANGE_TRIALS = "change_trials"
    SEE_ZONES = "see_zones"
    PUBLISH_ZONES = "publish_zones"
    SEE_APPLICATIONS = "see_applications"
    WRITE_APPLICATIONS = "write_applications"
    SUBMIT_APPLICATIONS = "submit_applications"
    REVIEW_APPLICATIONS = "review_applications"
    SEE_PERMITS = "see_permits"
    DECIDE_PERMITS = "decide_permits"
    SURRENDER_PERMITS = "surrender_permits"
    SEE_AUDIT = "see_audit"


_EVERYBODY = frozenset(Role)
_ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
_REGULATORS = frozenset({Role.REGULATOR})
_MANAGERS = frozenset({Role.OPERATOR_MANAGER})
_OVERSIGHT = frozenset({Role.ADMINISTRATOR, Role.REGULATOR, Role.AUDITOR})

ALLOWED: Mapping[Action, frozenset[Role]] = {
    Action.SEE_LIVE: _EVERYBODY,
    Action.SEE_ALERTS: _EVERYBODY,
    Action.ACKNOWLEDGE_ALERTS: _REGULATORS | OPERATORS,
    Action.SEE_REJECTS: _EVERYBODY,
    Action.SEE_METRICS: _OVERSIGHT,
    Action.SEE_NOTICES: _EVERYBODY,
    Action.MANAGE_OWN_ACCOUNT: _EVERYBODY,
    Action.SEE_USERS: _ADMINISTRATORS | _MANAGERS | {Role.AUDITOR},
    Action.CHANGE_USERS: _ADMINISTRATORS | _MANAGERS,
    Action.SEE_JURISDICTIONS: _EVERYBODY,
    Action.CHANGE_JURISDICTIONS: _ADMINISTRATORS,
    Action.DECIDE_RECOGNITION: _REGULATORS,
    Action.SEE_ORGANISATIONS: _EVERYBODY,
    Action.REGISTER_ORGANISATIONS: _ADMINISTRATORS,
    Action.CHANGE_ORGANISATIONS: _ADMINISTRATORS | _MANAGERS,
    Action.SEE_VEHICLES: _EVERYBODY,
    Action.CHANGE_VEHICLES: OPERATORS,
    Action.CHANGE_VEHICLE_STATUS: _MANAGERS | _REGULATORS,
    Action.MANAGE_CREDENTIALS: _MANAGERS,
    Action.SEE_OFFICERS: _EVERYBODY,
    Action.CHANGE_OFFICERS: OPERATORS,
    Action.WITHDRAW_LICENCES: _MANAGERS | _REGULATORS,
    Action.SEE_TRIALS: _EVERYBODY,
    Action.CHANGE_TRIALS: OPERATORS,
    Action.SEE_ZONES: _EVERYBODY,
    Action.PUBLISH_ZONES: _REGULATORS,
    Action.SEE_APPLICATIONS: _EVERYBODY,
    Action.WRITE_APPLICATIONS: OPERATORS,
    Action.SUBMIT_APPLICATIONS: _MANAGERS,
    Action.REVIEW_APPLICATIONS: _REGULATORS,
    Action.SEE_PERMITS: _EVERYBODY,
    Action.DECIDE_PERMITS: _REGULATORS,
    Action.SURRENDER_PERMITS: _MANAGERS,
    Action.SEE_AUDIT: _OVERSIGHT,
}

#: Endpoints that anybody may call.
PUBLIC = frozenset(
    {
        "static",
        "assets.asset",
        "api_docs.document",
        "api_docs.page",
        "auth.log_in",
        "auth.log_out",
        "health.alive",
        "health.ready",
        "api_live.public_live",
        "api_live.public_live_stream",
        "api_zones.public_zones",
        "pages.about",
        "pages.language",
        "pages.login",
        "pages.public_map",
    }
)

#: Endpoints that a process on this machine may call without saying who it is.
LOCAL = frozenset({"health.metrics"})

#: Endpoints that need an identity whose role may do this.
PROTECTED: Mapping[str, Action] = {
    "api_alerts.acknowledge": Action.ACKNOWLEDGE_ALERTS,
    "api_alerts.alerts": Action.SEE_ALERTS,
    "api_jurisdictions.jurisdiction": Action.SEE_JURISDICTIONS,
    "api_jurisdictions.jurisdictions": Action.SEE_JURISDICTIONS,
    "health.metrics": Action.SEE_METRICS,
    "api_live.live": Action.SEE_LIVE,
    "api_live.live_stream": Action.SEE_LIVE,
    "pages.staff_map": Action.SEE_LIVE,
    "api_zones.zones": Action.SEE_ZONES,
}


def may(role: Role, action: Action) -> bool:
    """Whether the role may do it; unknown ones may not."""
    return role in ALLOWED.get(action, frozenset())
