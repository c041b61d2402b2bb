"""From a place that is closed at once to everybody out of it, or not; and its end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import OperationalError

from app.database import changing_session, open_engine, reading_session, snapshot_connection
from app.errors import Conflict, InvalidChange
from app.models import AuditEntry, Cause, Concern, Outcome, Sample
from app.schemas.emergencies import Declaration, Prolongation
from app.services.emergencies import active_emergencies, emergency_by_number, end, order_again, prolong
from app.services.emergency_board import Board, Response, Whereabouts, board_of
from app.services.emergency_report import EventKind, Report, report_of
from app.services.emergency_watch import would_be_told
from app.services.permit_life import Decision
from app.storage import stored_alerts, stored_batches
from telemetry.directives import DirectiveKind, Reply
from telemetry.findings import Finding
from telemetry.replay import judge_again
from tests.app.emergency_cast import CAR, LAT, LON, OTHER, SENSES, Scene
from tests.app.permit_cast import REGULATOR, decided, person

AWAY_M = 480.0


@pytest.fixture
def scene(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Scene]:
    engine = open_engine(f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'test.sqlite3')}")
    yield Scene(engine)
    engine.dispose()


def board(scene: Scene) -> Board:
    with reading_session(scene.engine) as session:
        emergency = emergency_by_number(session, scene.emergency().number)
        return board_of(session, emergency, senses=SENSES, now_ms=scene.now_ms)


def shown(scene: Scene, vehicle_id: str) -> tuple[Response, Whereabouts]:
    row = next(row for row in board(scene).rows if row.told.vehicle.vehicle_id == vehicle_id)
    return row.response, row.whereabouts


def report(scene: Scene) -> Report:
    with reading_session(scene.engine) as session:
        return report_of(session, emergency_by_number(session, scene.emergency().number), now_ms=scene.now_ms)


def test_from_the_declaration_to_the_report(engine: Engine) -> None:
    scene = Scene(engine)
    scene.passes(3)
    assert scene.declares() == "E-2024-0001"
    assert {vehicle: row.concern for vehicle, row in scene.told().items()} == {
        CAR: Concern.INSIDE,
        OTHER: Concern.INSIDE,
    }
    (demanded,) = scene.demanded(CAR)
    assert (demanded.kind, demanded.deadline_ms) == (DirectiveKind.LEAVE, scene.now_ms + 120_000)
    assert demanded.place is not None
    assert demanded.place["type"] == "Polygon"
    assert shown(scene, CAR) == (Response.TOLD, Whereabouts.INSIDE)
    scene.answers(CAR, Reply.RECEIVED)
    scene.answers(CAR, Reply.ACCEPTED)
    scene.speed_mps[CAR] = 13.0
    scene.passes(10)
    assert shown(scene, CAR) == (Response.ACCEPTED, Whereabouts.LEAVING)
    assert shown(scene, OTHER) == (Response.TOLD, Whereabouts.INSIDE)
    assert scene.newest(CAR).complied_at_ms is None, "outside for two seconds"
    scene.passes(1)
    assert scene.newest(CAR).complied_at_ms == scene.now_ms
    assert scene.newest(CAR).settled_at_ms is None, "it has to stay out"
    assert shown(scene, CAR) == (Response.ACCEPTED, Whereabouts.LEFT)
    assert shown(scene, OTHER) == (Response.SILENT, Whereabouts.INSIDE)
    scene.waits(110)
    assert [notice.params["vehicle"] for notice in scene.notices("directive.overdue")] == [OTHER]
    assert board(scene).totals.overdue == 1
    with changing_session(engine) as session:
        decided(session, Decision.SUSPENDED, seen=1, now_ms=scene.now_ms)
    scene.ends()
    assert {directive.cause for directive in scene.directives(OTHER)} == {Cause.EMERGENCY, Cause.PERMIT}
    assert [each.kind for each in scene.demanded(CAR)] == [DirectiveKind.HALT], "of the permit"
    left, stayed = (
        next(each for each in scene.directives(vehicle) if each.cause is Cause.EMERGENCY) for vehicle in (CAR, OTHER)
    )
    assert (left.outcome, stayed.outcome) == (Outcome.RELEASED, Outcome.WITHDRAWN)
    found = report(scene)
    assert (found.obliged, found.in_time, found.share) == (2, 1, 0.5)
    course = {each.told.vehicle.vehicle_id: each for each in found.courses}
    assert (course[CAR].took_ms, course[CAR].in_time, course[OTHER].in_time) == (11_000, True, False)
    kinds = [each.kind for each in found.events]
    assert kinds[:4] == [EventKind.DECLARED, EventKind.TOLD, EventKind.RECEIVED, EventKind.ACCEPTED]
    assert kinds[4:] == [EventKind.OUTSIDE, EventKind.OVERDUE, EventKind.PERMIT, EventKind.ENDED]
    assert len(scene.notices("emergency.declared")) == len(scene.notices("emergency.ended")) == 2
    with snapshot_connection(engine) as connection:
        assert list(judge_again(stored_batches(connection), scene.registry, stored_alerts(connection))) == []


def test_the_next_sample_meets_it(scene: Scene) -> None:
    scene.passes(1)
    scene.declares()
    scene.passes(1)
    with reading_session(scene.engine) as session:
        verdicts = session.scalars(select(Sample.verdict).order_by(Sample.timestamp_ms, Sample.seq)).all()
    assert [bool(verdict & Finding.RESTRICTED_AREA) for verdict in verdicts] == [False, False, True, True]


def test_who_approaches_is_told_and_keeps_out_and_who_comes_in_later_has_two_minutes_then(scene: Scene) -> None:
    scene.east_m = {CAR: AWAY_M, OTHER: -AWAY_M}
    scene.speed_mps[CAR] = -5.0
    scene.passes(1)
    scene.declares()
    assert scene.told()[CAR].concern is Concern.APPROACHING
    assert scene.told()[OTHER].concern is Concern.ROUTE, "it stands on a road that leads through the place"
    scene.passes(4)
    assert shown(scene, CAR)[1] is shown(scene, OTHER)[1] is Whereabouts.KEPT_OUT
    assert [row.clock_ms for row in board(scene).rows] == [None, None]
    first = scene.newest(CAR)
    assert (first.complied_at_ms is not None, first.settled_at_ms) == (True, None)
    scene.speed_mps[CAR] = -15.0
    scene.passes(19)
    told = scene.told()[CAR]
    assert told.entered_at_ms is not None
    assert told.told_at_ms == told.entered_at_ms
    assert shown(scene, CAR)[1] is Whereabouts.INSIDE
    again = scene.newest(CAR)
    assert again.directive_id != first.directive_id
    assert scene.directives(CAR)[0].outcome is Outcome.REPLACED
    assert [each.directive_id for each in scene.demanded(CAR)] == [again.directive_id]
    scene.ends()
    assert scene.newest(OTHER).outcome is Outcome.RELEASED, "its samples show that it kept out"
    assert [each.in_time for each in report(scene).courses] == [None, None], (
        "the one had nothing to leave, the other time"
    )


def test_who_comes_back_is_told_again(scene: Scene) -> None:
    scene.east_m[CAR] = 150.0
    scene.speed_mps[CAR] = 13.0
    scene.passes(1)
    scene.declares()
    scene.passes(9)
    assert shown(scene, CAR)[1] is Whereabouts.LEFT
    scene.speed_mps[CAR] = -13.0
    scene.passes(8)
    assert len(scene.directives(CAR)) == 2
    assert shown(scene, CAR)[1] is not Whereabouts.LEFT
    assert scene.told()[CAR].told_at_ms > scene.emergency().declared_at_ms


def test_later_ones_are_told_as_they_come_and_those_not_heard_for_long_are_not(scene: Scene) -> None:
    scene.silent = {OTHER}
    scene.passes(1)
    scene.declares()
    assert set(scene.told()) == {CAR}
    scene.silent = {CAR}
    scene.east_m[OTHER] = -AWAY_M
    scene.passes(1)
    assert scene.told()[OTHER].concern is Concern.ROUTE
    assert len(scene.notices("emergency.declared")) == 2, "regulators and the operator, each once"
    scene.passes(11)
    assert shown(scene, CAR)[1] is Whereabouts.INSIDE, "nothing shows that it left"


def test_a_clock_from_the_future_does_not_make_a_vehicle_leave(scene: Scene) -> None:
    scene.passes(1)
    scene.declares()
    scene.east_m[CAR] = AWAY_M
    for _ in range(8):
        scene.now_ms += 1_000
        scene.says(CAR, ahead_ms=30_000)
        scene.follows()
    assert scene.newest(CAR).complied_at_ms is None
    assert shown(scene, CAR)[1] is Whereabouts.INSIDE


def test_behind_a_sample_from_the_future_a_vehicle_is_still_found(scene: Scene) -> None:
    scene.east_m[CAR] = AWAY_M
    scene.says(CAR, ahead_ms=60_000)
    scene.declares()
    scene.east_m[CAR] = 0.0
    scene.passes(1)
    assert scene.told()[CAR].concern in {Concern.INSIDE, Concern.ROUTE}
    assert scene.told()[CAR].entered_at_ms is not None


def test_a_band_closes_its_heights_only(scene: Scene) -> None:
    scene.passes(1, altitude=12.0, vertical_accuracy=1.0)
    scene.declares(lower_m=60, upper_m=120, datum="AGL")
    assert scene.told() == {}, "they are on the ground, and so is their road"


def test_it_ends_by_itself(scene: Scene) -> None:
    scene.passes(1)
    scene.declares(duration_min=2)
    planned_ms = scene.now_ms + 120_000
    assert scene.emergency().planned_end_ms == planned_ms
    scene.waits(121)
    ended = scene.emergency()
    assert (ended.ended_at_ms, ended.ended_by_id) == (planned_ms, None)
    assert scene.demanded(CAR) == ()
    scene.passes(1)
    with reading_session(scene.engine) as session:
        newest = session.scalars(select(Sample.verdict).order_by(Sample.timestamp_ms.desc()).limit(1)).one()
    assert not newest & Finding.RESTRICTED_AREA


def test_an_end_that_is_open_waits_for_somebody(scene: Scene) -> None:
    scene.declares(until_further_notice=True)
    scene.waits(30 * 86_400)
    assert scene.emergency().ended_at_ms is None


def test_of_two_who_end_it_the_second_is_told(scene: Scene) -> None:
    number = scene.declares()
    with pytest.raises(Conflict):
        scene.ends(version=7)
    scene.ends()
    with changing_session(scene.engine) as session:
        emergency = emergency_by_number(session, number)
        actor = person(session, REGULATOR)
        with pytest.raises(InvalidChange, match="over already"):
            end(session, emergency, reason="r", expected_version=2, actor=actor, now_ms=scene.now_ms)
        with pytest.raises(InvalidChange, match="over already"):
            order_again(session, emergency, CAR, actor=actor, now_ms=scene.now_ms)


def test_ordering_again_leaves_the_clock_running(scene: Scene) -> None:
    scene.passes(1)
    number = scene.declares()
    scene.passes(5)
    with changing_session(scene.engine) as session:
        emergency = emergency_by_number(session, number)
        order_again(session, emergency, CAR, actor=person(session, REGULATOR), now_ms=scene.now_ms)
    assert len(scene.directives(CAR)) == 2
    row = next(row for row in board(scene).rows if row.told.vehicle.vehicle_id == CAR)
    assert (row.clock_ms, row.response) == (5_000, Response.TOLD)


def test_a_vehicle_in_two_emergencies_obeys_both(scene: Scene) -> None:
    scene.passes(1)
    first = scene.declares()
    second = scene.declares(circle={"lon": LON, "lat": LAT, "radius_m": 400})
    assert [first, second] == ["E-2024-0001", "E-2024-0002"]
    assert len(scene.demanded(CAR)) == 2
    with changing_session(scene.engine) as session:
        emergency = emergency_by_number(session, first)
        actor = person(session, REGULATOR)
        end(session, emergency, reason="r", expected_version=1, actor=actor, now_ms=scene.now_ms)
    assert [each.directive_id for each in scene.demanded(CAR)] == [scene.newest(CAR).directive_id]


def test_a_database_that_fails_in_between_loses_nothing_and_tells_nobody_twice(scene: Scene) -> None:
    scene.silent = {OTHER}
    scene.passes(1)
    scene.declares()
    scene.silent = set()

    def fails(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO emergency_vehicles"):
            raise OperationalError("the server restarts", None, Exception("gone"))

    scene.now_ms += 1_000
    scene.says(OTHER)
    event.listen(scene.engine, "before_cursor_execute", fails)
    with pytest.raises(OperationalError):
        scene.follows()
    event.remove(scene.engine, "before_cursor_execute", fails)
    assert scene.directives(OTHER) == []
    for _again in range(2):
        scene.follows()
    assert len(scene.directives(OTHER)) == 1
    with reading_session(scene.engine) as session:
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "emergency.vehicles_told")).all()
    assert [entry.after for entry in told] == [{"vehicles": {CAR: "inside"}}, {"vehicles": {OTHER: "inside"}}]


def test_a_worker_that_restarts_sees_them_leave_all_the_same(scene: Scene) -> None:
    scene.east_m[CAR] = 180.0
    scene.speed_mps[CAR] = 13.0
    scene.passes(1)
    scene.declares()
    scene.passes(3)
    scene.restarted()
    scene.passes(4)
    assert shown(scene, CAR)[1] is Whereabouts.LEFT


def test_nothing_is_read_of_vehicles_while_there_is_no_emergency(scene: Scene) -> None:
    scene.passes(1)
    asked: list[str] = []
    event.listen(scene.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    scene.follower.run(scene.engine, scene.now_ms)
    assert [statement.split()[0] for statement in asked] == ["BEGIN", "SELECT"]


BOW_TIE = [[113.9, 22.5], [113.91, 22.51], [113.91, 22.5], [113.9, 22.51], [113.9, 22.5]]
ROUND = {"lon": LON, "lat": LAT}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"geometry": {"type": "Polygon", "coordinates": [BOW_TIE]}}, "polygon_invalid"),
        ({"geometry": {"type": "LineString", "coordinates": BOW_TIE[:2]}}, "area_needed"),
        ({"circle": ROUND | {"radius_m": 9}}, "greater_than_equal"),
        ({"circle": ROUND | {"radius_m": 20_001}}, "less_than_equal"),
        ({}, "one_shape_needed"),
        ({"circle": ROUND | {"radius_m": 50}, "lower_m": 100, "upper_m": 60, "datum": "AGL"}, "band_upside_down"),
        ({"circle": ROUND | {"radius_m": 50}, "upper_m": 60}, "datum_missing"),
        ({"circle": ROUND | {"radius_m": 50}, "upper_m": 60, "datum": "WGS84"}, "literal_error"),
        ({"circle": ROUND | {"radius_m": 50}, "duration_min": 0}, "greater_than_equal"),
    ],
)
def test_what_cannot_be_closed_is_refused(given: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Declaration.model_validate({"jurisdiction": "CITY", "reason": "r"} | given)
    assert [error["type"] for error in refused.value.errors()] == [code]


def longer(scene: Scene, *, minutes: int = 120, until_further_notice: bool = False, version: int | None = None) -> None:
    said = {"reason": "还在泄漏", "duration_min": minutes, "until_further_notice": until_further_notice}
    with changing_session(scene.engine) as session:
        (emergency,) = active_emergencies(session)
        prolong(
            session,
            emergency,
            Prolongation.model_validate(said),
            expected_version=emergency.version if version is None else version,
            actor=person(session, REGULATOR),
            now_ms=scene.now_ms,
        )


def test_it_is_prolonged_and_its_vehicles_learn_the_new_end(scene: Scene) -> None:
    scene.passes(1)
    scene.declares(duration_min=10)
    scene.answers(CAR, Reply.ACCEPTED)
    told = scene.told()[CAR].told_at_ms
    (before,) = scene.demanded(CAR)
    assert before.until_ms == scene.now_ms + 600_000
    scene.waits(60)
    longer(scene)
    (after,) = scene.demanded(CAR)
    assert (after.directive_id, after.deadline_ms) == (before.directive_id, before.deadline_ms)
    assert after.until_ms == scene.emergency().planned_end_ms == scene.now_ms + 7_200_000
    assert (shown(scene, CAR)[0], scene.told()[CAR].told_at_ms) == (Response.ACCEPTED, told)
    assert [notice.organisation_id is None for notice in scene.notices("emergency.prolonged")] == [True, False]
    scene.waits(600)
    assert scene.emergency().ended_at_ms is None, "beyond the first end"
    scene.passes(1)
    with reading_session(scene.engine) as session:
        verdict = session.scalars(select(Sample.verdict).order_by(Sample.timestamp_ms.desc()).limit(1)).one()
    assert verdict & Finding.RESTRICTED_AREA, "its zone lasts as well"
    longer(scene, until_further_notice=True)
    assert scene.demanded(CAR)[0].until_ms is None
    assert [each.kind for each in report(scene).events].count(EventKind.PROLONGED) == 2


def test_nobody_makes_it_shorter_by_prolonging_it(scene: Scene) -> None:
    scene.declares(duration_min=10)
    with pytest.raises(Conflict):
        longer(scene, version=7)
    with pytest.raises(InvalidChange, match="as long already"):
        longer(scene, minutes=10)
    scene.now_ms += 600_000
    with pytest.raises(InvalidChange, match="over already"):
        longer(scene)
    scene.now_ms -= 1
    longer(scene, until_further_notice=True)
    with pytest.raises(InvalidChange, match="as long already"):
        longer(scene)


def test_who_would_be_told_is_who_is_told(scene: Scene) -> None:
    scene.east_m = {CAR: AWAY_M, OTHER: -100.0}
    scene.speed_mps[CAR] = -5.0
    scene.passes(1)
    given = {"jurisdiction": "CITY", "circle": {"lon": LON, "lat": LAT, "radius_m": 200.0}, "reason": "演习"}
    declaration = Declaration.model_validate(given)
    with reading_session(scene.engine) as session:
        found = would_be_told(session, declaration.area, declaration.band, SENSES, scene.now_ms)
        foreseen = {vehicle.vehicle_id: concern for vehicle, concern in found.items()}
    assert foreseen == {CAR: Concern.APPROACHING, OTHER: Concern.INSIDE}
    scene.declares()
    assert {vehicle_id: row.concern for vehicle_id, row in scene.told().items()} == foreseen
