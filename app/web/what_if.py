"""The answer to the question "what if?", for the API and for the pages."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from app.registry import open_registry
from app.schemas.what_if import EpisodeChange, EpisodeOut, InstantOut, ShiftOut, WhatIf, WhatIfOut
from app.services.permits import permit_by_number
from app.services.what_if import answer_to, question_of, vehicle_ids
from app.web.gate import identity
from app.web.ownership import require_own
from app.web.runtime import runtime
from telemetry.findings import RULES
from telemetry.ports import AlertChange
from telemetry.whatif import Comparison, Shift

_MOST_ALERTS = 500


def answered(asked: WhatIf) -> WhatIfOut:
    """The answer to the caller's question; see app.services.what_if for what it raises."""
    web = runtime()
    with web.reading() as session:
        if asked.permit is not None:
            require_own(permit_by_number(session, asked.permit).holder_id)
        question = question_of(session, asked, organisation_id=identity().scope)
    found = answer_to(question, web.engine, open_registry(web.engine, web.settings), web.settings.coverage_factor)
    with web.reading() as session:
        return _out(session, asked, found)


def _out(session: Session, asked: WhatIf, found: Comparison) -> WhatIfOut:
    every = [*found.opened, *found.spared, *(was for was, _instead in found.moved)]
    keys = {vehicle for shift in found.shifts for vehicle, _at_ms in shift.examples}
    names = vehicle_ids(session, keys | {alert.vehicle for alert in every})
    alerts = [
        *(_episode("opened", alert, names) for alert in found.opened),
        *(_episode("not_opened", alert, names) for alert in found.spared),
        *(_episode("moved", was, names, instead.opened_at_ms) for was, instead in found.moved),
    ]
    return WhatIfOut(
        since_ms=asked.since_ms,
        until_ms=asked.until_ms,
        samples=found.samples,
        vehicles=found.vehicles,
        shifts=[_shift(shift, names) for shift in found.shifts],
        alerts_opened=len(found.opened),
        alerts_not_opened=len(found.spared),
        alerts_moved=len(found.moved),
        alerts=sorted(alerts, key=lambda alert: alert.opened_at_ms)[:_MOST_ALERTS],
    )


def _shift(shift: Shift, names: Mapping[int, str]) -> ShiftOut:
    return ShiftOut(
        finding=shift.finding.code,
        severity=RULES[shift.finding].severity,
        change="found" if shift.is_new else "no_longer_found",
        samples=shift.samples,
        vehicles=len(shift.vehicles),
        first_ms=shift.first_ms,
        last_ms=shift.last_ms,
        examples=[InstantOut(vehicle_id=names[key], timestamp_ms=at_ms) for key, at_ms in shift.examples],
    )


def _episode(
    change: EpisodeChange, alert: AlertChange, names: Mapping[int, str], instead_ms: int | None = None
) -> EpisodeOut:
    return EpisodeOut(
        change=change,
        vehicle_id=names[alert.vehicle],
        finding=alert.finding.code,
        severity=alert.severity,
        opened_at_ms=alert.opened_at_ms,
        instead_ms=instead_ms,
    )
