"""Ten thousand alerts in a minute: stored, told, grouped, handled at once, and bounded when they are over."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select

from app.database import reading_session
from app.live.feed import RECONCILE_EVERY_MS, LiveFeed
from app.live.standing import KEPT_ENDED
from app.live.views import LiveViews, build_views
from app.models import Alert, AuditEntry, Role
from app.services.alerts import ENDED_UNSEEN
from app.services.generations import current_generation
from app.storage import open_store
from telemetry.bus import alerts_topic, decode_alert, encode_alert
from telemetry.findings import RULES, Finding
from telemetry.ports import AlertChange, Flush, OutboxMessage, Store
from tests.app.batches import judged_batch
from tests.app.web.cast import City

FLOOD = 10_000
A_FLUSH = 500
FINDINGS = (Finding.OUTSIDE_AREA, Finding.OVERSPEED, Finding.CLOCK_SKEW, Finding.ABOVE_CEILING)
WORKER = "worker"
#: What a reader is told of one alert, at most, in bytes.
A_DOCUMENT = 1_100


def _changes(city: City, first: int, count: int) -> Iterator[AlertChange]:
    """Alerts of all vehicles in turn, of every finding each."""
    vehicles = sorted(city.keys.values())
    for number in range(first, first + count):
        finding = FINDINGS[number // len(vehicles) % len(FINDINGS)]
        yield AlertChange(
            vehicle=vehicles[number % len(vehicles)],
            finding=finding,
            severity=RULES[finding].severity,
            opened_at_ms=city.time(),
            opened_seq=number,
            first_seen_ms=city.time(),
            last_seen_ms=city.time(),
            closed_at_ms=None,
            zone_revision=city.zone_revision,
            permit_revision=-1,
            lon=113.9,
            lat=22.523,
            is_new=True,
        )


def _commit(city: City, store: Store, alerts: Sequence[AlertChange]) -> None:
    with reading_session(city.engine) as session:
        nothing = judged_batch(0, generation=current_generation(session))
    names = {key: name for name, key in city.keys.items()}
    outbox = [OutboxMessage(alerts_topic(WORKER), encode_alert(each, names[each.vehicle])) for each in alerts]
    store.commit(Flush(WORKER, city.time(), nothing, rejects=(), alerts=alerts, tracks=(), outbox=outbox))


def _tell(city: City, store: Store, feed: LiveFeed) -> None:
    """What waits in the outbox goes over the bus, as the worker sends it."""
    while waiting := store.pending(A_FLUSH, ()):
        for _key, message in waiting:
            feed.hear_alert(decode_alert(message.payload))
        store.sent([key for key, _message in waiting], city.time())
    feed.step()


def _alerts(live: LiveViews) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(live.staff.snapshot())["alerts"]
    return found


def _count(city: City, *which: Any) -> int:
    with reading_session(city.engine) as session:
        return session.scalars(select(func.count()).select_from(Alert).where(*which)).one()


def test_a_flood_is_stored_told_grouped_handled_and_bounded(city: City) -> None:
    store, feed, reader = open_store(city.engine), city.feed(), city.live.staff
    feed.step()
    cursor = slow_cursor = reader.changes(0).cursor
    told_bytes, opened = 0, []
    for first in range(0, FLOOD, A_FLUSH):
        city.time.pass_ms(60_000 * A_FLUSH // FLOOD)
        opened += (flush := list(_changes(city, first, A_FLUSH)))
        _commit(city, store, flush)
        _tell(city, store, feed)
        changes = reader.changes(cursor)
        cursor, told_bytes = changes.cursor, told_bytes + len(reader.events(changes))

    shown = _alerts(city.live)
    groups = Counter((alert["finding"], alert["vehicle_id"]) for alert in shown)
    assert _count(city) == len(shown) == FLOOD
    assert groups == {(finding.code, name): FLOOD // 16 for finding in FINDINGS for name in city.keys}
    assert told_bytes < FLOOD * A_DOCUMENT, "each alert is told once"
    assert len(reader.changes(slow_cursor).alerts) == FLOOD, "who was slow finds each once"

    _handle_in_the_middle_of_it(city, shown)

    city.time.pass_ms(1_000)
    for first in range(0, FLOOD, A_FLUSH):
        _commit(city, store, [replace(each, closed_at_ms=city.time()) for each in opened[first : first + A_FLUSH]])
        _tell(city, store, feed)
    waiting = _count(city, ENDED_UNSEEN)
    assert waiting == FLOOD * 3 // 4 - 1
    city.time.pass_ms(RECONCILE_EVERY_MS)
    feed.step()
    _require_bounded(city.live, waiting)
    elsewhere = build_views(city.settings, city.time)
    LiveFeed(elsewhere, city.engine, city.time, escalate_after_s=300.0).step()
    _require_bounded(elsewhere, waiting)
    standing = [alert["id"] for alert in _alerts(city.live)]
    assert len(_acknowledge(city, standing)) == len(standing)
    assert _alerts(city.live) == []
    city.time.pass_ms(RECONCILE_EVERY_MS)
    feed.step()
    _require_bounded(city.live, waiting - len(standing))


def _handle_in_the_middle_of_it(city: City, shown: list[dict[str, Any]]) -> None:
    """One press for all that is of one finding; then one alert by itself."""
    group = [alert["id"] for alert in shown if alert["finding"] == Finding.OVERSPEED.code]
    seen = _acknowledge(city, group)
    assert {each["id"]: each["version"] for each in seen} == dict.fromkeys(group, 2)
    with reading_session(city.engine) as session:
        audited = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "alert.acknowledged")
        assert session.scalars(audited).one() == len(group)
    assert sum(alert["acknowledged_at_ms"] is not None for alert in _alerts(city.live)) == len(group)
    other = next(alert["id"] for alert in shown if alert["finding"] == Finding.OUTSIDE_AREA.code)
    answer = city.client().post(
        f"/api/v1/alerts/{other}/resolve",
        json={"reason": "已核实"},
        headers=city.bearer(Role.REGULATOR) | {"If-Match": '"1"'},
    )
    assert answer.status_code == 200


def _acknowledge(city: City, alert_ids: list[str]) -> list[dict[str, Any]]:
    answer = city.client().post(
        "/api/v1/alerts/acknowledge", json={"alert_ids": alert_ids}, headers=city.bearer(Role.REGULATOR)
    )
    assert answer.status_code == 200
    seen: list[dict[str, Any]] = answer.get_json()["alerts"]
    return seen


def _require_bounded(live: LiveViews, waiting: int) -> None:
    """The newest of each severity stand, and the others are counted."""
    snapshot = live.staff.snapshot()
    severities = Counter(alert["severity"] for alert in json.loads(snapshot)["alerts"])
    assert severities
    assert set(severities.values()) == {KEPT_ENDED}
    assert json.loads(snapshot)["alerts_beyond"] == waiting - severities.total()
    assert len(snapshot) < 3 * KEPT_ENDED * A_DOCUMENT
