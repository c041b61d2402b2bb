"""`pilotage demo`: an installation with the illustrative Qianhai showcase and a simulated fleet."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from pathlib import Path

import click

from app.database import changing_session, migrate, open_engine
from app.installation import say, start_services, supervise, wait_until_ready
from app.processes import start_logging
from app.settings import Settings, ensure_secret, home_of
from app.showcase.plan import shipped_register
from app.showcase.seed import DEMO_USERS, renew_credentials, seed
from app.simulator.credentials import FLEET_FILE, write_credentials
from telemetry.clock import system_clock

#: What the demo decides where the environment does not. Nothing here decides a verdict, so that a plain
#: `pilotage replay --check` judges as the demo did.
DEMO_DEFAULTS = {
    "PILOTAGE_DEMO": "true",
    "PILOTAGE_LOG_LEVEL": "WARNING",
    "PILOTAGE_PUBLIC_DELAY_S": "10",
    "PILOTAGE_SECOND_FACTOR_REQUIRED": "false",
    # Its corridors are as narrow as 80 m; what was near is recorded with the samples.
    "PILOTAGE_SEPARATION_HORIZONTAL_M": "50",
    "PILOTAGE_SEPARATION_LOOK_AHEAD_S": "5",
    "PILOTAGE_SEPARATION_VERTICAL_M": "6",
}
_PORTS = {"PILOTAGE_PORT": 8000, "PILOTAGE_MQTT_PORT": 1883}
_TRIED_PORTS = 50


def run_demo(env: Mapping[str, str]) -> int:
    """Run until Ctrl-C or SIGTERM. The exit status is 0 after an orderly stop."""
    began = time.monotonic()
    chosen = demo_environment(env)
    ensure_secret(home_of(chosen))
    settings = Settings.from_environment(chosen)
    start_logging(settings)
    fleet_file = _prepare(settings)
    supervisor = supervise(chosen)
    try:
        say("Starting broker, ingest worker and web server")
        start_services(supervisor, settings)
        if wait_until_ready(supervisor, settings):
            supervisor.start("simulate", "simulate", "--fleet", str(fleet_file))
            say(f"Up after {time.monotonic() - began:.0f} s")
            _introduce(settings, supervisor.pids())
            supervisor.watch()
        say("Stopping")
    finally:
        supervisor.stop()
    say("Stopped; nothing runs any more")
    return 0


def demo_environment(env: Mapping[str, str]) -> dict[str, str]:
    """The environment with the demo's defaults; a taken default port gives way to the next free one."""
    chosen = DEMO_DEFAULTS | dict(env)
    for name, port in _PORTS.items():
        if name not in chosen:
            chosen[name] = str(_free_port(port))
    return chosen


def _prepare(settings: Settings) -> Path:
    """Database and showcase; returns the file with the credentials of the simulated fleet."""
    say(f"Database: {'SQLite' if settings.database_url.startswith('sqlite') else 'PostgreSQL'}, migrating")
    engine = open_engine(settings.database_url)
    migrate(engine)
    fleet_file = settings.home / FLEET_FILE
    say("Qianhai showcase (illustrative): zones, operators, permits, vehicles")
    with changing_session(engine) as session:
        seeded = seed(session, system_clock())
        credentials = seeded.credentials
        if not seeded.is_new and not fleet_file.exists():
            credentials = renew_credentials(
                session, [vehicle.vehicle_id for vehicle in shipped_register().vehicles], system_clock()
            )
    if credentials:  # after the commit: when we die in between, the next start renews them
        write_credentials(fleet_file, credentials)
    engine.dispose()
    return fleet_file


def _introduce(settings: Settings, pids: Mapping[str, int]) -> None:
    here = settings.local_url
    lines = [
        "",
        f"  Public map    {here}/",
        f"  Duty screen   {here}/duty",
        "",
        *(f"  {user.role:<18}{user.email:<34}{user.password}" for user in DEMO_USERS),
        "",
        f"  MQTT          {settings.broker_url}",
        "  Processes     " + ", ".join(f"{name} {pid}" for name, pid in pids.items()),
        f"  Data          {settings.home}",
        "",
        f"  Kill the worker (kill -9 {pids['ingest']}) and see that it comes back and nothing is lost.",
        "  Ctrl-C stops everything.",
        "",
    ]
    click.echo("\n".join(lines))


def _free_port(preferred: int) -> int:
    """The preferred port or the next one that nobody listens on; whoever starts there says if none is."""
    for port in range(preferred, preferred + _TRIED_PORTS):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return preferred
