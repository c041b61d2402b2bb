"""The public's view: late, coarse and under names that change every day.

It is built field by field from its own schema and never by leaving things out of the staff's. A
position or alert reaches it only once the delay has passed since this process learned of it; until
then it waits in memory and no reader can ask for it. What is due is released all at once every few
seconds, in the order of the names, so that neither the instant nor the order tells which vehicle it is.

A new name is worth nothing to a vehicle that can be followed while it changes. So around midnight the
view rests: it shows nothing for a while, and afterwards no vehicle before it has come far from where it
was, nor any alert from before. What this protects against, and what not, is in docs/privacy.md.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np

from app.calendar import day_of, end_of_day_ms
from app.live.board import Board, Document
from app.live.gazetteer import Gazetteer
from app.live.journeys import Journeys
from app.live.pseudonyms import Pseudonyms
from app.live.snapping import Centreline, Snapper
from app.live.things import Alert, Vehicle, most_severe
from telemetry.bus import LivePosition
from telemetry.findings import RULES, Nature
from telemetry.ports import Clock
from telemetry.samples import VehicleKind

HEADING_STEP_DEG = 10
ALTITUDE_STEP_M = 10
ALERT_TIME_STEP_MS = 10_000

#: What is due is released this often, or as often as the delay is long.
RELEASE_EVERY_MS = 5_000

#: Of a shown number, in steps, that the true one may be off before another is shown.
_STAYS_STEPS = 0.85
#: A full circle of headings.
_CIRCLE_DEG = 360

#: A vehicle that sent nothing for so long is not shown to the public at all.
GONE_AFTER_MS = 60_000
_LOOK_FOR_GONE_EVERY_MS = 1_000


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """The secrets behind the public names, and behind the edges of what is snapped."""

    vehicle: bytes
    alert: bytes
    place: bytes


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

    def __init__(self, clock: Clock, *, keys: PublicKeys, delay_ms: int, step_m: float, rest_ms: int = 0) -> None:
        self.board = Board()
        self.delay_ms = delay_ms
        self.release_every_ms = max(1, min(RELEASE_EVERY_MS, delay_ms))
        self._rest_ms = rest_ms
        self._clock = clock
        self._step_m = step_m
        self._vehicle_names = Pseudonyms(keys.vehicle)
        self._alert_names = Pseudonyms(keys.alert)
        self._lock = threading.RLock()
        self._day = ""
        self._rest_begins_ms = self._rest_ends_ms = 0
        self._journeys = Journeys(is_first_day=True) if rest_ms else None
        self._is_resting = False
        self._snapper = Snapper((), step_m, keys.place)
        self._place_key = keys.place
        self._gazetteer = Gazetteer({})
        self._waiting: deque[tuple[int, Vehicle, LivePosition | Alert]] = deque()
        self._shown: dict[int, _Shown] = {}
        self._released_ms: dict[int, int] = {}
        self._look_for_gone_ms = 0
        self._names: dict[int, str] = {}
        self._alerts: dict[int, dict[str, _ShownAlert]] = {}
        self._shown_since_ms: dict[int, int] = {}
        self._begin_day(clock())

    def know(self, centrelines: Iterable[Centreline], gazetteer: Gazetteer) -> None:
        """Take over the lines that vehicles are snapped to and the names of places."""
        snapper = Snapper(centrelines, self._step_m, self._place_key)
        with self._lock:
            self._snapper, self._gazetteer = snapper, gazetteer

    def follow_position(self, vehicle: Vehicle, position: LivePosition) -> None:
        """Hold the position back until the delay has passed."""
        self._hold_back(vehicle, position)

    def follow_alert(self, vehicle: Vehicle, alert: Alert) -> None:
        """Hold the alert back until the delay has passed; what merely happens to vehicles is not the public's."""
        if RULES[alert.finding].nature is Nature.OCCURRENCE:
            return
        self._hold_back(vehicle, alert)

    def sweep(self) -> None:
        """Show what is old enough by now; cheap to call often, and called before every reading."""
        now_ms = self._clock()
        with self._lock:
            if not self._is_resting and now_ms >= self._rest_begins_ms:
                self._fall_silent()
            if self._is_resting and now_ms >= self._rest_ends_ms:
                self._begin_day(now_ms)
            due_ms = now_ms // self.release_every_ms * self.release_every_ms
            if self._waiting and self._waiting[0][0] <= due_ms:
                self._release_due(due_ms)
            if now_ms >= self._look_for_gone_ms:
                self._look_for_gone_ms = now_ms + _LOOK_FOR_GONE_EVERY_MS
                self._drop_gone(now_ms)

    def is_resting(self) -> bool:
        """Whether nothing is shown now because the names change."""
        self.sweep()
        return self._is_resting

    def _fall_silent(self) -> None:
        """Take everything away from everybody; what moves from now on is only counted."""
        self._is_resting = True
        if self._rest_ms:
            self._journeys = Journeys()
            self._shown.clear()
            self._released_ms.clear()
            self._alerts.clear()
            self._shown_since_ms.clear()
        self.board.restart()

    def _begin_day(self, now_ms: int) -> None:
        """New names for everybody at once. A process that starts within the rest goes on with it."""
        midnight_ms = end_of_day_ms(day_of(now_ms - self._rest_ms))
        self._rest_begins_ms, self._rest_ends_ms = midnight_ms - self._rest_ms, midnight_ms + self._rest_ms
        self._day = day_of(midnight_ms - 1).isoformat()
        self._is_resting = False
        self._names.clear()
        self.board.restart()
        self._put(list(self._shown))
        for opened in self._alerts.values():
            for shown in opened.values():
                self._put_alert(shown, closed=False)
        if now_ms >= self._rest_begins_ms:
            self._fall_silent()

    def _hold_back(self, vehicle: Vehicle, thing: LivePosition | Alert) -> None:
        with self._lock:
            self._waiting.append((self._clock() + self.delay_ms, vehicle, thing))
        self.sweep()

    def _release_due(self, due_ms: int) -> None:
        positions: dict[int, tuple[Vehicle, LivePosition]] = {}
        alerts: list[tuple[Vehicle, Alert]] = []
        while self._waiting and self._waiting[0][0] <= due_ms:
            _, vehicle, thing = self._waiting.popleft()
            if isinstance(thing, Alert):
                alerts.append((vehicle, thing))
            elif self._may_be_shown(vehicle, thing):
                positions[vehicle.key] = (vehicle, thing)
        for kind in VehicleKind:
            self._release(kind, [pair for pair in positions.values() if pair[0].kind is kind], due_ms)
        for vehicle, alert in sorted(alerts, key=lambda pair: self._alert_name(pair[1])):
            self._release_alert(vehicle, alert)

    def _may_be_shown(self, vehicle: Vehicle, position: LivePosition) -> bool:
        """After a rest a vehicle must first have come far."""
        if self._journeys is not None:
            speed_mps = position.speed_mps
            self._journeys.come_to(vehicle.key, lon=position.lon, lat=position.lat, speed_mps=speed_mps)
        return not self._is_resting and (self._journeys is None or self._journeys.is_far(vehicle.key))

    def _release(self, kind: VehicleKind, pairs: list[tuple[Vehicle, LivePosition]], due_ms: int) -> None:
        if not pairs:
            return
        before = [self._shown.get(vehicle.key) for vehicle, _ in pairs]
        lon, lat = self._snapper.snap(
            kind,
            np.array([position.lon for _, position in pairs]),
            np.array([position.lat for _, position in pairs]),
            np.array([(shown.lon, shown.lat) if shown else (np.nan, np.nan) for shown in before]),
        )
        changed = []
        for (vehicle, position), known, x, y in zip(pairs, before, lon.tolist(), lat.tolist(), strict=True):
            shown = _coarse(kind, position, x, y, known)
            self._released_ms[vehicle.key] = due_ms
            self._shown_since_ms.setdefault(vehicle.key, due_ms)
            if known != shown:
                self._shown[vehicle.key] = shown
                changed.append(vehicle.key)
        self._put(changed)

    def _release_alert(self, vehicle: Vehicle, alert: Alert) -> None:
        opened, key = self._alerts.setdefault(vehicle.key, {}), alert.alert_id
        is_closed, known = alert.closed_at_ms is not None, opened.pop(key, None)
        if known is None and (is_closed or not self._may_be_told(vehicle, alert)):
            return
        shown = known or self._coarse_alert(vehicle, alert)
        if not is_closed:
            opened[key] = shown
        if is_closed or known is None:
            self._put_alert(shown, closed=is_closed)
            self._put([vehicle.key] if vehicle.key in self._shown else [])

    def _may_be_told(self, vehicle: Vehicle, alert: Alert) -> bool:
        """After a rest, alerts of vehicles that are shown, from when they were: an older one is known by its time."""
        if self._is_resting:
            return False
        if self._journeys is None or (self._journeys.is_first_day and not self._journeys.is_known(vehicle.key)):
            return True
        if self._journeys.is_first_day:
            return self._journeys.is_far(vehicle.key)
        since_ms = self._shown_since_ms.get(vehicle.key)
        return since_ms is not None and alert.opened_at_ms >= since_ms

    def _coarse_alert(self, vehicle: Vehicle, alert: Alert) -> _ShownAlert:
        lon, lat = self._snapper.snap(vehicle.kind, np.array([alert.lon]), np.array([alert.lat]))
        return _ShownAlert(vehicle.key, vehicle.kind, alert, float(lon[0]), float(lat[0]))

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

    def _alert_name(self, alert: Alert) -> str:
        return self._alert_names.name(alert.alert_id, self._day)

    def _put(self, vehicles: list[int]) -> None:
        if vehicles and not self._is_resting:
            self.board.put(sorted((self._name(key), Document(None, self._feature(key))) for key in vehicles))

    def _put_alert(self, shown: _ShownAlert, *, closed: bool) -> None:
        name = self._alert_name(shown.alert)
        place = self._gazetteer.place(shown.alert.zone_revision, lon=shown.lon, lat=shown.lat)
        fields = {
            "id": name,
            "finding": shown.alert.finding.code,
            "severity": shown.alert.severity,
            "opened_at_ms": shown.alert.opened_at_ms // ALERT_TIME_STEP_MS * ALERT_TIME_STEP_MS,
            "closed": closed,
            "vehicle": self._name(shown.vehicle),
            "kind": shown.kind,
            "place": None if place is None else place.names.fields(),
            "geometry": {"type": "Point", "coordinates": [shown.lon, shown.lat]},
        }
        self.board.put_alerts([(name, Document(None, msgspec.json.encode(fields)), closed)])

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


def _coarse(kind: VehicleKind, position: LivePosition, lon: float, lat: float, before: _Shown | None) -> _Shown:
    heading, altitude = position.heading_deg, position.altitude_m
    return _Shown(
        kind=kind,
        lon=lon,
        lat=lat,
        heading_deg=None if heading is None else _heading(heading, before.heading_deg if before else None),
        altitude_m=None
        if altitude is None
        else _stepped(altitude, ALTITUDE_STEP_M, before.altitude_m if before else None),
    )


def _heading(value: float, before: int | None) -> int:
    """Headings lie on a circle: 358 degrees are beside 0."""
    turned = value if before is None else before + (value - before + _CIRCLE_DEG / 2) % _CIRCLE_DEG - _CIRCLE_DEG / 2
    return _stepped(turned, HEADING_STEP_DEG, before) % _CIRCLE_DEG


def _stepped(value: float, step: int, before: int | None) -> int:
    """The value in steps; what was shown stays while it is nearly right."""
    if before is not None and abs(value - before) <= _STAYS_STEPS * step:
        return before
    return round(value / step) * step
