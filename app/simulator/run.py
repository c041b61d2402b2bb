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
from app.simulator.orders import Inbox, Said, tempers
from app.simulator.synthetic import SyntheticFleet
from telemetry.agent.agent import VehicleAgent
from telemetry.agent.group import AgentGroup
from telemetry.clock import system_clock
from telemetry.directives import Directive
from telemetry.ports import Clock

logger = logging.getLogger(__name__)

_TICK_S = 0.125
_SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """What is simulated and where it connects.

    With `synthetic_vehicles` the first so many credentials drive as a load test at `road_hz`, without
    breaches; without, the showcase's vehicles that have a credential do their duties. The
    `disobedient` say that they obey directives and do not, the `silent` never answer one.
    """

    broker_url: str
    credentials: Sequence[VehicleCredential]
    ring_path: Path
    seed: int = 1
    road_hz: float = 1.0
    air_hz: float = 2.0
    synthetic_vehicles: int | None = None
    disobedient: Sequence[str] = ()
    silent: Sequence[str] = ()


class Moving(Protocol):
    """Anything that yields samples as time goes by."""

    def step(self, now_ms: int) -> list[tuple[str, Sample]]:
        """Samples up to now, in order, each with its vehicle's id."""

    def hears(self, vehicle_id: str) -> bool:
        """Whether the vehicle can be told anything now."""

    def demanded(self, vehicle_id: str, directive: Directive) -> Said | None:
        """The vehicle's answer; None: it does not."""

    def ended(self, vehicle_id: str, directive_id: str) -> None:
        """The directive is demanded no more."""


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
        inboxes = {driver.vehicle_id: Inbox() for driver in drivers}
        agents = {
            driver.vehicle_id: group.add(
                driver.vehicle_id, driver.password, driver.topic, program=inboxes[driver.vehicle_id]
            )
            for driver in drivers
        }
        logger.info("%d simulated vehicles connect to %s", len(agents), options.broker_url)
        while not stop.wait(_TICK_S):
            for vehicle_id, inbox in inboxes.items():
                if fleet.hears(vehicle_id):
                    _pass_on(fleet, agents[vehicle_id], inbox)
            for vehicle_id, samples in _by_vehicle(fleet.step(clock())).items():
                if vehicle_id in agents:
                    agents[vehicle_id].publish_all(samples)
        unsettled = group.wait_settled(_SETTLE_S)
    logger.info("simulation stopped; %d samples wait for the next start", unsettled)


def _fleet(options: SimulatorOptions, now_ms: int) -> tuple[Moving, Sequence[VehicleCredential]]:
    wanted = options.synthetic_vehicles
    if wanted is None:
        others = tempers(options.disobedient, options.silent)
        fleet = Fleet(now_ms, seed=options.seed, road_hz=options.road_hz, air_hz=options.air_hz, tempers=others)
        return fleet, options.credentials
    if len(options.credentials) < wanted:
        raise ValueError(f"{wanted} vehicles wanted, credentials of {len(options.credentials)} given")
    drivers = options.credentials[:wanted]
    return SyntheticFleet([driver.vehicle_id for driver in drivers], now_ms, rate_hz=options.road_hz), drivers


def _pass_on(fleet: Moving, agent: VehicleAgent, inbox: Inbox) -> None:
    vehicle_id = agent.credential.vehicle_id
    for heard in inbox.take():
        if isinstance(heard, str):
            fleet.ended(vehicle_id, heard)
        elif (said := fleet.demanded(vehicle_id, heard)) is not None:
            agent.answer(heard.directive_id, said.reply, said.detail)


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
