"""The simulator as a process: a fleet in real time, through the vehicle agent, as real vehicles would."""

from __future__ import annotations

import logging
import signal
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.showcase.seed import VehicleCredential
from app.simulator.actor import Sample
from app.simulator.fleet import Fleet
from app.simulator.synthetic import SyntheticFleet
from telemetry.agent.group import AgentGroup
from telemetry.clock import system_clock
from telemetry.ports import Clock

logger = logging.getLogger(__name__)

_TICK_S = 0.125
_SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """What is simulated and where it connects.

    With `synthetic_vehicles` the first so many credentials drive as a load test at `road_hz`, without
    breaches; without, the showcase's vehicles that have a credential do their duties.
    """

    broker_url: str
    credentials: Sequence[VehicleCredential]
    ring_path: Path
    seed: int = 1
    road_hz: float = 1.0
    air_hz: float = 2.0
    synthetic_vehicles: int | None = None


class Moving(Protocol):
    """Anything that yields samples as time goes by."""

    def step(self, now_ms: int) -> list[tuple[str, Sample]]:
        """Samples up to now, in order, each with its vehicle's id."""


def run_simulator(
    options: SimulatorOptions, *, clock: Clock = system_clock, stop: threading.Event | None = None
) -> None:
    """Simulate until `stop` is set; without one, until SIGTERM or SIGINT (main thread only).

    Raises ValueError when there are fewer credentials than vehicles wanted, and RingUnavailable when the
    ring buffer cannot be written.
    """
    if stop is None:
        stop = _stop_on_signals()
    fleet, drivers = _fleet(options, clock())
    with AgentGroup(options.broker_url, options.ring_path, clock=clock) as group:
        agents = {driver.vehicle_id: group.add(driver.vehicle_id, driver.password, driver.topic) for driver in drivers}
        logger.info("%d simulated vehicles connect to %s", len(agents), options.broker_url)
        while not stop.wait(_TICK_S):
            for vehicle_id, samples in _by_vehicle(fleet.step(clock())).items():
                if vehicle_id in agents:
                    agents[vehicle_id].publish_all(samples)
        unsettled = group.wait_settled(_SETTLE_S)
    logger.info("simulation stopped; %d samples wait for the next start", unsettled)


def _fleet(options: SimulatorOptions, now_ms: int) -> tuple[Moving, Sequence[VehicleCredential]]:
    wanted = options.synthetic_vehicles
    if wanted is None:
        return Fleet(now_ms, seed=options.seed, road_hz=options.road_hz, air_hz=options.air_hz), options.credentials
    if len(options.credentials) < wanted:
        raise ValueError(f"{wanted} vehicles wanted, credentials of {len(options.credentials)} given")
    drivers = options.credentials[:wanted]
    return SyntheticFleet([driver.vehicle_id for driver in drivers], now_ms, rate_hz=options.road_hz), drivers


def _by_vehicle(samples: Sequence[tuple[str, Sample]]) -> dict[str, list[Sample]]:
    grouped: dict[str, list[Sample]] = defaultdict(list)
    for vehicle_id, sample in samples:
        grouped[vehicle_id].append(sample)
    return grouped


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
