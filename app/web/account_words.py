"""Words about users, their tokens and what the audit log tells, in the request's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from app.models import ApiToken, Role
from app.schemas.accounts import Scope

#: Each role with what it is for.
ROLES: Mapping[Role, Any] = {
    Role.ADMINISTRATOR: lazy_gettext("Creates users, organisations and jurisdictions. Decides on no permit."),
    Role.REGULATOR: lazy_gettext("Publishes zones and decides on permits in its jurisdictions."),
    Role.OPERATOR_MANAGER: lazy_gettext("Runs an organisation's fleet, applies for permits, manages its users."),
    Role.OPERATOR_STAFF: lazy_gettext("Keeps an organisation's records and answers alerts."),
    Role.AUDITOR: lazy_gettext("Reads everything and changes nothing."),
}

#: Each scope with its name and what it is for.
SCOPES: Mapping[Scope, tuple[Any, Any]] = {
    Scope.READ: (lazy_gettext("Read"), lazy_gettext("See what you see.")),
    Scope.WRITE: (lazy_gettext("Write"), lazy_gettext("Change records, answer alerts, apply.")),
    Scope.DECIDE: (lazy_gettext("Decide"), lazy_gettext("Publish zones and decide on permits.")),
    Scope.USERS: (lazy_gettext("Users"), lazy_gettext("Create, change and disable users.")),
}


def scope_names(token: ApiToken) -> str:
    """What a token may be used for, as a list."""
    names = [str(SCOPES[Scope(scope)][0]) for scope in token.scopes if scope in set(Scope)]
    return _(", ").join(names)


def token_state(token: ApiToken, now_ms: int) -> str:
    """The name of the token's state: active, expired or revoked."""
    if token.revoked_at_ms is not None:
        return "revoked"
    return "active" if now_ms < token.expires_at_ms else "expired"
