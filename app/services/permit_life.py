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


_ALIVE = frozenset({PermitState.ISSUED, PermitState.SUSPENDED})

#: In which states each decision may be taken, and the state that follows (None: the same, with other terms).
TRANSITIONS: Mapping[Decision, tuple[frozenset[PermitState], PermitState | None]] = {
    Decision.RESTRICTED: (_ALIVE, None),
    Decision.EXTENDED: (_ALIVE, None),
    Decision.AMENDED: (_ALIVE, None),
    Decision.SUSPENDED: (frozenset({PermitState.ISSUED}), PermitState.SUSPENDED),
    Decision.REINSTATED: (frozenset({PermitState.SUSPENDED}), PermitState.ISSUED),
    Decision.SURRENDERED: (_ALIVE, PermitState.SURRENDERED),
    Decision.REVOKED: (_ALIVE, PermitState.REVOKED),
    Decision.EXPIRED: (_ALIVE, PermitState.EXPIRED),
}


def may_follow(before: PermitState, decision: Decision) -> bool:
    """Whether the decision can be taken on a permit in this state."""
    return decision in TRANSITIONS and before in TRANSITIONS[decision][0]


def require_transition(before: PermitState, after: PermitState) -> None:
    """Raise InvalidChange unless a permit in the state `before` may come into the state `after`."""
    following = {target or before for sources, target in TRANSITIONS.values() if before in sources}
    if after not in following:
        raise InvalidChange(f"a permit that is {before} cannot become {after}", code="transition_not_allowed")


def has_ended(state: PermitState) -> bool:
    """Whether nothing can be decided on it any more."""
    return state not in _ALIVE


def decision_of(before: PermitRevisionRow | None, after: PermitRevisionRow) -> Decision:
    """What was decided: told from the revision before (None: it is the first)."""
    if before is None:
        return Decision.ISSUED
    if before.state is not after.state:
        return next(decision for decision, (_, target) in TRANSITIONS.items() if target is after.state)
    if not widened(terms_of(before), terms_of(after)):
        return Decision.RESTRICTED
    return Decision.EXTENDED if _only_longer(before, after) else Decision.AMENDED


def terms_of(revision: PermitRevisionRow) -> Terms:
    """Everything that a revision allows, to be compared."""
    return Terms(
        stage=revision.stage,
        conditions=Conditions.from_dict(revision.terms),
        vehicles=frozenset(vehicle.vehicle_id for vehicle in revision.vehicles),
        zones=frozenset(zone.zone_id for zone in revision.zones),
        officers=frozenset(officer.officer_id for officer in revision.officers),
        valid_from_ms=revision.valid_from_ms,
        valid_until_ms=revision.valid_until_ms,
    )


def _only_longer(before: PermitRevisionRow, after: PermitRevisionRow) -> bool:
    return widened(terms_of(before), terms_of(after)) == ["valid_until_ms"]
