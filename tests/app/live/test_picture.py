"""The live picture: the newest position of each vehicle, open alerts, what is stale and what is gone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from app.database import reading_session
from app.live.picture import GONE_AFTER_MS, STALE_AFTER_MS
from app.live.standing import KEPT_ENDED
from app.live.things import Alert
from app.services.organisations import organisation_by_code
from telemetry.findings import Finding, Severity
from tests.app.web.cast import NOON_MS, PLACE_NAME, City

PLACE = {"zh": PLACE_NAME[0], "en": PLACE_NAME[1], "zone_id": "QH-R-01"}


def _document(city: City) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(city.live.staff.snapshot())
    return document


def _feature(city: City, vehicle_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(f for f in _document(city)["features"] if f["id"] == vehicle_id)
    return found


def _alert(city: City, vehicle_id: str = "NORTH-R1", finding: Finding = Finding.OVERSPEED) -> Alert:
    return Alert(
        vehicle=city.keys[vehicle_id],
        finding=finding,
        severity=Severity.WARNING,
        opened_at_ms=NOON_MS - 1_000,
        opened_seq=5,
        last_seen_ms=NOON_MS,
        lon=113.9,
        lat=22.52,
        zone_revision=city.zone_revision,
    )


def test_a_position_is_shown_with_all_that_the_vehicle_said(city: City) -> None:
    city.observe("NORTH-R1", verdict=int(Finding.OUTSIDE_AREA | Finding.OVERSPEED), undecided=int(Finding.BELOW_FLOOR))
    feature = _feature(city, "NORTH-R1")
    assert feature["geometry"] == {"type": "Point", "coordinates": [113.900051, 22.523456, 12.3]}
    assert feature["properties"] == {
        "vehicle_id": "NORTH-R1",
        "kind": "road",
        "organisation": "NORTH",
        "operator": "北方智行",
        "operator_names": {"zh": "北方智行", "en": "North Mobility"},
        "timestamp_ms": NOON_MS,
        "heading_deg": 123.4,
        "speed_mps": 8.31,
        "altitude_m": 12.3,
        "altitude_datum": "AMSL",
        "mode": "autonomous",
        "safety_officer": "onboard",
        "officer_id": None,
        "officer_limit": None,
        "battery_percent": 81.0,
        "findings": ["outside_area", "overspeed"],
        "undecided": ["below_floor"],
        "alert": None,
        "stale": False,
    }


def test_who_only_goes_on_driving_is_told_by_the_motion_alone(city: City) -> None:
    view = city.live.staff
    city.observe("NORTH-R1", seq=1)
    cursor = view.changes(0).cursor
    city.observe("NORTH-R1", seq=2, timestamp_ms=NOON_MS + 1, speed_mps=9.0, altitude_m=None)
    moved = view.changes(cursor, rest_known=cursor)
    _name, data = view.events(moved).decode().strip().split("\ndata: ")
    assert msgspec.json.decode(data) == {
        "features": [],
        "removed": [],
        "moves": [["NORTH-R1", NOON_MS + 1, 113.900051, 22.523456, None, 123.4, 9.0, 81.0]],
    }
    city.observe("NORTH-R1", seq=3, timestamp_ms=NOON_MS + 2, mode="manual")
    changed = view.changes(moved.cursor, rest_known=moved.cursor)
    assert (len(changed.features), changed.moves) == (1, [])
    city.live.picture.observe_alerts([_alert(city)])
    alarmed = view.changes(changed.cursor, rest_known=changed.cursor)
    assert (len(alarmed.features), alarmed.moves) == (1, [])


def test_an_older_position_changes_nothing(city: City) -> None:
    city.observe("NORTH-R1", seq=10)
    city.observe("NORTH-R1", seq=9, lat=1.0)
    city.observe("NORTH-R1", seq=99, timestamp_ms=NOON_MS - 1, lat=1.0)
    assert _feature(city, "NORTH-R1")["geometry"]["coordinates"][1] == 22.523456


def test_a_vehicle_that_is_not_registered_is_reported_and_not_shown(city: City) -> None:
    assert city.live.picture.observe([city.position("NORTH-R1", vehicle=999)]) == {999}
    assert _document(city)["features"] == []


def test_a_silent_vehicle_becomes_stale_and_then_goes(city: City) -> None:
    city.observe("NORTH-R1")
    cursor = city.live.staff.changes(0).cursor
    city.time.pass_ms(STALE_AFTER_MS + 1)
    changes = city.live.staff.changes(cursor)
    assert msgspec.json.decode(changes.features[0])["properties"]["stale"] is True
    assert city.live.picture.vehicle_count() == 0
    city.time.pass_ms(GONE_AFTER_MS - STALE_AFTER_MS)
    assert city.live.staff.changes(changes.cursor).removed == ["NORTH-R1"]
    assert _document(city)["features"] == []


def test_a_vehicle_is_painted_with_its_most_severe_open_alert(city: City) -> None:
    city.observe("NORTH-R1")
    warning, critical = _alert(city), replace(_alert(city, finding=Finding.OUTSIDE_AREA), severity=Severity.CRITICAL)
    for alert, paint in (
        (warning, "warning"),
        (critical, "critical"),
        (replace(critical, closed_at_ms=NOON_MS), "warning"),
        (replace(warning, closed_at_ms=NOON_MS), None),
    ):
        city.live.picture.observe_alerts([alert])
        assert _feature(city, "NORTH-R1")["properties"]["alert"] == paint


def test_an_alert_names_vehicle_place_and_time(city: City) -> None:
    city.live.picture.observe_alerts([_alert(city)])
    (alert,) = _document(city)["alerts"]
    assert alert["id"] == f"{city.keys['NORTH-R1']}-overspeed-{NOON_MS - 1_000}-5"
    assert (alert["vehicle_id"], alert["kind"], alert["finding"]) == ("NORTH-R1", "road", "overspeed")
    assert alert["place"] == PLACE
    assert (alert["opened_at_ms"], alert["closed"]) == (NOON_MS - 1_000, False)


@pytest.mark.parametrize(("lon", "place"), [(113.9006, PLACE), (113.91, None)])
def test_an_alert_outside_of_all_zones_is_named_after_the_nearest(
    city: City, lon: float, place: dict[str, str] | None
) -> None:
    city.live.picture.observe_alerts([replace(_alert(city), zone_revision=-1, lon=lon, lat=22.525)])
    assert _document(city)["alerts"][0]["place"] == place


def test_a_closed_alert_is_never_opened_again(city: City) -> None:
    alert = _alert(city)
    city.live.picture.observe_alerts([replace(alert, closed_at_ms=NOON_MS)])
    city.live.picture.observe_alerts([alert])
    assert city.live.picture.open_alerts() == []


def test_what_people_did_is_not_undone_by_an_extension(city: City) -> None:
    alert = _alert(city)
    city.live.picture.observe_alerts([replace(alert, acknowledged_at_ms=NOON_MS, escalated_at_ms=NOON_MS, version=2)])
    city.live.picture.observe_alerts([replace(alert, last_seen_ms=NOON_MS + 500)])
    (shown,) = city.live.picture.open_alerts()
    assert (shown.acknowledged_at_ms, shown.escalated_at_ms, shown.last_seen_ms) == (NOON_MS, NOON_MS, NOON_MS + 500)


@pytest.mark.parametrize("stored", [True, False])
def test_reconciling_makes_the_open_alerts_those_of_the_database(city: City, stored: bool) -> None:  # noqa: FBT001 -- a parameter
    known, missed = _alert(city), _alert(city, "SOUTH-E1")
    city.live.picture.observe_alerts([known])
    city.live.picture.reconcile([known, missed] if stored else [], {})
    assert city.live.picture.open_alerts() == ([known, missed] if stored else [])


def _ended(city: City, number: int = 0, severity: Severity = Severity.WARNING) -> Alert:
    """An alert that is over, as the bus tells it."""
    return replace(_alert(city), opened_seq=number, severity=severity, closed_at_ms=NOON_MS + number)


def _organisation(city: City, code: str) -> int:
    with reading_session(city.engine) as session:
        return organisation_by_code(session, code).id


def test_what_ended_unseen_waits_for_a_person(city: City) -> None:
    city.live.picture.observe_alerts([_ended(city)])
    (waits,) = _document(city)["alerts"]
    assert (waits["closed"], waits["closed_at_ms"], waits["acknowledged_at_ms"]) == (True, NOON_MS, None)
    cursor = city.live.staff.changes(0).cursor
    city.live.picture.observe_alerts([replace(_ended(city), acknowledged_at_ms=NOON_MS + 9, version=2)])
    (told,) = city.live.staff.changes(cursor).alerts
    assert msgspec.json.decode(told)["acknowledged_at_ms"] == NOON_MS + 9
    assert _document(city)["alerts"] == []
    city.live.picture.observe_alerts([_ended(city), replace(_alert(city), opened_seq=0)])  # delivered once more
    assert _document(city)["alerts"] == []


def test_what_was_seen_goes_when_it_ends(city: City) -> None:
    seen = replace(_alert(city), acknowledged_at_ms=NOON_MS, version=2)
    city.live.picture.observe_alerts([seen, replace(_alert(city), closed_at_ms=NOON_MS)])
    assert _document(city)["alerts"] == []


def test_a_flood_that_ended_pushes_out_its_own_oldest_and_counts_them(city: City) -> None:
    picture = city.live.picture
    picture.observe_alerts([_ended(city, 9_999, Severity.CRITICAL)])
    cursor = city.live.staff.changes(0).cursor
    picture.observe_alerts(_ended(city, number, Severity.NOTICE) for number in range(1_000))
    shown = _document(city)
    severities = Counter(alert["severity"] for alert in shown["alerts"])
    assert severities["critical"] == 1, "what is worse is not pushed out"
    assert KEPT_ENDED <= severities["notice"] <= KEPT_ENDED * 1.2
    assert shown["alerts_beyond"] == 1_000 - severities["notice"]
    assert min(alert["closed_at_ms"] for alert in shown["alerts"]) == NOON_MS + shown["alerts_beyond"]
    changes = city.live.staff.changes(cursor, _organisation(city, "SOUTH"))
    assert (changes.alerts, changes.left, changes.beyond) == ([], [], 0), "of another operator's flood nothing is told"
    told = city.live.staff.changes(cursor)
    assert (len(told.alerts), told.beyond) == (severities["notice"], shown["alerts_beyond"])


def test_the_database_brings_back_what_made_room_and_nothing_that_was_seen(city: City) -> None:
    picture, (spilled, seen) = city.live.picture, (_ended(city, 1), _ended(city, 2))
    picture.observe_alerts([spilled, seen])
    cursor = city.live.staff.changes(0).cursor
    picture.reconcile([], {7: 2})
    assert city.live.staff.changes(cursor).left == [spilled.alert_id, seen.alert_id]
    picture.observe_alerts([replace(seen, acknowledged_at_ms=NOON_MS, version=2)])
    picture.reconcile([replace(spilled, version=1), replace(seen, version=1)], {})
    assert [alert["id"] for alert in _document(city)["alerts"]] == [spilled.alert_id]
    assert _document(city)["alerts_beyond"] == 0
