from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, func, inspect, select

from app.database import changing_session, migrate, open_engine, reading_session, snapshot_connection
from app.errors import NotFound
from app.models import Alert, RejectRow, Sample, Vehicle
from app.services.generations import next_generation
from app.services.organisations import register_organisation
from app.services.vehicles import register_vehicle
from app.storage import latest_positions, open_store, stored_alerts, stored_batches, vehicle_key
from app.storage.postgresql import DAY_MS, _add_partition, partition_name
from telemetry.errors import StaleRegistry, StoreUnavailable
from telemetry.findings import Finding, Severity
from telemetry.ports import AlertChange, Flush, OutboxMessage, Reject, RejectReason, Store, TrackState
from telemetry.samples import JudgedBatch, VehicleKind, take
from tests.app.batches import START_MS, flush_of, judged_batch, rows_of
from tests.databases import running_postgresql

REJECT = Reject(
    topic="v1/3/A-1/telemetry",
    vehicle=None,
    seq=None,
    reason=RejectReason.MALFORMED_JSON,
    detail="at byte 0",
    received_ms=1000,
    payload=b"{\x00\xff",
    digest=b"d" * 32,
)
NOTHING = judged_batch(0)
JUDGEMENTS = ("verdict", "undecided", "late", "zone_revision", "permit_revision")


@pytest.fixture
def store(engine: Engine) -> Store:
    return open_store(engine)


@pytest.fixture
def vehicle(engine: Engine) -> Vehicle:
    with changing_session(engine) as session:
        operator = register_organisation(session, code="op", name_zh="甲", name_en="Op", now_ms=1)
        return register_vehicle(session, vehicle_id="A-1", kind=VehicleKind.ROAD, organisation=operator, now_ms=1)[0]


def count(engine: Engine, model: type[Sample | Alert | RejectRow]) -> int:
    with reading_session(engine) as session:
        return session.scalars(select(func.count()).select_from(model)).one()


def stored_rows(engine: Engine) -> list[tuple[object, ...]]:
    return [row for batch in stored_batches(engine, size=1000) for row in rows_of(batch)]


def opened_alert(vehicle: Vehicle) -> AlertChange:
    return AlertChange(
        vehicle=vehicle.id,
        finding=Finding.OUTSIDE_AREA,
        severity=Severity.CRITICAL,
        opened_at_ms=2000,
        opened_seq=2,
        first_seen_ms=1000,
        last_seen_ms=2000,
        closed_at_ms=None,
        zone_revision=-1,
        permit_revision=-1,
        lon=113.9,
        lat=22.5,
        is_new=True,
    )


def alert_flush(*changes: AlertChange) -> Flush:
    return replace(flush_of(replace(NOTHING, generation=1)), alerts=changes)


# --- samples --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 237, 238, 239, 476, 2500])
def test_what_is_read_is_what_was_written(engine: Engine, store: Store, size: int) -> None:
    batch = judged_batch(size, seed=size)
    store.commit(flush_of(batch))
    assert stored_rows(engine) == rows_of(batch)


def test_reals_come_back_bit_for_bit(engine: Engine, store: Store) -> None:
    batch = judged_batch(4, vehicles=4)
    lon = np.array([113.9012345678901, 5e-324, -1 / 3, np.nextafter(113.9, 114)])
    store.commit(flush_of(replace(batch, samples=replace(batch.samples, lon=lon))))
    (stored,) = stored_batches(engine)
    assert stored.samples.lon.tobytes() == lon.tobytes()


def test_columns_come_back_with_their_types(engine: Engine, store: Store) -> None:
    batch = judged_batch(5)
    store.commit(flush_of(batch))
    (stored,) = stored_batches(engine)
    assert stored.samples.mode.dtype == np.int8
    assert stored.late.dtype == np.bool_
    assert stored.verdict.dtype == np.int64
    assert isinstance(stored.samples.faults, list)


def test_a_flush_without_samples_is_fine(engine: Engine, store: Store) -> None:
    store.commit(flush_of(NOTHING))
    assert count(engine, Sample) == 0


def test_writing_a_flush_again_changes_nothing(engine: Engine, store: Store) -> None:
    batch = judged_batch(1000)
    store.commit(flush_of(batch))
    judged_otherwise = replace(batch, verdict=batch.verdict + 1)
    store.commit(flush_of(judged_otherwise))
    assert stored_rows(engine) == rows_of(batch)


def test_a_flush_may_hold_the_same_sample_twice(engine: Engine, store: Store) -> None:
    one = judged_batch(1)
    rows = np.zeros(2, dtype=np.int64)
    columns = {name: getattr(one, name)[rows] for name in JUDGEMENTS}
    store.commit(flush_of(JudgedBatch(samples=take(one.samples, rows), generation=0, **columns)))
    assert stored_rows(engine) == rows_of(one)


def test_large_and_small_flushes_alternate(engine: Engine, store: Store) -> None:
    sizes = [500, 1, 3000, 2, 500]
    batches = [
        judged_batch(size, first_seq=10**6 * i + 1, start_ms=START_MS + i * 10**7) for i, size in enumerate(sizes)
    ]
    for batch in batches:
        store.commit(flush_of(batch))
    assert stored_rows(engine) == [row for batch in batches for row in rows_of(batch)]


def test_known_keys_are_told_from_new_ones(store: Store) -> None:
    batch = judged_batch(300)
    store.commit(flush_of(batch))
    samples = batch.samples
    keys = set(zip(samples.vehicle.tolist(), samples.timestamp_ms.tolist(), samples.seq.tolist(), strict=True))
    new = {(1, START_MS, 99), (99, START_MS, 1), (1, START_MS + 1, 1)}
    assert store.stored(keys | new) == keys
    assert store.stored(set()) == set()


def test_batches_are_read_per_generation_and_in_order(engine: Engine, store: Store) -> None:
    store.commit(flush_of(judged_batch(70)))
    with changing_session(engine) as session:
        next_generation(session)
    store.commit(flush_of(judged_batch(70, first_seq=11, start_ms=START_MS + 10_000, generation=1)))
    batches = list(stored_batches(engine, size=40))
    assert [(batch.generation, len(batch.samples)) for batch in batches] == [
        (0, 40),
        (0, 30),
        (1, 10),
        (1, 40),
        (1, 20),
    ]
    of_third = [seq for b in batches for seq in b.samples.seq[b.samples.vehicle == 3].tolist()]
    assert of_third == list(range(1, 21))


def test_samples_are_read_of_one_vehicle_and_period(engine: Engine, store: Store) -> None:
    store.commit(flush_of(judged_batch(70)))
    (batch,) = stored_batches(engine, vehicles=[2], since_ms=START_MS + 2000, until_ms=START_MS + 5000)
    assert batch.samples.seq.tolist() == [3, 4, 5]
    assert set(batch.samples.vehicle.tolist()) == {2}


def test_a_snapshot_sees_one_state_of_everything(engine: Engine, store: Store, vehicle: Vehicle) -> None:
    first = judged_batch(20, generation=1)
    store.commit(flush_of(first))
    with snapshot_connection(engine) as connection:
        key = vehicle_key(connection, vehicle.vehicle_id)
        batches = stored_batches(connection, size=8)
        assert len(next(batches).samples) == 8
        store.commit(flush_of(judged_batch(20, first_seq=100, start_ms=START_MS + 10**6, generation=1)))
        store.commit(alert_flush(opened_alert(vehicle)))
        assert sum(len(batch.samples) for batch in batches) == 12
        assert not list(stored_alerts(connection, vehicles=[key]))
        with pytest.raises(NotFound):
            vehicle_key(connection, "nobody")
    with snapshot_connection(engine) as connection:
        assert len(list(stored_alerts(connection, vehicles=[key]))) == 1
        assert not list(stored_alerts(connection, vehicles=[key + 1]))


# --- the registry's generation --------------------------------------------------------------


def test_a_flush_judged_before_a_change_is_refused_whole(engine: Engine, store: Store) -> None:
    with changing_session(engine) as session:
        next_generation(session)
    flush = replace(flush_of(judged_batch(10)), rejects=(REJECT,), tracks=(TrackState(1, 1, 1, 1, b""),))
    with pytest.raises(StaleRegistry):
        store.commit(flush)
    assert (count(engine, Sample), count(engine, RejectRow), store.tracks([1])) == (0, 0, [])


# --- rejects, alerts, tracks, outbox ---------------------------------------------------------


def test_rejects_are_kept_and_arrivals_counted(engine: Engine, store: Store) -> None:
    flush = replace(flush_of(NOTHING), rejects=(REJECT, replace(REJECT, received_ms=1500)))
    store.commit(flush)
    store.commit(flush)  # the same flush once more: no new arrival
    store.commit(replace(flush, rejects=(replace(REJECT, received_ms=9000),)))
    with reading_session(engine) as session:
        row = session.scalars(select(RejectRow)).one()
    assert (row.arrivals, row.first_received_ms, row.last_received_ms) == (3, 1000, 9000)
    assert (row.payload, row.reason, row.topic) == (REJECT.payload, REJECT.reason, REJECT.topic)


def test_rejects_hold_any_text(engine: Engine, store: Store) -> None:
    store.commit(replace(flush_of(NOTHING), rejects=(replace(REJECT, topic="a\0b\ud800", detail="\0"),)))
    with reading_session(engine) as session:
        row = session.scalars(select(RejectRow)).one()
    assert (row.topic, row.detail) == ("a\ufffdb?", "\ufffd")


def test_an_alert_is_opened_once_extended_and_closed(engine: Engine, store: Store, vehicle: Vehicle) -> None:
    opened = opened_alert(vehicle)
    extended = replace(opened, last_seen_ms=5000, is_new=False)
    closed = replace(extended, closed_at_ms=9000)
    for change in (opened, opened, extended, opened, closed):
        store.commit(alert_flush(change))
    assert list(stored_alerts(engine)) == [closed]


def test_a_closed_alert_is_not_reopened_by_an_older_change(engine: Engine, store: Store, vehicle: Vehicle) -> None:
    opened = opened_alert(vehicle)
    closed = replace(opened, last_seen_ms=5000, closed_at_ms=9000, is_new=False)
    store.commit(alert_flush(opened, closed))
    store.commit(alert_flush(opened))
    assert list(stored_alerts(engine)) == [closed]


def test_tracks_are_replaced(store: Store) -> None:
    first = [TrackState(vehicle, 0, -1, -1, b"a") for vehicle in range(1, 6001)]
    store.commit(replace(flush_of(NOTHING), tracks=first))
    second = TrackState(3, 7, 8000, 7, b"\x00b")
    store.commit(replace(flush_of(NOTHING), tracks=(second,)))
    found = {track.vehicle: track for track in store.tracks(range(1, 7001))}
    assert len(found) == 6000
    assert (found[3], found[4]) == (second, first[3])


def test_outbox_messages_leave_in_order_and_once(store: Store) -> None:
    messages = tuple(OutboxMessage(f"v1/service/alerts/{i}", bytes([i])) for i in range(5))
    store.commit(replace(flush_of(NOTHING), outbox=messages))
    pending = store.pending(3, ())
    assert [message for _, message in pending] == list(messages[:3])
    store.sent([key for key, _ in pending], 1)
    assert [message for _, message in store.pending(10, ())] == list(messages[3:])


def test_the_newest_live_position_of_each_vehicle(engine: Engine, store: Store, vehicle: Vehicle) -> None:
    batch = judged_batch(10, vehicles=1, generation=1)
    newest = int(batch.samples.timestamp_ms[-1])
    track = TrackState(vehicle.id, 10, newest, 10, b"")
    store.commit(replace(flush_of(batch), tracks=(track,)))
    with reading_session(engine) as session:
        ((found, sample),) = latest_positions(session, since_ms=newest)
        assert (found.vehicle_id, sample.seq, sample.lon) == ("A-1", 10, batch.samples.lon[-1])
        assert not latest_positions(session, since_ms=newest + 1)


# --- a database that is not there ------------------------------------------------------------


def test_a_locked_sqlite_database_is_unavailable_and_then_not(tmp_path: Path) -> None:
    path = tmp_path / "test.sqlite3"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    store = open_store(engine)
    flush = flush_of(judged_batch(50))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable) as caught:
            store.commit(flush)
    assert caught.value.__cause__ is not None
    store.commit(flush)
    assert count(engine, Sample) == 50
    engine.dispose()


def test_a_full_disk_is_unavailable_and_then_not(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'test.sqlite3'}")
    migrate(engine)
    store = open_store(engine)
    flush = flush_of(judged_batch(5000))
    with engine.connect() as connection:
        limit = "PRAGMA max_page_count"
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"{limit} = {pages + 5}")
    with pytest.raises(StoreUnavailable):
        store.commit(flush)
    store.commit(flush)  # on a fresh connection, without the limit
    assert count(engine, Sample) == 5000
    engine.dispose()


def test_a_read_only_sqlite_database_is_unavailable(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'test.sqlite3'}")
    migrate(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable):
        open_store(engine).commit(flush_of(judged_batch(1)))
    engine.dispose()


def test_a_damaged_file_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "test.sqlite3"
    path.write_bytes(b"this is no database" * 1000)
    engine = open_engine(f"sqlite:///{path}")
    with pytest.raises(StoreUnavailable):
        open_store(engine).tracks([1])
    engine.dispose()


def test_a_postgresql_that_stops_is_unavailable_and_comes_back() -> None:
    with running_postgresql() as server:
        engine = open_engine(server.url(server.create_database()))
        migrate(engine)
        store = open_store(engine)
        first, second = judged_batch(50), judged_batch(50, first_seq=100, start_ms=START_MS + DAY_MS)
        store.commit(flush_of(first))
        server.stop("immediate")
        for attempt in (lambda: store.commit(flush_of(second)), lambda: store.tracks([1]), lambda: store.sent([1], 1)):
            with pytest.raises(StoreUnavailable):
                attempt()
        server.start()
        store.commit(flush_of(second))
        assert stored_rows(engine) == rows_of(first) + rows_of(second)
        engine.dispose()


def test_a_session_that_an_administrator_ends_is_unavailable_and_then_not(postgresql_engine: Engine) -> None:
    store = open_store(postgresql_engine)
    flush = replace(flush_of(judged_batch(10)), tracks=(TrackState(1, 1, 1, 1, b""),))
    with postgresql_engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION end_session() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN new; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER ends BEFORE INSERT ON vehicle_tracks FOR EACH ROW EXECUTE FUNCTION end_session()"
        )
    with pytest.raises(StoreUnavailable):
        store.commit(flush)
    assert count(postgresql_engine, Sample) == 0
    with postgresql_engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER ends ON vehicle_tracks")
    store.commit(flush)
    assert count(postgresql_engine, Sample) == 10


def test_postgresql_keeps_a_partition_per_day(postgresql_engine: Engine) -> None:
    store = open_store(postgresql_engine)
    start_ms = 20_000 * DAY_MS - 1
    store.commit(flush_of(judged_batch(2, vehicles=2, start_ms=start_ms)))
    names = set(inspect(postgresql_engine).get_table_names())
    assert {partition_name(day) for day in (19_999, 20_000, 20_001)} <= names
    assert partition_name(20_000) == "samples_p20241004"
    # A second worker finds them and agrees.
    open_store(postgresql_engine).commit(flush_of(judged_batch(2, first_seq=5, vehicles=2, start_ms=start_ms)))


def test_a_new_day_waits_for_no_long_reader(postgresql_engine: Engine) -> None:
    with postgresql_engine.connect() as reader:
        reader.scalar(select(func.count()).select_from(Sample))  # its lock lasts as long as its transaction
        with postgresql_engine.connect() as writer, writer.begin():
            writer.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
            _add_partition(writer, 20_500)
    names = inspect(postgresql_engine).get_table_names()
    assert partition_name(20_500) in names
