"""Who may do what: one table of endpoints, one of roles. What is in neither is denied."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from app.models import Role


class Action(StrEnum):
    """What a role may be allowed to do. Ownership of objects is checked besides, in the view."""

    SEE_LIVE = "see_live"
    SEE_ALERTS = "see_alerts"
    ACKNOWLEDGE_ALERTS = "acknowledge_alerts"
    SEE_ZONES = "see_zones"
    SEE_METRICS = "see_metrics"


ALLOWED: Mapping[Action, frozenset[Role]] = {
    Action.SEE_LIVE: frozenset({Role.ADMINISTRATOR, Role.REGULATOR, Role.OPERATOR}),
    Action.SEE_ALERTS: frozenset({Role.ADMINISTRATOR, Role.REGULATOR, Role.OPERATOR}),
    Action.ACKNOWLEDGE_ALERTS: frozenset({Role.REGULATOR, Role.OPERATOR}),
    Action.SEE_ZONES: frozenset({Role.ADMINISTRATOR, Role.REGULATOR, Role.OPERATOR}),
    Action.SEE_METRICS: frozenset({Role.ADMINISTRATOR, Role.REGULATOR}),
}

#: Endpoints that anybody may call.
PUBLIC = frozenset(
    {
        "static",
        "assets.asset",
        "auth.log_in",
        "auth.log_out",
        "health.alive",
        "health.ready",
        "live.public_live",
        "live.public_live_stream",
        "zones.public_zones",
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
    "alerts.acknowledge": Action.ACKNOWLEDGE_ALERTS,
    "alerts.alerts": Action.SEE_ALERTS,
    "health.metrics": Action.SEE_METRICS,
    "live.live": Action.SEE_LIVE,
    "live.live_stream": Action.SEE_LIVE,
    "pages.staff_map": Action.SEE_LIVE,
    "zones.zones": Action.SEE_ZONES,
}


def may(role: Role, action: Action) -> bool:
    """Whether the role may do it; unknown ones may not."""
    return role in ALLOWED.get(action, frozenset())
