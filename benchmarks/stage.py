"""A stage for whole-process measurements: mosquitto, SQLite (FULL), a registered fleet, and the real processes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import shapely
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from shapely.geometry import LineString

from app.database import changing_session, migrate, open_engine
from app.models import Role
from app.models import Stage as PermitStage
from app.services.conditions import Conditions
from app.services.organisations import register_organisation
from app.services.permits import issue_permit
from app.services.tokens import issue_token
from app.services.users import create_user
from app.services.vehicles import register_vehicle
from app.services.zones import publish_zone_revision
from benchmarks.zones import corridor, road
from geofences.zones import ZoneKind, ZoneRevision
from telemetry.bus import STATUS_FILTER, WorkerState, decode_heartbeat
from telemetry.clock import system_clock
from telemetry.messages import telemetry_topic
from telemetry.samples import VehicleKind
from tests.brokers import SERVICE_PASSWORD, SERVICE_USER, Mosquitto, free_port, mosquitto
from tests.jurisdictions import jurisdiction

DAY_MS = 86_400_000
SPEED_MPS = 8.3
_DEGREE_M = 107_000.0  # roughly, of either kind, at the zones' latitude
_ROADS_A_PERMIT = 10
_DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class BenchVehicle:
    """A registered vehicle and the line that it drives along."""

    vehicle_id: str
    topic: str
    line: LineString


@dataclass(frozen=True, slots=True)
class BenchStage:
    """Where everything is, and how to start a process of the program there."""

    home: Path
    broker: Mosquitto
    environment: dict[str, str]
    vehicles: Sequence[BenchVehicle]
    token: str

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.home / "pilotage.sqlite3"

    @property
    def web_address(self) -> str:
        """Of the web server, once it runs."""
        return f"http://127.0.0.1:{self.environment['PILOTAGE_PORT']}"

    @contextmanager
    def running(self, command: str) -> Iterator[subprocess.Popen[bytes]]:
        """`pilotage COMMAND` for as long as the block lasts."""
        process = subprocess.Popen([sys.executable, "-m", "app.cli", command], env=self.environment)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    def wait_for_worker(self, *, limit_s: float = 60.0) -> None:
        """Until a worker has said on the bus that it runs."""
        heard = threading.Event()
        client = Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(SERVICE_USER, SERVICE_PASSWORD)
        client.on_connect = lambda *_: client.subscribe(STATUS_FILTER)

        def on_message(_client: Client, _userdata: object, message: MQTTMessage) -> None:
            if decode_heartbeat(message.payload).state is WorkerState.RUNNING:
                heard.set()

        client.on_message = on_message
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        if not heard.wait(limit_s):
            raise TimeoutError("no worker runs")
        client.disconnect()
        client.loop_stop()

    def one(self, query: str, *parameters: object) -> float:
        """One number from the database."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as connection:
            return float(connection.execute(query, parameters).fetchone()[0] or 0)

    def wait_for(self, query: str, at_least: float, *, limit_s: float, poll_s: float = 0.25) -> None:
        """Wait until a number of the database has grown so far; raises TimeoutError."""
        deadline = time.monotonic() + limit_s
        while self.one(query) < at_least:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{query}: {self.one(query):.0f} instead of {at_least:.0f} after {limit_s:.0f} s")
            time.sleep(poll_s)


@contextmanager
def staged(*, vehicles: int, zones: int, vehicles_a_permit: int = 100) -> Iterator[BenchStage]:
    """A fresh installation with a fleet and zones, on a mosquitto of its own."""
    with tempfile.TemporaryDirectory(prefix="pilotage-bench-") as directory:
        home = Path(directory)
        (home / "broker").mkdir()
        with mosquitto(home / "broker", users={SERVICE_USER: SERVICE_PASSWORD}) as broker:
            environment = _environment(home, broker)
            fleet, token = _register(home, vehicles, zones, vehicles_a_permit)
            yield BenchStage(home, broker, environment, fleet, token)


def payload(vehicle: BenchVehicle, seq: int, timestamp_ms: int) -> bytes:
    """One sample like a real car's, of some 330 bytes, driving to and fro on its road; one in a hundred speeds."""
    return msgspec.json.encode(sample(vehicle, seq, timestamp_ms))


def sample(vehicle: BenchVehicle, seq: int, timestamp_ms: int) -> dict[str, object]:
    """See `payload`."""
    lengths = timestamp_ms / 1000 * SPEED_MPS / (vehicle.line.length * _DEGREE_M) % 2.0
    place = vehicle.line.interpolate(min(lengths, 2.0 - lengths), normalized=True)
    return {
        "seq": seq,
        "timestamp": timestamp_ms,
        "location": {
            "lat": round(place.y, 7),
            "lng": round(place.x, 7),
            "altitude": 12.3,
            "heading": 123.4,
            "speed": 30.0 if seq % 100 < 1 else SPEED_MPS,
            "horizontal_accuracy": 0.6,
            "vertical_accuracy": 1.1,
        },
        "altitude_datum": "AMSL",
        "vertical_speed": 0.0,
        "acceleration": 0.2,
        "mode": "autonomous",
        "safety_officer": "onboard",
        "passengers": 2,
        "battery_percent": 81,
        "faults": [],
    }


def _environment(home: Path, broker: Mosquitto) -> dict[str, str]:
    return dict(os.environ) | {
        "PILOTAGE_HOME": str(home),
        "PILOTAGE_SECRET_KEY": "0123456789abcdef" * 4,
        "PILOTAGE_BROKER_URL": f"mqtt://127.0.0.1:{broker.port}",
        "PILOTAGE_BROKER_USERNAME": SERVICE_USER,
        "PILOTAGE_BROKER_PASSWORD": SERVICE_PASSWORD,
        "PILOTAGE_PORT": str(free_port()),
        "PILOTAGE_WORKER_NAME": "bench",
        "PILOTAGE_GROUND_ELEVATION_M": "5",
        "PILOTAGE_GEOID_UNDULATION_M": "-3",
        "PILOTAGE_LOG_LEVEL": "WARNING",
    }


def _register(home: Path, vehicles: int, zones: int, vehicles_a_permit: int) -> tuple[list[BenchVehicle], str]:
    now_ms = system_clock()
    engine = open_engine(f"sqlite:///{home / 'pilotage.sqlite3'}")
    migrate(engine)
    rng = np.random.default_rng(1)
    roads = [road(rng, number) for number in range(zones * 4 // 5)]
    places = roads + [corridor(rng, number) for number in range(zones - len(roads))]
    with changing_session(engine) as session:
        holder = register_organisation(session, code="bench", name_zh="测试", name_en="Bench", now_ms=0)
        user = create_user(
            session,
            email="bench@example.invalid",
            password="bench-bench-bench",
            role=Role.REGULATOR,
            display_name="Bench",
            organisation=None,
            now_ms=now_ms,
        )
        token = issue_token(session, user, name="bench", now_ms=now_ms, expires_at_ms=now_ms + DAY_MS)
        for place in places:
            _publish(session, place, now_ms)
        fleet = []
        for first in range(0, vehicles, vehicles_a_permit):
            granted = [roads[(first + number) % len(roads)] for number in range(_ROADS_A_PERMIT)]
            registered = [
                register_vehicle(
                    session, vehicle_id=f"B-{number:05d}", kind=VehicleKind.ROAD, organisation=holder, now_ms=now_ms
                )[0]
                for number in range(first, min(first + vehicles_a_permit, vehicles))
            ]
            issue_permit(
                session,
                number=f"BENCH-{first}",
                stage=PermitStage.ROAD_TEST,
                holder=holder,
                jurisdiction=jurisdiction(session),
                vehicles=registered,
                zone_ids=[zone.zone_id for zone in granted],
                conditions=Conditions(speed_cap_mps=22.0, minimum_accuracy_m=5.0),
                valid_from_ms=now_ms - DAY_MS,
                valid_until_ms=now_ms + DAY_MS,
                starts_at_ms=now_ms - DAY_MS,
                now_ms=now_ms,
                imported=True,
            )
            fleet += [
                BenchVehicle(
                    vehicle.vehicle_id,
                    telemetry_topic(vehicle.vehicle_id),
                    granted[number % len(granted)].geometry,
                )
                for number, vehicle in enumerate(registered)
            ]
    engine.dispose()
    return fleet, token


def _publish(session: object, place: ZoneRevision, now_ms: int) -> None:
    publish_zone_revision(
        session,
        zone_id=place.zone_id,
        kind=ZoneKind(place.kind),
        geometry=shapely.set_precision(place.geometry, 0),
        name_zh=place.zone_id,
        name_en=place.zone_id,
        starts_at_ms=now_ms - DAY_MS,
        now_ms=now_ms,
        half_width_m=place.half_width_m,
        band=place.band,
        imported=True,
    )
