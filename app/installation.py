"""One installation on one machine: the database brought up to date, then its processes under a supervisor."""

from __future__ import annotations

import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http import HTTPStatus

import click

from app.processes import run_migration
from app.settings import Settings
from app.supervisor import Supervisor

READY_WITHIN_S = 60.0
_PROBE_TIMEOUT_S = 1.0


def run_installation(settings: Settings, env: Mapping[str, str]) -> int:
    """`pilotage up`: run until Ctrl-C or SIGTERM. The exit status is 0 after an orderly stop."""
    say("Bringing the database up to date")
    run_migration(settings)
    supervisor = supervise(env)
    try:
        start_services(supervisor, settings)
        if wait_until_ready(supervisor, settings):
            say(f"Pilotage is up at {settings.local_url}")
            supervisor.watch()
    finally:
        supervisor.stop()
    say("Stopped")
    return 0


def supervise(env: Mapping[str, str]) -> Supervisor:
    """A supervisor that stops on SIGINT and SIGTERM; its children read `env`."""
    supervisor = Supervisor(env)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.request_stop())
    return supervisor


def start_services(supervisor: Supervisor, settings: Settings) -> None:
    """Broker (unless an outside one is named), ingest worker, web server."""
    if not settings.outside_broker:
        supervisor.start("broker", "broker")
        supervisor.watch(until=_within(10.0, lambda: _listens(settings.mqtt_host, settings.mqtt_port)), poll_s=0.05)
    supervisor.start("ingest", "ingest")
    supervisor.start("web", "web")


def wait_until_ready(supervisor: Supervisor, settings: Settings) -> bool:
    """Wait for /readyz; False when a stop was asked for. Goes on watching when it takes too long, and says so."""
    ready = False

    def answered() -> bool:
        nonlocal ready
        ready = _is_ready(settings)
        return ready

    if not supervisor.watch(until=_within(READY_WITHIN_S, answered)):
        return False
    if not ready:
        say(f"Still not ready after {READY_WITHIN_S:.0f} s; {settings.local_url}/readyz says why")
    return True


def say(line: str) -> None:
    """One line of progress, with the time."""
    click.echo(f"{time.strftime('%H:%M:%S')}  {line}")


def _within(limit_s: float, holds: Callable[[], bool]) -> Callable[[], bool]:
    """True once `holds` does or the time is over."""
    deadline = time.monotonic() + limit_s
    return lambda: holds() or time.monotonic() > deadline


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_PROBE_TIMEOUT_S):
            return True
    except OSError:
        return False


def _is_ready(settings: Settings) -> bool:
    try:
        with urllib.request.urlopen(f"{settings.local_url}/readyz", timeout=_PROBE_TIMEOUT_S) as answer:  # noqa: S310  our own http address
            return bool(answer.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError):
        return False
