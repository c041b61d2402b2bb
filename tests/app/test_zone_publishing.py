"""Publishing zones: against what was seen, within their jurisdictions, never unjudgeable; their ends and effects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.database import changing_session
from app.errors import AlreadyRegistered, Conflict, InvalidChange, NotFound, RevisionInPast
from app.models import AuditEntry, Stage
from app.schemas.zones import ZoneDetails, ZoneEnd
from app.services.conditions import Conditions
from app.services.organisations import register_organisation
from app.services.permits import issue_permit
from app.services.vehicles import register_vehicle
from app.services.zone_effects import Effects, effects_of
from app.services.zone_history import ZoneHistory, end_zone, zone_history
from app.services.zones import NO_REVISION, check_zone, publish_zone
from telemetry.samples import VehicleKind
from tests.jurisdictions import jurisdiction

NOW = 1_732_190_000_000
HOUR = 3_600_000
ROAD = {"type": "LineString", "coordinates": [[113.9, 22.52], [113.9, 22.53]]}


def details(**changes: Any) -> ZoneDetails:
    road = {"kind": "test_road", "name_zh": "甲路", "name_en": "Road A", "geometry": ROAD, "half_width_m": 8}
    return ZoneDetails.model_validate(road | {"jurisdiction": "CITY", "reason": "opened"} | changes)


@dataclass
class Desk:
    session: Session

    def publish(self, zone_id: str = "R1", seen: int = NO_REVISION, now_ms: int = NOW, **changes: Any) -> int:
        return publish_zone(self.session, zone_id=zone_id, details=details(**changes), seen=seen, now_ms=now_ms).id

    def end(self, seen: int, *, now_ms: int = NOW, at_ms: int | None = None) -> int:
        ending = ZoneEnd(ends_at_ms=at_ms, reason="closed")
        return end_zone(self.session, zone_id="R1", details=ending, seen=seen, now_ms=now_ms).id

    def history(self, now_ms: int = NOW) -> ZoneHistory:
        return zone_history(self.session, "R1", now_ms)

    def effects(self, zone_id: str, **changes: Any) -> Effects:
        drawn = details(**changes)
        return effects_of(
            self.session,
            zone_id=zone_id,
            kind=drawn.kind,
            geometry=drawn.geometry,
            half_width_m=drawn.half_width_m,
            now_ms=NOW,
        )


@pytest.fixture
def desk(engine: Engine) -> Iterator[Desk]:
    with changing_session(engine) as session:
        jurisdiction(session)
        yield Desk(session)


def _code(error: pytest.ExceptionInfo[InvalidChange]) -> tuple[str, str]:
    return error.value.code, error.value.field


def test_the_next_revision_follows_the_one_that_was_seen(desk: Desk) -> None:
    first = desk.publish()
    second = desk.publish(seen=first, name_en="Road B")
    assert [each.row.id for each in desk.history().revisions] == [first, second]
    with pytest.raises(Conflict):
        desk.publish(seen=first)
    with pytest.raises(AlreadyRegistered):
        desk.publish(seen=NO_REVISION)
    with pytest.raises(NotFound):
        desk.publish("R2", seen=first)


def test_a_dry_run_refuses_what_publishing_refuses_and_stores_nothing(desk: Desk) -> None:
    seen = desk.publish()
    for wrong, error in (
        ({"kind": "test_area", "half_width_m": None, "geometry": _square(113.9)}, InvalidChange),
        ({"jurisdiction": "ELSEWHERE"}, InvalidChange),
        ({"starts_at_ms": NOW - 1}, RevisionInPast),
        ({"ends_at_ms": NOW}, InvalidChange),
    ):
        with pytest.raises(error):
            check_zone(desk.session, zone_id="R1", details=details(**wrong), seen=seen, now_ms=NOW)
    check_zone(desk.session, zone_id="R1", details=details(), seen=seen, now_ms=NOW)
    assert len(desk.history().revisions) == 1


def test_kind_and_jurisdiction_are_for_the_zones_whole_life(desk: Desk) -> None:
    jurisdiction(desk.session, "BORDER")
    seen = desk.publish()
    with pytest.raises(InvalidChange) as caught:
        desk.publish(seen=seen, jurisdiction="BORDER")
    assert _code(caught) == ("zone_jurisdiction_changed", "jurisdiction")
    with pytest.raises(InvalidChange) as caught:
        desk.publish(seen=seen, kind="air_corridor")
    assert _code(caught) == ("zone_kind_changed", "kind")
    with pytest.raises(InvalidChange) as caught:
        desk.publish("R2", jurisdiction="NOWHERE")
    assert _code(caught) == ("jurisdiction_unknown", "jurisdiction")
    with pytest.raises(InvalidChange):
        desk.publish("R2", jurisdiction="")


def test_zones_that_have_no_plane_together_are_refused(desk: Desk) -> None:
    desk.publish("R1")
    desk.publish("EAST", geometry=_line(115.5))  # some 165 km to the east: a plane between both reaches them
    with pytest.raises(InvalidChange) as caught:
        desk.publish("WEST", geometry=_line(112.3))  # fits with R1 alone, but not with EAST as well
    assert _code(caught) == ("zone_unjudgeable", "geometry")


def test_an_end_takes_effect_and_calls_off_what_was_planned(desk: Desk) -> None:
    first = desk.publish()
    second = desk.publish(seen=first, starts_at_ms=NOW + 10 * HOUR)
    desk.end(second, now_ms=NOW + HOUR, at_ms=NOW + 2 * HOUR)
    history = desk.history(NOW + HOUR)
    assert (history.state, history.upcoming) == ("in_force", None)
    assert [each.from_ms for each in history.revisions] == [NOW, None, NOW + HOUR]
    assert desk.history(NOW + 2 * HOUR).state == "ended"
    with pytest.raises(InvalidChange):
        desk.end(history.newest.row.id, now_ms=NOW + 2 * HOUR)


def test_a_zone_ends_at_once_when_no_time_is_named(desk: Desk) -> None:
    seen = desk.publish()
    desk.end(seen, now_ms=NOW + HOUR)
    assert desk.history(NOW + HOUR + 1).state == "ended"


def test_a_zone_that_has_not_begun_is_called_off(desk: Desk) -> None:
    seen = desk.publish(starts_at_ms=NOW + HOUR)
    desk.end(seen)
    assert [desk.history(at_ms).state for at_ms in (NOW + HOUR + 1, NOW + 9 * HOUR)] == ["ended", "ended"]


def test_an_ended_zone_can_be_opened_again(desk: Desk) -> None:
    ended = desk.end(desk.publish(), now_ms=NOW + HOUR)
    desk.publish(seen=ended, now_ms=NOW + 2 * HOUR)
    assert desk.history(NOW + 2 * HOUR).state == "in_force"


def test_the_effects_name_the_permits_and_count_each_vehicle_once(desk: Desk) -> None:
    desk.publish("R1")
    desk.publish("R2", geometry=_line(113.95))
    holder = register_organisation(desk.session, code="op", name_zh="甲", name_en="A", now_ms=NOW)
    vehicle, _ = register_vehicle(
        desk.session, vehicle_id="A-1", kind=VehicleKind.ROAD, organisation=holder, now_ms=NOW, plate="粤B·1"
    )
    for number, zone_ids in (("P-1", ["R1"]), ("P-2", ["R1", "R2"])):
        issue_permit(
            desk.session,
            number=number,
            stage=Stage.ROAD_TEST,
            holder=holder,
            jurisdiction=jurisdiction(desk.session),
            vehicles=[vehicle],
            zone_ids=zone_ids,
            conditions=Conditions(),
            valid_from_ms=NOW,
            valid_until_ms=NOW + HOUR,
            now_ms=NOW,
        )
    named = desk.effects("R1")
    assert ([permit.number for permit in named.permits], named.vehicles) == (["P-1", "P-2"], 1)
    assert desk.effects("R3", geometry=_line(113.9)).permits == ()
    imposed = {"kind": "restricted", "half_width_m": None}
    assert [p.number for p in desk.effects("X", geometry=_square(113.9495), **imposed).permits] == ["P-2"]
    assert desk.effects("X", geometry=_square(113.91), **imposed).permits == ()


def test_each_publication_and_end_is_told_to_the_audit_log(engine: Engine) -> None:
    with changing_session(engine) as session:
        jurisdiction(session)
        desk = Desk(session)
        desk.end(desk.publish(), now_ms=NOW + HOUR)
    with Session(engine) as session:
        told = [(entry.action, entry.reason) for entry in session.query(AuditEntry).filter_by(subject_type="zone")]
    assert told == [("zone.revision_published", "opened"), ("zone.ended", "closed")]


def _line(lon: float) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": [[lon, 22.52], [lon, 22.53]]}


def _square(west: float) -> dict[str, Any]:
    east = west + 0.001
    ring = [[west, 22.521], [east, 22.521], [east, 22.522], [west, 22.522], [west, 22.521]]
    return {"type": "Polygon", "coordinates": [ring]}
