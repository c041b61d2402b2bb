"""The link watch: who fell silent on the way is told once, and nothing is said while the platform itself is deaf."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy import Engine, select

from app.database import changing_session, reading_session
from app.models import Alert, OutboxRow
from app.services.links import LOOK_BACK_MS, LinkRules, watch_links
from app.services.organisations import register_organisation
from app.services.vehicles import register_vehicle
from app.web.heartbeats import HEARTBEAT_AGE_MS, Heartbeats
from geofences.datum import VerticalReference
from telemetry.bus import Heartbeat, WorkerState, decode_alert
from telemetry.findings import Finding, Severity
from telemetry.samples import VehicleKind
from tests.app.batches import START_MS
from tests.app.heard import Fleet

RULES = LinkRules(silent_after_ms=30_000, vertical=VerticalReference(ground_elevation_m=5.0))
LOST_MS = START_MS + RULES.silent_after_ms
CRUISING = {"speed_mps": 8.0, "mode": 0, "safety_officer": 2}


@dataclass
class Watched(Fleet):
    """A fleet, and the watch over its links."""

    def watch(self, now_ms: int, attention: Callable[[int], int | None] = lambda _partition: 0) -> list[Alert]:
        watch_links(self.engine, now_ms, rules=RULES, attention=attention)
        with reading_session(self.engine) as session:
            return list(session.scalars(select(Alert).order_by(Alert.id)))


@pytest.fixture
def fleet(engine: Engine) -> Watched:
    with changing_session(engine) as session:
        operator = register_organisation(session, code="op", name_zh="甲", name_en="Op", now_ms=1)
        keys = {
            kind: register_vehicle(session, vehicle_id=f"V-{kind}", kind=kind, organisation=operator, now_ms=1)[0].id
            for kind in VehicleKind
        }
    return Watched(engine, keys)


def test_a_vehicle_that_falls_silent_on_the_way_is_told_once_and_closed_when_it_is_heard(fleet: Watched) -> None:
    fleet.hear(START_MS, 1, **CRUISING)
    assert fleet.watch(LOST_MS - 1) == []
    for now_ms in (LOST_MS, LOST_MS + 2_000):
        (alert,) = fleet.watch(now_ms)
    assert (alert.finding, alert.severity, alert.opened_at_ms, alert.opened_seq, alert.first_seen_ms) == (
        *(Finding.LINK_LOST, Severity.CRITICAL, LOST_MS, 1),
        START_MS,
    )
    fleet.hear(START_MS - 5_000, 7, late=True, **CRUISING)
    assert fleet.watch(LOST_MS + 4_000)[0].closed_at_ms is None
    fleet.hear(LOST_MS + 6_000, 8, **CRUISING)
    (alert,) = fleet.watch(LOST_MS + 8_000)
    assert alert.closed_at_ms == LOST_MS + 6_200
    with reading_session(fleet.engine) as session:
        told = [decode_alert(row.payload) for row in session.scalars(select(OutboxRow).order_by(OutboxRow.id))]
    assert [(each.finding, each.closed_at_ms) for each in told] == [("link_lost", None), ("link_lost", LOST_MS + 6_200)]
    assert len(fleet.watch(LOST_MS + 6_000 + RULES.silent_after_ms)) == 2, "a second silence is another one"


@pytest.mark.parametrize(
    ("kind", "said", "severity"),
    [
        (VehicleKind.ROAD, {"speed_mps": 0.1, "mode": 1}, None),
        (VehicleKind.ROAD, {"speed_mps": 0.1, "mode": 0, "safety_officer": 1}, Severity.WARNING),
        (VehicleKind.ROAD, {"speed_mps": np.nan, "mode": 1}, Severity.WARNING),
        (VehicleKind.AIR, {"speed_mps": 0.1, "mode": 1, "altitude_m": 2.0, "altitude_datum": 0}, None),
        (VehicleKind.AIR, {"speed_mps": 0.1, "mode": 1, "altitude_m": 7.0, "altitude_datum": 1}, None),
        (VehicleKind.AIR, {"speed_mps": 0.1, "mode": 1, "altitude_m": 90.0, "altitude_datum": 0}, Severity.WARNING),
        (VehicleKind.AIR, {"speed_mps": 0.1, "mode": 1, "altitude_m": 2.0, "altitude_datum": 2}, Severity.WARNING),
        (VehicleKind.AIR, {"speed_mps": 0.1, "mode": 1, "altitude_m": np.nan, "altitude_datum": -1}, Severity.WARNING),
    ],
)
def test_one_that_stopped_properly_may_be_silent(
    fleet: Watched, kind: VehicleKind, said: dict[str, Any], severity: Severity | None
) -> None:
    fleet.hear(START_MS, 1, kind, **said)
    assert [alert.severity for alert in fleet.watch(LOST_MS)] == ([severity] if severity else [])


def test_nothing_is_said_while_the_platform_is_deaf_and_everybody_gets_time_afterwards(fleet: Watched) -> None:
    fleet.hear(START_MS, 1, **CRUISING)
    back_ms = START_MS + 600_000
    assert fleet.watch(back_ms, lambda _partition: None) == []
    assert fleet.watch(back_ms + 29_999, lambda _partition: back_ms) == []
    (alert,) = fleet.watch(back_ms + 30_000, lambda _partition: back_ms)
    assert alert.opened_at_ms == LOST_MS


def test_an_old_silence_is_no_news(fleet: Watched) -> None:
    fleet.hear(START_MS, 1, **CRUISING)
    assert fleet.watch(START_MS + LOOK_BACK_MS + 1) == []


def test_a_partition_is_listened_to_while_one_of_its_workers_is_well() -> None:
    now_ms = [1_000]
    heartbeats = Heartbeats(lambda: now_ms[0])
    well = Heartbeat("w", 1_000, WorkerState.RUNNING, partitions=(3,))

    def at(time_ms: int, **changes: Any) -> int | None:
        now_ms[0] = time_ms
        if changes.pop("silent", False):
            return heartbeats.listening_since_ms(3)
        heartbeats.beat(msgspec.structs.replace(well, at_ms=time_ms, **changes))
        return heartbeats.listening_since_ms(3)

    assert at(1_000) == at(2_000) == 1_000
    assert heartbeats.listening_since_ms(4) is None
    assert at(3_000, lag_ms=60_000) is None
    assert at(4_000) == 4_000
    assert at(4_001 + HEARTBEAT_AGE_MS, silent=True) is None
    assert at(12_000) == 12_000
    assert at(13_000, state=WorkerState.GONE) is None
    assert at(14_000) == 14_000
    heartbeats.set_connected(False)
    assert heartbeats.listening_since_ms(3) is None
    assert at(15_000) == 15_000
