"""The public's view: late, coarse and under names that change every day.

It is built field by field from its own schema and never by leaving things out of the staff's. A
position or alert reaches it only once the delay has passed since this process learned of it; until
then it waits in memory and no reader can ask for it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np

from app.live.board import Board, Document
from app.live.gazetteer import Gazetteer
from app.live.pseudonyms import Pseudonyms, city_day, next_midnight_ms
from app.live.snapping import Centreline, Snapper
from app.live.things import Alert, Vehicle, most_severe
from telemetry.bus import LivePosition
from telemetry.ports import Clock
from telemetry.samples import VehicleKind

HEADING_STEP_DEG = 10
ALTITUDE_STEP_M = 10
ALERT_TIME_STEP_MS = 10_000

#: A vehicle that sent nothing for so long is not shown to the public at all.
GONE_AFTER_MS = 60_000
_LOOK_FOR_GONE_EVERY_MS = 1_000


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """The secrets behind the public names."""

    vehicle: bytes
    alert: bytes


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the public sees of one vehicle; already coarse."""

    kind: VehicleKind
    lon: float
    lat: float
    heading_deg: int | None
    altitude_m: int | None


@dataclass(frozen=True, slots=True)
class _ShownAlert:
    """What the public sees of one alert; `vehicle` is the key behind the pseudonym."""

    vehicle: int
    kind: VehicleKind
    alert: Alert
    lon: float
    lat: float


class PublicPicture:
    """A follower of the live picture; thread-safe. `board` holds the public's documents."""

    def __init__(self, clock: Clock, *, keys: PublicKeys, delay_ms: int, step_m: float) -> None:
        self.board = Board()
        self.delay_ms = delay_ms
        self._clock = clock
        self._step_m = step_m
        self._vehicle_names = Pseudonyms(keys.vehicle)
        self._alert_names = Pseudonyms(keys.alert)
        self._lock = threading.RLock()
        self._day = city_day(clock())
        self._day_ends_ms = next_midnight_ms(clock())
        self._snapper = Snapper((), step_m)
        self._gazetteer = Gazetteer({})
        self._waiting: deque[tuple[int, Vehicle, LivePosition | Alert]] = deque()
        self._shown: dict[int, _Shown] = {}
        self._released_ms: dict[int, int] = {}
        self._look_for_gone_ms = 0
        self._names: dict[int, str] = {}
        self._alerts: dict[int, dict[str, _ShownAlert]] = {}

    def know(self, centrelines: Iterable[Centreline], gazetteer: Gazetteer) -> None:
        """Take over the lines that vehicles are snapped to and the names of places."""
        snapper = Snapper(centrelines, self._step_m)
        with self._lock:
            self._snapper, self._gazetteer = snapper, gazetteer

    def follow_position(self, vehicle: Vehicle, position: LivePosition) -> None:
        """Hold the position back until the delay has passed."""
        self._hold_back(vehicle, position)

    def follow_alert(self, vehicle: Vehicle, alert: Alert) -> None:
        """Hold the alert back until the delay has passed."""
        self._hold_back(vehicle, alert)

    def sweep(self) -> None:
        """Show what is old enough by now; cheap to call often, and called before every reading."""
        now_ms = self._clock()
        with self._lock:
            if now_ms >= self._day_ends_ms:
                self._rotate(now_ms)
            if self._waiting and self._waiting[0][0] <= now_ms:
                self._release_due(now_ms)
            if now_ms >= self._look_for_gone_ms:
                self._look_for_gone_ms = now_ms + _LOOK_FOR_GONE_EVERY_MS
                self._drop_gone(now_ms)

    def _hold_back(self, vehicle: Vehicle, thing: LivePosition | Alert) -> None:
        with self._lock:
            self._waiting.append((self._clock() + self.delay_ms, vehicle, thing))
        self.sweep()

    def _release_due(self, now_ms: int) -> None:
        positions: dict[int, tuple[Vehicle, LivePosition]] = {}
        while self._waiting and self._waiting[0][0] <= now_ms:
            _, vehicle, thing = self._waiting.popleft()
            if isinstance(thing, LivePosition):
                positions[vehicle.key] = (vehicle, thing)
            else:
                self._release_alert(vehicle, thing)
        for kind in VehicleKind:
            self._release(kind, [pair for pair in positions.values() if pair[0].kind is kind], now_ms)

    def _release(self, kind: VehicleKind, pairs: list[tuple[Vehicle, LivePosition]], now_ms: int) -> None:
        if not pairs:
            return
        lon, lat = self._snapper.snap(kind, np.array([p.lon for _, p in pairs]), np.array([p.lat for _, p in pairs]))
        changed = []
        for (vehicle, position), x, y in zip(pairs, lon.tolist(), lat.tolist(), strict=True):
            shown = _coarse(kind, position, x, y)
            self._released_ms[vehicle.key] = now_ms
            if self._shown.get(vehicle.key) != shown:
                self._shown[vehicle.key] = shown
                changed.append(vehicle.key)
        self._put(changed)

    def _release_alert(self, vehicle: Vehicle, alert: Alert) -> None:
        opened, key = self._alerts.setdefault(vehicle.key, {}), alert.alert_id
        is_closed, known = alert.closed_at_ms is not None, opened.pop(key, None)
        shown = known or self._coarse_alert(vehicle, alert)
        if not is_closed:
            opened[key] = shown
        if is_closed or known is None:
            self._put_alert(shown, closed=is_closed)
            self._put([vehicle.key] if vehicle.key in self._shown else [])

    def _coarse_alert(self, vehicle: Vehicle, alert: Alert) -> _ShownAlert:
        lon, lat = self._snapper.snap(vehicle.kind, np.array([alert.lon]), np.array([alert.lat]))
        return _ShownAlert(vehicle.key, vehicle.kind, alert, float(lon[0]), float(lat[0]))

    def _rotate(self, now_ms: int) -> None:
        """At midnight everything gets a new name, for everybody at once."""
        self._day, self._day_ends_ms = city_day(now_ms), next_midnight_ms(now_ms)
        self._names.clear()
        self.board.restart()
        self._put(list(self._shown))
        for opened in self._alerts.values():
            for shown in opened.values():
                self._put_alert(shown, closed=False)

    def _drop_gone(self, now_ms: int) -> None:
        gone = [key for key, released_ms in self._released_ms.items() if now_ms - released_ms > GONE_AFTER_MS]
        for key in gone:
            del self._released_ms[key], self._shown[key]
        if gone:
            self.board.remove([self._name(key) for key in gone])

    def _name(self, vehicle: int) -> str:
        if vehicle not in self._names:
            self._names[vehicle] = self._vehicle_names.name(str(vehicle), self._day)
        return self._names[vehicle]

    def _put(self, vehicles: list[int]) -> None:
        if vehicles:
            self.board.put([(self._name(key), Document(None, self._feature(key))) for key in vehicles])

    def _put_alert(self, shown: _ShownAlert, *, closed: bool) -> None:
        name = self._alert_names.name(shown.alert.alert_id, self._day)
        place = self._gazetteer.name(shown.alert.zone_revision, lon=shown.lon, lat=shown.lat)
        fields = {
            "id": name,
            "finding": shown.alert.finding.code,
            "severity": shown.alert.severity,
            "opened_at_ms": shown.alert.opened_at_ms // ALERT_TIME_STEP_MS * ALERT_TIME_STEP_MS,
            "closed": closed,
            "vehicle": self._name(shown.vehicle),
            "kind": shown.kind,
            "place": None if place is None else place.fields(),
            "geometry": {"type": "Point", "coordinates": [shown.lon, shown.lat]},
        }
        self.board.put_alert(name, Document(None, msgspec.json.encode(fields)), closed=closed)

    def _feature(self, vehicle: int) -> bytes:
        shown = self._shown[vehicle]
        alerts = [opened.alert for opened in self._alerts.get(vehicle, {}).values()]
        name = self._name(vehicle)
        return msgspec.json.encode(
            {
                "type": "Feature",
                "id": name,
                "geometry": {"type": "Point", "coordinates": [shown.lon, shown.lat]},
                "properties": {
                    "id": name,
                    "kind": shown.kind,
                    "heading_deg": shown.heading_deg,
                    "altitude_m": shown.altitude_m,
                    "alert": most_severe(alerts),
                },
            }
        )


def _coarse(kind: VehicleKind, position: LivePosition, lon: float, lat: float) -> _Shown:
    return _Shown(
        kind=kind,
        lon=lon,
        lat=lat,
        heading_deg=None if position.heading_deg is None else _stepped(position.heading_deg, HEADING_STEP_DEG) % 360,
        altitude_m=None if position.altitude_m is None else _stepped(position.altitude_m, ALTITUDE_STEP_M),
    )


def _stepped(value: float, step: int) -> int:
    return round(value / step) * step
