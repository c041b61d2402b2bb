"""Wires the simulator's process from the settings. No other process needs what it imports."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from app.processes import start_logging
from app.settings import Settings
from app.simulator.credentials import read_credentials
from app.simulator.run import SimulatorOptions, run_simulator


def run_simulation(
    settings: Settings, fleet_file: Path, *, vehicles: int | None, rate_hz: float | None, seed: int
) -> None:
    """The simulated fleet whose credentials are in the file, until SIGTERM or SIGINT."""
    start_logging(settings)
    # A broker that is gone is said once by the worker, not by each of fifty vehicles.
    logging.getLogger("telemetry.agent").setLevel(logging.ERROR)
    options = SimulatorOptions(
        broker_url=settings.broker_url,
        credentials=read_credentials(fleet_file),
        ring_path=settings.home / "fleet.ring",
        seed=seed,
        synthetic_vehicles=vehicles,
        disobedient=settings.demo_disobedient,
        silent=settings.demo_silent,
    )
    run_simulator(options if rate_hz is None else replace(options, road_hz=rate_hz, air_hz=rate_hz))
