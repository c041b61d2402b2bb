"""A small real city for tests of the whole: a database with vehicles, zones and permits, and its worker.

Everything is the product's own code, on SQLite in a directory, behind a mosquitto of tests.brokers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shapely.geometry.base import BaseGeometry
from sqlalchemy import Engine, text

from app.database import changing_session, migrate, open_engine, snapshot_connection
from app.models.permits import Stage
from app.registry import DatabaseRegistry
from app.seal_check import faults
from app.seal_faults import SealFault
from app.seal_samples import Checked
from app.services.conditions import Conditions
from app.services.organisations import register_organisation
from app.services.permits import issue_permit
from app.services.vehicles import register_vehicle
from app.services.zones import publish_zone_revision
from app.storage import open_store, stored_alerts, stored_batches
from geofences.datum import VerticalReference
from geofences.zones import VerticalBand, ZoneKind
from telemetry.clock import system_clock
from telemetry.mqtt import BrokerAddress
from telemetry.pipeline import Pipeline, PipelineSettings
from telemetry.ports import AlertChange
from telemetry.replay import Difference, judge_again
from telemetry.samples import VehicleKind
from telemetry.worker import Worker, WorkerSettings, worker_client
from tests.brokers import SERVICE_PASSWORD
from tests.jurisdictions import jurisdiction

ROOT = Path(__file__).resolve().parents[1]
DATABASE = "city.sqlite3"
LONG_AGO_MS = 1_000_000_000_000
FAR_AHEAD_MS = 4_000_000_000_000


@dataclass(frozen=True)
class DrawnZone:
    """A zone in force at all times; geometry in EPSG:4326."""

    zone_id: str
    kind: ZoneKind
    geometry: BaseGeometry
    half_width_m: float | None = None
    band: VerticalBand | None = None
    jurisdiction: str = ""


@dataclass(frozen=True)
class Grant:
    """One permit: these vehicles may use these zones."""

    kind: VehicleKind
    vehicle_ids: Sequence[str]
    zone_ids: Sequence[str]
    conditions: Conditions = field(default_factory=Conditions)


_OPENED: list[Engine] = []


@dataclass(frozen=True)
class City:
    """The database of one city; `keys` are the vehicles' integer keys."""

    directory: Path
    url: str
    engine: Engine
    keys: Mapping[str, int]

    @property
    def database(self) -> Path:
        """The file of a city on SQLite."""
        return self.directory / DATABASE

    def rows(self, query: str, **parameters: object) -> list[tuple[object, ...]]:
        """All rows of a query of the test's own."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), parameters)]

    def alerts(self) -> list[AlertChange]:
        """Every alert episode as it stands."""
        with snapshot_connection(self.engine) as connection:
            return list(stored_alerts(connection))

    def registry(self) -> DatabaseRegistry:
        return DatabaseRegistry(self.engine, VerticalReference())

    def pipeline(self) -> Pipeline:
        """The judging core on this city."""
        return Pipeline(self.registry(), open_store(self.engine), system_clock, PipelineSettings())

    def seal_faults(self) -> list[SealFault]:
        """What of the stored samples is not as it was sealed: nothing should be."""
        with snapshot_connection(self.engine) as connection:
            return list(faults(connection, Checked()))

    def replay_differences(self) -> list[Difference]:
        """What differs when everything that is stored is judged once more: nothing should."""
        with snapshot_connection(self.engine) as connection:
            return list(judge_again(stored_batches(connection), self.registry(), stored_alerts(connection)))


def build_city(directory: Path, zones: Sequence[DrawnZone], grants: Sequence[Grant], url: str | None = None) -> City:
    """Migrate a new database, on SQLite in the directory or at `url`, and register everything in it."""
    url = url or f"sqlite:///{directory / DATABASE}"
    engine = open_engine(url)
    migrate(engine)
    keys: dict[str, int] = {}
    with changing_session(engine) as session:
        holder = register_organisation(
            session, code="holder", name_zh="持有人", name_en="Holder", now_ms=system_clock()
        )
        for zone in zones:
            publish_zone_revision(
                session,
                zone_id=zone.zone_id,
                kind=zone.kind,
                geometry=zone.geometry,
                name_zh=zone.zone_id,
                name_en=zone.zone_id,
                half_width_m=zone.half_width_m,
                band=zone.band,
                jurisdiction=zone.jurisdiction,
                starts_at_ms=LONG_AGO_MS,
                now_ms=system_clock(),
                imported=True,
            )
        for number, grant in enumerate(grants):
            vehicles = []
            for vehicle_id in grant.vehicle_ids:
                vehicle, _ = register_vehicle(
                    session, vehicle_id=vehicle_id, kind=grant.kind, organisation=holder, now_ms=LONG_AGO_MS
                )
                vehicles.append(vehicle)
                keys[vehicle_id] = vehicle.id
            issue_permit(
                session,
                number=f"permit-{number}",
                stage=Stage.ROAD_TEST if grant.kind is VehicleKind.ROAD else Stage.FLIGHT_TEST,
                holder=holder,
                jurisdiction=jurisdiction(session),
                vehicles=vehicles,
                zone_ids=grant.zone_ids,
                conditions=grant.conditions,
                valid_from_ms=LONG_AGO_MS,
                valid_until_ms=FAR_AHEAD_MS,
                starts_at_ms=LONG_AGO_MS,
                now_ms=system_clock(),
                imported=True,
            )
    _OPENED.append(engine)
    return City(directory, url, engine, keys)


def close_cities() -> None:
    """Close the connections of every city that was built; tests/conftest.py does so after each test."""
    while _OPENED:
        _OPENED.pop().dispose()


@contextmanager
def worker_in_thread(city: City, broker: BrokerAddress) -> Iterator[Worker]:
    """The real worker in a thread of this process, stopped in good order."""
    settings = WorkerSettings(name="tested")
    worker = Worker(
        worker_client(broker, settings, system_clock), city.pipeline(), open_store(city.engine), settings, system_clock
    )
    thread = threading.Thread(target=worker.run, name="worker")
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join()


class WorkerProcess:
    """`pilotage ingest` in a process of its own, which may be killed at any moment."""

    def __init__(self, city: City, broker_port: int, *, name: str = "tested", partitions: str = "0-63") -> None:
        self._log_path = city.directory / f"worker-{name}.log"
        self._environment = {
            **os.environ,
            "PILOTAGE_HOME": str(city.directory / "home"),
            "PILOTAGE_SECRET_KEY": "a secret of the tests, long enough to be taken",
            "PILOTAGE_DATABASE_URL": city.url,
            "PILOTAGE_BROKER_URL": f"mqtt://127.0.0.1:{broker_port}",
            "PILOTAGE_BROKER_PASSWORD": SERVICE_PASSWORD,
            "PILOTAGE_WORKER_NAME": name,
            "PILOTAGE_PARTITIONS": partitions,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from app.cli import main; main()", "ingest"],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        assert self._process is not None
        assert self.is_alive, self.log()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, as an operator stops it; fails when it does not end in good order."""
        assert self._process is not None
        self._process.terminate()
        assert self._process.wait(30) == 0, self.log()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        return self._log_path.read_text(errors="replace")


@contextmanager
def worker_process(
    city: City, broker_port: int, *, name: str = "tested", partitions: str = "0-63"
) -> Iterator[WorkerProcess]:
    """A running worker process; at the end it must still be alive and stop in good order."""
    worker = WorkerProcess(city, broker_port, name=name, partitions=partitions)
    worker.start()
    try:
        yield worker
    except BaseException as error:
        error.add_note(f"the worker's log ends:\n{worker.log()[-5000:]}")
        raise
    finally:
        if worker.is_alive:
            worker.stop()
