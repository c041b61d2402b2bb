"""The whole fleet in simulated time: pure, deterministic for a seed, without any input or output."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence

from app.showcase.plan import Register, shipped_register
from app.simulator.actor import Actor, Sample
from app.simulator.breaches import SCRIPTS, Script
from app.simulator.course import Pace
from app.simulator.muster import muster
from app.simulator.orders import Said, Temper
from telemetry.directives import Directive
from telemetry.samples import VehicleKind

TICK_MS = 250
#: After a longer standstill of the process the fleet goes on from now instead of catching up.
CATCH_UP_MS = 30_000
_ROOM_M = 9.0  # from antenna to antenna, standing in a queue


class Fleet:
    """All vehicles of the showcase, moved in ticks of TICK_MS on a grid of absolute time.

    What it yields depends on the start, the seed and the time only, not on how often it is asked.
    """

    def __init__(
        self,
        start_ms: int,
        *,
        seed: int = 1,
        road_hz: float = 1.0,
        air_hz: float = 2.0,
        scripts: Sequence[Script] = SCRIPTS,
        register: Register | None = None,
        tempers: Mapping[str, Temper] | None = None,
    ) -> None:
        self._at_ms = start_ms - start_ms % TICK_MS
        rates = {VehicleKind.ROAD: road_hz, VehicleKind.AIR: air_hz}
        self._actors = muster(register or shipped_register(), scripts, random.Random(seed), rates)
        self._of_vehicle = {actor.plan.vehicle_id: actor for actor in self._actors}
        for vehicle_id, temper in (tempers or {}).items():
            if vehicle_id in self._of_vehicle:
                self._of_vehicle[vehicle_id].obligations.temper = temper
        self._join()

    @property
    def vehicle_ids(self) -> list[str]:
        """Everybody who takes part."""
        return [actor.plan.vehicle_id for actor in self._actors]

    def hears(self, vehicle_id: str) -> bool:
        """Whether the vehicle is switched on: else what is demanded of it waits."""
        actor = self._of_vehicle.get(vehicle_id)
        return actor is not None and actor.is_on

    def demanded(self, vehicle_id: str, directive: Directive) -> Said | None:
        """A directive to a vehicle of the fleet; its answer, or None from who never answers."""
        return self._of_vehicle[vehicle_id].demanded(directive)

    def ended(self, vehicle_id: str, directive_id: str) -> None:
        """It is not demanded any more."""
        self._of_vehicle[vehicle_id].ended(directive_id)

    def step(self, now_ms: int) -> list[tuple[str, Sample]]:
        """Move on to `now_ms`; the samples observed on the way, without `seq`, in the order of time."""
        if now_ms - self._at_ms > CATCH_UP_MS:
            self._at_ms = now_ms - now_ms % TICK_MS - TICK_MS
            self._join()
        samples: list[tuple[str, Sample]] = []
        while self._at_ms + TICK_MS <= now_ms:
            self._at_ms += TICK_MS
            samples += self._tick()
        return samples

    def _join(self) -> None:
        for actor in self._actors:
            actor.joined_ms = self._at_ms

    def _tick(self) -> list[tuple[str, Sample]]:
        gaps = _gaps([actor for actor in self._actors if actor.leads])
        samples = []
        for actor in self._actors:
            actor.advance(TICK_MS / 1000, self._at_ms, Pace(gap_m=gaps.get(actor.plan.vehicle_id, math.inf)))
            if (sample := actor.report(self._at_ms)) is not None:
                samples.append((actor.plan.vehicle_id, sample))
        return samples


def _gaps(actors: Sequence[Actor]) -> dict[str, float]:
    """How far each vehicle is from the next one ahead on its lanes."""
    on_lane: dict[str, list[float]] = defaultdict(list)
    for actor in actors:
        course = actor.machine.course
        if course is not None and course.leg.key is not None:
            on_lane[course.leg.key].append(course.on_leg_m)
    gaps = {}
    for actor in actors:
        course = actor.machine.course
        if course is None:
            continue
        ahead = [
            start_m + leader_m
            for key, start_m in course.lanes_ahead()
            for leader_m in on_lane[key]
            if start_m + leader_m > 0
        ]
        if ahead:
            gaps[actor.plan.vehicle_id] = min(ahead) - _ROOM_M
    return gaps
