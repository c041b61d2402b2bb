"""The live picture: the newest position of each vehicle and the open alerts, in memory.

Everything is idempotent and ordered by event time, so that what the bus delivers and what the
database holds can be merged at any moment, in any order, any number of times.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Protocol

import msgspec

from app.live import staff
from app.live.board import Board, Document
from app.live.gazetteer import Gazetteer
from app.live.things import Alert, Names, Vehicle
from telemetry.bus import LivePosition
from telemetry.ports import Clock, Encounter

logger = logging.getLogger(__name__)

#: A position older than this is marked stale (ASTM F3411-22a: near real time is 60 s) ...
STALE_AFTER_MS = 60_000
#: ... and one older than this is taken off the map.
GONE_AFTER_MS = 600_000
#: Ages are looked at no more often than this.
SWEEP_EVERY_MS = 1_000
#: Closed alerts that are remembered, lest a redelivered message opens one again.
KEPT_CLOSED = 10_000


class Follower(Protocol):
    """Somebody who is told everything that the picture learns, in the order it learns it."""

    def follow_position(self, vehicle: Vehicle, position: LivePosition) -> None:
        """A newer position of a vehicle."""

    def follow_alert(self, vehicle: Vehicle, alert: Alert) -> None:
        """An alert that opened, changed or closed."""


class LivePicture:
    """Thread-safe. `board` holds the staff's documents; followers make other views."""

    def __init__(self, clock: Clock, followers: Iterable[Follower] = ()) -> None:
        self.board = Board()
        self._clock = clock
        self._followers = tuple(followers)
        self._lock = threading.RLock()
        self._vehicles: dict[int, Vehicle] = {}
        self._gazetteer = Gazetteer({})
        self._positions: dict[int, LivePosition] = {}
        self._stale: set[int] = set()
        self._open: dict[int, dict[str, Alert]] = {}
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._swept_ms = 0

    def know(self, vehicles: Iterable[Vehicle], gazetteer: Gazetteer) -> None:
        """Take over who is registered and what the places are called."""
        with self._lock:
            self._vehicles = {vehicle.key: vehicle for vehicle in vehicles}
            self._gazetteer = gazetteer

    def observe(self, positions: Iterable[LivePosition]) -> set[int]:
        """Merge positions; return the keys of vehicles that are not known yet (not shown)."""
        unknown: set[int] = set()
        shown = []
        with self._lock:
            for position in positions:
                vehicle = self._vehicles.get(position.vehicle)
                if vehicle is None:
                    unknown.add(position.vehicle)
                elif self._is_news(position):
                    self._positions[position.vehicle] = position
                    shown.append(self._render(vehicle, position))
                    for follower in self._followers:
                        follower.follow_position(vehicle, position)
            if shown:
                self.board.put(shown)
        return unknown

    def observe_alert(self, alert: Alert) -> bool:
        """Merge one alert; False when its vehicle is not known yet."""
        with self._lock:
            vehicle = self._vehicles.get(alert.vehicle)
            if vehicle is None:
                return False
            news = self._merge(alert)
            if news is not None:
                self._show_alert(vehicle, news)
            return True

    def reconcile(self, open_alerts: Iterable[Alert]) -> None:
        """Make the open alerts exactly these: what is open here and not there has been closed."""
        stored = {alert.alert_id: alert for alert in open_alerts}
        with self._lock:
            for alert in self.open_alerts():
                if alert.alert_id not in stored:
                    self.observe_alert(replace(alert, closed_at_ms=self._clock()))
            for alert in stored.values():
                self.observe_alert(alert)

    def open_alerts(self) -> list[Alert]:
        """Every alert that is open now."""
        with self._lock:
            return [alert for alerts in self._open.values() for alert in alerts.values()]

    def sweep(self) -> None:
        """Mark what became stale and take away what is gone; cheap to call often."""
        now_ms = self._clock()
        with self._lock:
            if now_ms - self._swept_ms < SWEEP_EVERY_MS:
                return
            self._swept_ms = now_ms
            self._drop_gone(now_ms)
            self._mark_stale(now_ms)

    def place_of(self, alert: Alert) -> Names | None:
        """What the place of an alert is called."""
        return self._gazetteer.name(alert.zone_revision, lon=alert.lon, lat=alert.lat)

    def vehicle_count(self) -> int:
        """How many vehicles have a position that is not stale."""
        with self._lock:
            return len(self._positions) - len(self._stale)

    def on_the_move(self, vehicles: Collection[int]) -> set[int]:
        """Which of these vehicles, by key, have a position that is not stale."""
        with self._lock:
            return {key for key in vehicles if key in self._positions and key not in self._stale}

    def _is_news(self, position: LivePosition) -> bool:
        before = self._positions.get(position.vehicle)
        too_old = self._clock() - position.timestamp_ms > GONE_AFTER_MS
        return not too_old and (before is None or _order(position) > _order(before))

    def _merge(self, alert: Alert) -> Alert | None:
        """The alert with what was known of it, None when it says nothing new; closed ones stay closed."""
        key = alert.alert_id
        opened = self._open.setdefault(alert.vehicle, {})
        if key in self._closed:
            return None
        before = opened.get(key)
        merged = _newer(before, alert)
        if merged.closed_at_ms is not None:
            opened.pop(key, None)
            self._closed[key] = None
            while len(self._closed) > KEPT_CLOSED:
                self._closed.popitem(last=False)
            return merged
        opened[key] = merged
        return None if merged == before else merged

    def _show_alert(self, vehicle: Vehicle, shown: Alert) -> None:
        place = self.place_of(shown)
        other = None if shown.encounter is None else self._vehicles.get(shown.encounter.other)
        told = staff.alert_fields(vehicle, shown, place, other)
        document = Document(vehicle.organisation, msgspec.json.encode(told))
        if other is not None and other.organisation != vehicle.organisation:
            own = staff.alert_fields(vehicle, shown, place, None)
            document = replace(document, own_json=msgspec.json.encode(own))
        self.board.put_alert(shown.alert_id, document, closed=shown.closed_at_ms is not None)
        position = self._positions.get(vehicle.key)
        if position is not None:
            self.board.put([self._render(vehicle, position)])
        for follower in self._followers:
            follower.follow_alert(vehicle, shown)

    def _render(self, vehicle: Vehicle, position: LivePosition) -> tuple[str, Document]:
        stale = self._clock() - position.timestamp_ms > STALE_AFTER_MS
        (self._stale.add if stale else self._stale.discard)(vehicle.key)
        alerts = list(self._open.get(vehicle.key, {}).values())
        feature = staff.feature(vehicle, position, alerts, stale=stale)
        return vehicle.vehicle_id, Document(vehicle.organisation, feature, place=(position.lon, position.lat))

    def _drop_gone(self, now_ms: int) -> None:
        gone = [key for key, p in self._positions.items() if now_ms - p.timestamp_ms > GONE_AFTER_MS]
        for key in gone:
            del self._positions[key]
            self._stale.discard(key)
        if gone:
            self.board.remove([self._vehicles[key].vehicle_id for key in gone if key in self._vehicles])

    def _mark_stale(self, now_ms: int) -> None:
        became = [
            self._render(self._vehicles[key], position)
            for key, position in self._positions.items()
            if key not in self._stale and key in self._vehicles and now_ms - position.timestamp_ms > STALE_AFTER_MS
        ]
        if became:
            self.board.put(became)


def _newer(before: Alert | None, alert: Alert) -> Alert:
    """Both reports in one: the bus knows the newest extension, the database what people did."""
    if before is None:
        return alert
    handled = before if before.version > alert.version else alert
    return replace(
        handled,
        last_seen_ms=max(before.last_seen_ms, alert.last_seen_ms),
        closed_at_ms=before.closed_at_ms or alert.closed_at_ms,
        encounter=_later(before.encounter, alert.encounter),
    )


def _later(before: Encounter | None, encounter: Encounter | None) -> Encounter | None:
    if before is None or encounter is None:
        return before or encounter
    return max(before, encounter, key=lambda each: each.last_seen_ms)


def _order(position: LivePosition) -> tuple[int, int]:
    return position.timestamp_ms, position.seq
