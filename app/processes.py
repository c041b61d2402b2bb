"""Wires each process of an installation from its settings. What runs here knows no other process."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy.orm import Session

from app.credentials import RegisteredCredentials
from app.database import changing_session, migrate, migrated_engine, open_engine, opened_engine, snapshot_connection
from app.registry import open_registry
from app.schemas.accounts import Scope
from app.services.retention import absent_days
from app.services.tokens import issue_token
from app.services.users import user_by_email
from app.settings import Settings
from app.storage import open_store, stored_alerts, stored_batches, vehicle_key
from app.storage.archive import DAY_MS
from telemetry.airspace import AirspaceSettings
from telemetry.approaches import ApproachRules
from telemetry.broker import run_broker
from telemetry.clock import system_clock
from telemetry.mqtt import BrokerAddress
from telemetry.neighbours import Neighbours, neighbours_listener
from telemetry.pipeline import Pipeline, PipelineSettings
from telemetry.replay import judge_again
from telemetry.resumption import Resumption
from telemetry.samples import JudgedBatch
from telemetry.separation import FRESH_MS, Minima
from telemetry.worker import Worker, WorkerSettings, run_until_signalled, worker_client

#: A damaged database differs in every row; this many differences are shown, all are counted.
REPORTED_DIFFERENCES = 50


def start_logging(settings: Settings) -> None:
    """One line an event on standard error, in colour for nobody."""
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", stream=sys.stderr
    )


def broker_address(settings: Settings) -> BrokerAddress:
    """Where the broker is, and the platform's own account there."""
    return BrokerAddress(
        host=settings.broker_host,
        port=settings.broker_port,
        username=settings.broker_username,
        password=settings.broker_password,
        tls=settings.broker_tls,
    )


def run_embedded_broker(settings: Settings) -> None:
    """The embedded broker, until SIGTERM or SIGINT."""
    start_logging(settings)
    credentials = RegisteredCredentials(open_engine(settings.database_url), settings)
    run_broker(settings.mqtt_host, settings.mqtt_port, credentials)


def run_ingest(settings: Settings) -> None:
    """One ingest worker, until SIGTERM or SIGINT."""
    start_logging(settings)
    engine = open_engine(settings.database_url)
    store = open_store(engine)
    neighbours = Neighbours(
        settings.worker_name, settings.partitions, kept_ms=round(1000 * settings.approach_road_active_s) + FRESH_MS
    )
    pipeline = Pipeline(
        open_registry(engine, settings),
        store,
        system_clock,
        PipelineSettings(
            worker=settings.worker_name,
            coverage_factor=settings.coverage_factor,
            airspace=airspace_settings(settings),
        ),
        neighbours=neighbours,
    )
    worker_settings = WorkerSettings(
        name=settings.worker_name,
        partitions=settings.partitions,
        batch_messages=settings.flush_messages,
        linger_s=settings.flush_ms / 1000,
    )
    client = worker_client(broker_address(settings), worker_settings, system_clock)
    _spare_collections()
    with _listening(settings, neighbours):
        run_until_signalled(Worker(client, pipeline, store, worker_settings, system_clock, neighbours=neighbours))


@contextmanager
def _listening(settings: Settings, neighbours: Neighbours) -> Iterator[None]:
    """Hear the other workers meanwhile, if there can be any."""
    if not neighbours:
        yield
        return
    listener = neighbours_listener(broker_address(settings), settings.worker_name, neighbours)
    listener.start()
    try:
        yield
    finally:
        listener.stop()


def airspace_settings(settings: Settings) -> AirspaceSettings:
    """What is too close in the air, as the installation has it."""
    return AirspaceSettings(
        Minima(
            settings.separation_horizontal_m,
            settings.separation_vertical_m,
            settings.separation_look_ahead_s,
        ),
        ApproachRules(settings.approach_reach_m, settings.approach_height_m, settings.approach_road_active_s),
    )


def _spare_collections() -> None:
    """Let the cyclic garbage collector pass over what is here for good, and come less often.

    A flush makes tens of thousands of objects and no cycles; at the default threshold the collector
    walks through all tracks and zones again and again for nothing (about a tenth of the throughput).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def run_migration(settings: Settings) -> None:
    """Bring the database to the newest schema."""
    start_logging(settings)
    with opened_engine(settings.database_url) as engine:
        migrate(engine)


def issue_api_token(settings: Settings, email: str, *, name: str, days: int, scopes: Collection[str]) -> str:
    """A bearer token with which programs act as this user; kept as a hash only. Raises NotFound."""
    now_ms = system_clock()
    with migrated_engine(settings.database_url) as engine, changing_session(engine) as session:
        user = user_by_email(session, email)
        return issue_token(
            session,
            user,
            name=name,
            now_ms=now_ms,
            expires_at_ms=now_ms + days * 86_400_000,
            scopes=[Scope(scope) for scope in scopes],
        )


def run_replay_check(settings: Settings, vehicle_ids: Sequence[str], *, report: Callable[[str], object]) -> int:
    """Judge what is stored once more; 0 when nothing differs. Each difference is reported, up to a bound."""
    counted = 0
    differences = 0

    def counting(batches: Iterable[JudgedBatch]) -> Iterator[JudgedBatch]:
        nonlocal counted
        for batch in batches:
            counted += len(batch.samples)
            yield batch

    with migrated_engine(settings.database_url) as engine, snapshot_connection(engine) as connection:
        vehicles = [vehicle_key(connection, vehicle_id) for vehicle_id in vehicle_ids]
        with Session(connection) as session:
            resumption = Resumption([(day + 1) * DAY_MS for day in absent_days(session)])
        for difference in judge_again(
            counting(stored_batches(connection, vehicles=vehicles)),
            open_registry(engine, settings),
            stored_alerts(connection, vehicles=vehicles),
            settings.coverage_factor,
            resumption,
        ):
            differences += 1
            if differences <= REPORTED_DIFFERENCES:
                report(str(difference))
    if resumption.samples or resumption.alerts:
        report(
            f"not judged again, since what was before is in the archive: {resumption.samples} samples"
            f" of {len(resumption.vehicles)} vehicles, {resumption.alerts} alerts"
        )
    report(f"{counted - resumption.samples} samples judged again, {differences} differences")
    return 1 if differences else 0
