"""One vehicle of the fleet: its machine, receiver and crew, and the breaches that it commits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from app.showcase.plan import PlannedVehicle
from app.simulator.breaches import Appear, Hurry, Misreport, Scatter, Script, Wander, WrongClock
from app.simulator.course import Pace
from app.simulator.machines import Machine, Pose
from app.simulator.orders import Bidding, Obligations, Said
from app.simulator.paths import ahead, to_the_right
from app.simulator.plane import Plane
from app.simulator.receiver import Receiver
from geofences.schedule import Schedule
from telemetry.directives import Directive, Reply
from telemetry.samples import VehicleKind

Sample = dict[str, object]

_TURNS_ABOVE_MPS = 0.2
_BATTERY_FULL, _BATTERY_SPAN, _BATTERY_MS = 96.0, 70.0, 3 * 3_600_000
_SCATTER_TURN_RAD = math.radians(137.0)
#: The last words before it is switched off: parked by hand, so that nobody takes the silence for a lost link.
_PARKED = Misreport({"mode": "manual", "location.speed": 0.0, "acceleration": 0.0})


@dataclass(slots=True)
class Actor:
    """`hours` are those of its permit; they matter to a vehicle that is switched off outside them.

    It commits no breach that began before `joined_ms`: nobody starts in the middle of one. Nor does it
    begin one while directives bind it.
    """

    plan: PlannedVehicle
    machine: Machine
    receiver: Receiver
    plane: Plane
    datum: str
    scripts: Sequence[Script]
    hours: Schedule | None
    period_ms: float
    due_ms: float
    is_on: bool = True
    joined_ms: int = 0
    obligations: Obligations = field(default_factory=Obligations)
    speed_mps: float = 0.0
    climb_mps: float = 0.0
    acceleration_mps2: float = 0.0
    _pose: Pose | None = None
    _wander_heading_rad: float | None = field(default=None)
    _bound_since_ms: int | None = None

    @property
    def leads(self) -> bool:
        """Whether others wait behind it."""
        return self.is_on and self._wander_heading_rad is None

    def advance(self, seconds: float, at_ms: int, pace: Pace) -> None:
        """Move on for a fraction of a second, as the script wants it."""
        self.is_on = self._is_switched_on(at_ms)
        pace = replace(pace, bidding=self._bidding(at_ms))
        before = self._pose or self.machine.pose
        if self.is_on:
            self.machine.advance(seconds, at_ms, self._scripted(pace, at_ms))
        self._pose = self._led_astray(self.machine.pose, at_ms)
        self._measure(before, seconds)

    def demanded(self, directive: Directive) -> Said | None:
        """Take a directive on; None from who never answers."""
        said = self.obligations.take(directive, self.plane, flies=self.plan.kind is VehicleKind.AIR)
        is_stuck = said is not None and said.reply is Reply.ACCEPTED and not self._can_leave()
        if not is_stuck:
            return said
        self.obligations.forget(directive.directive_id)
        return Said(Reply.REFUSED, "Its way never leads out of the place: somebody has to move it.")

    def ended(self, directive_id: str) -> None:
        """It is demanded no more."""
        self.obligations.forget(directive_id)

    def report(self, at_ms: int) -> Sample | None:
        """The sample of this instant, if one is due; without `seq`."""
        if at_ms < self.due_ms:
            return None
        missed = int((at_ms - self.due_ms) // self.period_ms)
        self.due_ms += (1 + missed) * self.period_ms
        self.receiver.observe((1 + missed) * self.period_ms / 1000)
        return self._misreported(self._observed(at_ms), at_ms) if self.is_on else None

    def _can_leave(self) -> bool:
        return all(self.machine.can_leave(area) for area in self.obligations.bidding().keep_out)

    def _bidding(self, at_ms: int) -> Bidding:
        bidding = self.obligations.bidding()
        if bidding.is_free and self._bound_since_ms is not None:
            self.joined_ms, self._bound_since_ms = at_ms, None
        elif not bidding.is_free and self._bound_since_ms is None:
            self._bound_since_ms = at_ms
        return bidding

    def _is_switched_on(self, at_ms: int) -> bool:
        bursts = [script for script in self.scripts if isinstance(script.act, Appear)]
        if not bursts or any(self._elapsed_s(script, at_ms) is not None for script in bursts):
            return True
        return self.hours is not None and bool(self.hours.active(np.array([at_ms], dtype=np.int64))[0])

    def _scripted(self, pace: Pace, at_ms: int) -> Pace:
        for script in self._going_on(at_ms):
            if isinstance(script.act, Hurry):
                return replace(pace, hurry_mps=script.act.speed_mps)
            if isinstance(script.act, WrongClock) or (isinstance(script.act, Wander) and script.act.right_m):
                return replace(pace, at_most_mps=0.0)
        return pace

    def _led_astray(self, pose: Pose, at_ms: int) -> Pose:
        for script in self._going_on(at_ms):
            if isinstance(script.act, Wander):
                if self._wander_heading_rad is None:
                    self._wander_heading_rad = pose.heading_rad
                share = _share_of_way(self._elapsed_s(script, at_ms) or 0.0, script.lasts_s, script.act.ramp_s)
                point = to_the_right(pose.point, self._wander_heading_rad, share * script.act.right_m)
                return Pose(point, pose.heading_rad, pose.altitude_m + share * script.act.up_m)
        self._wander_heading_rad = None
        return pose

    def _measure(self, before: Pose, seconds: float) -> None:
        """Speeds as the displacement shows them; the heading follows the movement."""
        assert self._pose is not None
        now = self._pose
        east_m, north_m = now.point[0] - before.point[0], now.point[1] - before.point[1]
        speed_mps = math.hypot(east_m, north_m) / seconds
        self.acceleration_mps2 = (speed_mps - self.speed_mps) / seconds
        self.speed_mps = speed_mps
        self.climb_mps = (now.altitude_m - before.altitude_m) / seconds
        if self._wander_heading_rad is not None:
            turned = math.atan2(east_m, north_m) if speed_mps > _TURNS_ABOVE_MPS else before.heading_rad
            self._pose = Pose(now.point, turned, now.altitude_m)

    def _observed(self, at_ms: int) -> Sample:
        assert self._pose is not None
        lon, lat = self.plane.lonlat(self.receiver.fix(self._pose.point))
        drained = (at_ms + self.receiver.horizontal_m * _BATTERY_MS) % _BATTERY_MS / _BATTERY_MS
        return {
            "timestamp": at_ms,
            "location": {
                "lat": round(lat, 7),
                "lng": round(lon, 7),
                "altitude": round(self.receiver.altitude_m(self._pose.altitude_m), 2),
                "heading": round(math.degrees(self._pose.heading_rad) % 360, 1) % 360,
                "speed": round(self.speed_mps, 2),
                "horizontal_accuracy": round(self.receiver.horizontal_m, 2),
                "vertical_accuracy": round(self.receiver.vertical_m, 2),
            },
            "altitude_datum": self.datum,
            "vertical_speed": round(self.climb_mps, 2),
            "acceleration": round(self.acceleration_mps2, 2),
            "mode": "autonomous",
            "safety_officer": self.plan.safety_officer,
            "officer_id": self.plan.officer_id,
            "passengers": self.plan.passengers,
            "battery_percent": round(_BATTERY_FULL - _BATTERY_SPAN * drained),
            "faults": [],
        }

    def _misreported(self, sample: Sample, at_ms: int) -> Sample:
        for script in self._going_on(at_ms):
            if isinstance(script.act, Misreport):
                sample = _changed(sample, script.act)
            elif isinstance(script.act, WrongClock):
                wrong = script.act.is_wrong(self._elapsed_s(script, at_ms) or 0.0, script.lasts_s)
                sample = {**sample, "timestamp": at_ms + (script.act.ahead_ms if wrong else 0)}
            elif isinstance(script.act, Scatter):
                sample = self._scattered(sample, script.act, self._elapsed_s(script, at_ms) or 0.0)
            elif isinstance(script.act, Appear) and not self._is_switched_on(at_ms + round(self.period_ms)):
                sample = _changed(sample, _PARKED)
        return sample

    def _scattered(self, sample: Sample, act: Scatter, elapsed_s: float) -> Sample:
        assert self._pose is not None
        lon, lat = self.plane.lonlat(ahead(self._pose.point, int(elapsed_s) * _SCATTER_TURN_RAD, act.distance_m))
        return _changed(sample, Misreport({"location.lat": round(lat, 7), "location.lng": round(lon, 7)}))

    def _going_on(self, at_ms: int) -> list[Script]:
        bound_ms = math.inf if self._bound_since_ms is None else self._bound_since_ms
        begun = ((script, self._elapsed_s(script, at_ms)) for script in self.scripts)
        return [each for each, elapsed_s in begun if elapsed_s is not None and at_ms - elapsed_s * 1000 < bound_ms]

    def _elapsed_s(self, script: Script, at_ms: int) -> float | None:
        elapsed_s = script.elapsed_s(at_ms)
        return None if elapsed_s is None or at_ms - elapsed_s * 1000 < self.joined_ms else elapsed_s


def _share_of_way(elapsed_s: float, lasts_s: float, ramp_s: float) -> float:
    """From 0 to 1 within the ramp, and back to 0 in the ramp before the end; smooth at all four corners."""
    share = min(1.0, elapsed_s / ramp_s, max(0.0, lasts_s - elapsed_s) / ramp_s)
    return share * share * (3 - 2 * share)


def _changed(sample: Sample, act: Misreport) -> Sample:
    assert isinstance(sample["location"], dict)
    location = dict(sample["location"])
    changed = {**sample, "location": location}
    for name, value in act.changes.items():
        place, key = (location, name.removeprefix("location.")) if name.startswith("location.") else (changed, name)
        if value is None:
            place.pop(key, None)
        else:
            place[key] = value
    return changed
