"""The life of a permit: which state may follow which, and what each decision was."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from app.errors import InvalidChange
from app.models import PermitRevisionRow
from app.services.conditions import Conditions
from app.services.restriction import Terms, widened
from telemetry.ports import PermitState


class Decision(StrEnum):
    """What was decided with a revision, in the order of a permit's life."""

    ISSUED = "issued"
    RESTRICTED = "restricted"
    EXTENDED = "extended"
    AMENDED = "amended"
    SUSPENDED = "suspended"
    REINSTATED = "reinstated"
    SURRENDERED = "surrendered"
    REVOKED = "revoked"
    EXPIRED = "expired"


_ENDS = frozenset({PermitState.SURRENDERED, PermitState.REVOKED, PermitState.EXPIRED})

#: Which states a new revision may have; one that is the same changes the terms. What has ended stays ended.
FOLLOWED_BY: Mapping[PermitState, frozenset[PermitState]] = {
    PermitState.ISSUED: _ENDS | {PermitState.ISSUED, PermitState.SUSPENDED},
    PermitState.SUSPENDED: _ENDS | {PermitState.SUSPENDED, PermitState.ISSUED},
    PermitState.SURRENDERED: frozenset(),
    PermitState.REVOKED: frozenset(),
    PermitState.EXPIRED: frozenset(),
}

_BY_NEW_STATE = {
    PermitState.ISSUED: Decision.REINSTATED,
    PermitState.SUSPENDED: Decision.SUSPENDED,
    PermitState.SURRENDERED: Decision.SURRENDERED,
    PermitState.REVOKED: Decision.REVOKED,
    PermitState.EXPIRED: Decision.EXPIRED,
}


def require_transition(before: PermitState, after: PermitState) -> None:
    """Raise InvalidChange unless a permit in the state `before` may come into the state `after`."""
    if after not in FOLLOWED_BY[before]:
        raise InvalidChange(f"a permit that is {before} cannot become {after}", code="transition_not_allowed")


def has_ended(state: PermitState) -> bool:
    """Whether nothing can be decided on it any more."""
    return not FOLLOWED_BY[state]


def decision_of(before: PermitRevisionRow | None, after: PermitRevisionRow) -> Decision:
    """What was decided: told from the revision before (None: it is the first)."""
    if before is None:
        return Decision.ISSUED
    if before.state is not after.state:
        return _BY_NEW_STATE[after.state]
    if not widened(terms_of(before), terms_of(after)):
        return Decision.RESTRICTED
    return Decision.EXTENDED if _only_longer(before, after) else Decision.AMENDED


def terms_of(revision: PermitRevisionRow) -> Terms:
    """Everything that a revision allows, to be compared."""
    return Terms(
        conditions=Conditions.from_dict(revision.terms),
        vehicles=frozenset(vehicle.vehicle_id for vehicle in revision.vehicles),
        zones=frozenset(zone.zone_id for zone in revision.zones),
        officers=frozenset(officer.officer_id for officer in revision.officers),
        valid_from_ms=revision.valid_from_ms,
        valid_until_ms=revision.valid_until_ms,
    )


def _only_longer(before: PermitRevisionRow, after: PermitRevisionRow) -> bool:
    return widened(terms_of(before), terms_of(after)) == ["valid_until_ms"]
