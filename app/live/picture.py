"""The live picture: the newest position of each vehicle and the alerts that stand, in memory.

Everything is idempotent and ordered by event time, so that what the bus delivers and what the
database holds can be merged at any moment, in any order, any number of times.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

import msgspec

from app.live import staff
from app.live.board import Board, Document
from app.live.gazetteer import Gazetteer
from app.live.standing import StandingAlerts
from app.live.things import Alert, Place, Vehicle
from telemetry.bus import LivePosition
from telemetry.ports import Clock

logger = logging.getLogger(__name__)

#: A position older than this is marked stale (ASTM F3411-22a: near real time is 60 s) ...
STALE_AFTER_MS = 60_000
#: ... and one older than this is taken off the map.
GONE_AFTER_MS = 600_000
#: Ages are looked at no more often than this.
SWEEP_EVERY_MS = 1_000


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
        self._standing = StandingAlerts()
        self._beyond: Counter[int] = Counter()
        self.board.count_beyond(self._beyond)
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

    def observe_alerts(self, alerts: Iterable[Alert]) -> set[int]:
        """Merge alerts in their order; return the keys of vehicles that are not known yet (not shown)."""
        unknown: set[int] = set()
        told: dict[str, tuple[Vehicle, Alert]] = {}
        with self._lock:
            for alert in alerts:
                vehicle = self._vehicles.get(alert.vehicle)
                if vehicle is None:
                    unknown.add(alert.vehicle)
                    continue
                news = self._standing.merge(alert)
                if news is not None:
                    told[news.alert_id] = vehicle, news
                    for follower in self._followers:
                        follower.follow_alert(vehicle, news)
            if told:
                self.board.put_alerts([self._shown_alert(vehicle, news) for vehicle, news in told.values()])
                self._paint(vehicle for vehicle, _ in told.values())
                self._spill()
        return unknown

    def reconcile(self, stored: Collection[Alert], beyond: Mapping[int, int]) -> None:
        """Make the standing alerts exactly these; `beyond` counts, by organisation, those that wait besides."""
        with self._lock:
            self.observe_alerts(stored)
            known = {alert.alert_id for alert in stored}
            self._take_off([alert for alert in self._standing if alert.alert_id not in known])
            self._beyond = Counter(beyond)
            self.board.count_beyond(self._beyond)

    def open_alerts(self) -> list[Alert]:
        """Every alert that is open now."""
        with self._lock:
            return self._standing.open_alerts()

    def standing(self, alert_ids: Collection[str]) -> list[Alert]:
        """Those of these alerts that stand on the board: open, or ended unseen."""
        with self._lock:
            return [alert for alert in self._standing if alert.alert_id in alert_ids]

    def is_behind(self, vehicle: int, alert_id: str, version: int) -> bool:
        """Whether people did something about an alert that readers were not told."""
        with self._lock:
            return self._standing.is_behind(vehicle, alert_id, version)

    def sweep(self) -> None:
        """Mark what became stale and take away what is gone; cheap to call often."""
        now_ms = self._clock()
        with self._lock:
            if now_ms - self._swept_ms < SWEEP_EVERY_MS:
                return
            self._swept_ms = now_ms
            self._drop_gone(now_ms)
            self._mark_stale(now_ms)

    def place_of(self, alert: Alert) -> Place | None:
        """The zone that the place of an alert is called by."""
        return self._gazetteer.place(alert.zone_revision, lon=alert.lon, lat=alert.lat)

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

    def _shown_alert(self, vehicle: Vehicle, shown: Alert) -> tuple[str, Document, bool]:
        place = self.place_of(shown)
        other = None if shown.encounter is None else self._vehicles.get(shown.encounter.other)
        told = staff.alert_fields(vehicle, shown, place, other)
        document = Document(vehicle.organisation, msgspec.json.encode(told))
        if other is not None and other.organisation != vehicle.organisation:
            own = staff.alert_fields(vehicle, shown, place, None)
            document = replace(document, own_json=msgspec.json.encode(own))
        return shown.alert_id, document, not shown.stands

    def _paint(self, vehicles: Iterable[Vehicle]) -> None:
        """Their alerts have changed, and so has how they are shown."""
        changed = {vehicle.key: vehicle for vehicle in vehicles if vehicle.key in self._positions}
        self.board.put([self._render(vehicle, self._positions[key]) for key, vehicle in changed.items()])

    def _spill(self) -> None:
        """The oldest that ended unseen make room: the record has them, and they are counted."""
        spilled = self._standing.spill()
        if spilled:
            self.board.remove_alerts([alert.alert_id for alert in spilled])
            self._beyond.update(self._vehicles[alert.vehicle].organisation for alert in spilled)
            self.board.count_beyond(self._beyond)

    def _take_off(self, alerts: Collection[Alert]) -> None:
        """The database knows better: they are over and seen, or wait there."""
        for alert in alerts:
            self._standing.drop(alert)
            if not alert.is_over:
                for follower in self._followers:
                    follower.follow_alert(self._vehicles[alert.vehicle], replace(alert, closed_at_ms=self._clock()))
        self.board.remove_alerts([alert.alert_id for alert in alerts])
        self._paint(self._vehicles[alert.vehicle] for alert in alerts)

    def _render(self, vehicle: Vehicle, position: LivePosition) -> tuple[str, Document]:
        stale = self._clock() - position.timestamp_ms > STALE_AFTER_MS
        (self._stale.add if stale else self._stale.discard)(vehicle.key)
        alerts = self._standing.open_of(vehicle.key)
        document = Document(
            vehicle.organisation,
            staff.feature(vehicle, position, alerts, stale=stale),
            place=(position.lon, position.lat),
            motion=staff.motion(vehicle, position),
            rest=staff.rest(vehicle, position, alerts, stale=stale),
        )
        return vehicle.vehicle_id, document

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


def _order(position: LivePosition) -> tuple[int, int]:
    return position.timestamp_ms, position.seq
