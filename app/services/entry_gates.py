"""Entry gates: what a stage demands, measured from what the platform itself has recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.calendar import months_after_ms
from app.models import Fault, Jurisdiction, Organisation, Stage, Vehicle
from app.schemas.applications import EntryGate
from app.schemas.jurisdictions import StageThresholds, Thresholds
from app.services.accidents import accidents_since
from app.services.usage import drove_elsewhere, usage_of


def thresholds_of(jurisdiction: Jurisdiction, stage: Stage) -> StageThresholds:
    """What the jurisdiction demands of a stage: its own values, or the documented defaults."""
    thresholds: StageThresholds = getattr(Thresholds.model_validate(jurisdiction.thresholds), stage.value)
    return thresholds


def entry_gates(
    session: Session,
    *,
    holder: Organisation,
    jurisdiction: Jurisdiction,
    stage: Stage,
    vehicle_ids: Collection[str],
    zone_ids: Collection[str],
    now_ms: int,
) -> Sequence[EntryGate]:
    """Every gate of the stage that demands something, passed or not."""
    demanded = thresholds_of(jurisdiction, stage)
    since_ms = months_after_ms(now_ms, -demanded.evidence_months)
    found: list[EntryGate] = []
    if demanded.min_distance_km or demanded.min_hours:
        found.append(_experience(session, demanded, holder, zone_ids, since_ms))
    if demanded.accident_free:
        found.append(_accident_free(session, holder, zone_ids, since_ms))
    if demanded.min_insured_sum_cny:
        found.append(_insured_sum(session, demanded, holder, vehicle_ids))
    return found


def _experience(
    session: Session, demanded: StageThresholds, holder: Organisation, zone_ids: Collection[str], since_ms: int
) -> EntryGate:
    usage = usage_of(session, organisation_id=holder.id, zone_ids=zone_ids, since_ms=since_ms)
    reached = list(_reached(demanded, usage.autonomous_distance_km, usage.autonomous_hours))
    return EntryGate(
        code="experience",
        passed=all(reached) if demanded.both_needed else any(reached),
        required={
            "distance_km": demanded.min_distance_km,
            "hours": demanded.min_hours,
            "both_needed": float(demanded.both_needed),
        },
        measured={
            "distance_km": round(usage.autonomous_distance_km, 3),
            "hours": round(usage.autonomous_hours, 3),
            "all_distance_km": round(usage.distance_km, 3),
            "all_hours": round(usage.hours, 3),
        },
        since_ms=since_ms,
    )


def _reached(demanded: StageThresholds, distance_km: float, hours: float) -> Iterator[bool]:
    """Whether each of the two that is demanded at all is reached."""
    if demanded.min_distance_km:
        yield distance_km >= demanded.min_distance_km
    if demanded.min_hours:
        yield hours >= demanded.min_hours


def _accident_free(session: Session, holder: Organisation, zone_ids: Collection[str], since_ms: int) -> EntryGate:
    """Accidents of vehicles that may have been on the requested zones that day.

    Nothing fails open: one whose fault is undecided is not yet none, and where nothing is known of the
    vehicle's day, it may have happened there.
    """
    every = accidents_since(session, holder.id, since_ms)
    found = [each for each in every if not drove_elsewhere(session, each.vehicle_key, each.occurred_at_ms, zone_ids)]
    at_fault = sum(1 for incident in found if incident.fault is Fault.YES)
    return EntryGate(
        code="accident_free",
        passed=not found,
        required={"at_fault": 0},
        measured={"at_fault": at_fault, "undecided": len(found) - at_fault, "elsewhere": len(every) - len(found)},
        since_ms=since_ms,
        subjects=[incident.incident_id for incident in found],
    )


def _insured_sum(
    session: Session, demanded: StageThresholds, holder: Organisation, vehicle_ids: Collection[str]
) -> EntryGate:
    """What is not a vehicle of the holder is insured for nothing here: a draft may name anybody's."""
    own = select(Vehicle.vehicle_id, Vehicle.insured_sum_cny).where(
        Vehicle.vehicle_id.in_(vehicle_ids), Vehicle.organisation_id == holder.id
    )
    sums = dict.fromkeys(sorted(vehicle_ids), 0)
    sums |= {vehicle_id: insured or 0 for vehicle_id, insured in session.execute(own)}
    below = [vehicle_id for vehicle_id, insured in sums.items() if insured < demanded.min_insured_sum_cny]
    return EntryGate(
        code="insured_sum",
        passed=bool(sums) and not below,
        required={"insured_sum_cny": demanded.min_insured_sum_cny},
        measured={"insured_sum_cny": min(sums.values(), default=0)},
        subjects=below,
    )
