"""What stands on a permit's notice, read from the registry."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.calendar import wall_time
from app.documents.permit_notice import Listed, PermitNotice
from app.documents.wording import DECISIONS, STAGES, STANDINGS, Words, condition_terms
from app.models import Organisation, PermitRevisionRow, Vehicle
from app.services.conditions import Conditions
from app.services.permit_register import StandingPermit, decisions_on
from app.services.zones import zones_in_force
from telemetry.samples import VehicleKind


def permit_notice(session: Session, found: StandingPermit, *, url: str, now_ms: int) -> PermitNotice:
    """The notice of a permit as it stands; `url` is its public verification page."""
    permit, current = found.permit, found.current
    authority = permit.jurisdiction.authority
    return PermitNotice(
        number=permit.number,
        revision=current.number,
        standing=found.standing,
        standing_words=STANDINGS[found.standing],
        facts=_facts(session, found),
        terms=condition_terms(Conditions.from_dict(current.terms)),
        lists=_lists(session, current, now_ms),
        authority=_named(authority) if authority else Words(permit.jurisdiction.name_zh, permit.jurisdiction.name_en),
        signed_on=_wall(current.recorded_at_ms)[:10],
        printed_at=f"{_wall(now_ms)} (UTC+8)",
        printed_at_ms=now_ms,
        url=url,
    )


def _facts(session: Session, found: StandingPermit) -> list[tuple[Words, Words]]:
    permit, current = found.permit, found.current
    taken = next(each for each in decisions_on(session, permit) if each.revision.id == current.id)
    begins, ends = _wall(current.valid_from_ms), _wall(current.valid_until_ms)
    decision, day = DECISIONS[taken.decision], _wall(current.recorded_at_ms)[:10]
    return [
        (Words("持有单位", "Holder"), _named(permit.holder)),
        (Words("阶段", "Stage"), STAGES[current.stage]),
        (Words("签发辖区", "Jurisdiction"), Words(permit.jurisdiction.name_zh, permit.jurisdiction.name_en)),
        (Words("有效期", "Valid"), Words(f"{begins} 至 {ends}（北京时间）", f"{begins} to {ends} (UTC+8)")),
        (
            Words("最近决定", "Latest decision"),
            Words(
                f"{day} {decision.zh}（第 {current.number} 版）",
                f"{day} {decision.en.lower()} (revision {current.number})",
            ),
        ),
        (Words("理由", "Reason"), Words(current.reason, current.reason)),
    ]


def _lists(session: Session, current: PermitRevisionRow, now_ms: int) -> list[Listed]:
    names = {row.zone_id: f"{row.name_zh}  {row.name_en}" for row in zones_in_force(session, now_ms)}
    vehicles = sorted(current.vehicles, key=lambda vehicle: vehicle.vehicle_id)
    officers = sorted(current.officers, key=lambda officer: officer.officer_id)
    zones = sorted(current.zones, key=lambda zone: zone.zone_id)
    nothing = Words("无", "none")
    return [
        Listed(Words("车辆（航空器）", "Vehicles"), [(each.vehicle_id, _vehicle(each)) for each in vehicles], nothing),
        Listed(
            Words("道路、区域与航路", "Roads, areas and corridors"),
            [(each.zone_id, names.get(each.id, "")) for each in zones],
            nothing,
        ),
        Listed(
            Words("人员", "People"),
            [(each.officer_id, each.name) for each in officers],
            Words("持有单位全部具备资格的人员。", "Every qualified person of the holder."),
        ),
    ]


def _named(organisation: Organisation) -> Words:
    return Words(organisation.name_zh, organisation.name_en)


def _vehicle(vehicle: Vehicle) -> str:
    is_road = vehicle.kind is VehicleKind.ROAD
    level = "" if vehicle.automation_level is None else f"J3016 L{vehicle.automation_level}"
    parts = (
        vehicle.plate if is_road else vehicle.registration_mark,
        vehicle.vin if is_road else vehicle.serial_number,
        " ".join(part for part in (vehicle.make, vehicle.model) if part),
        level if is_road else vehicle.aircraft_type,
    )
    return " · ".join(part for part in parts if part)


def _wall(time_ms: int) -> str:
    return wall_time(time_ms).strftime("%Y-%m-%d %H:%M")
